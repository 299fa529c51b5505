"""What the kept encoder writes: the text of ``json.dumps``, and its errors."""

from __future__ import annotations

import datetime
import functools
import json
from typing import Any

import pytest

from lab.emulator.runtime.hooks.payload_limits import MAXIMUM_BYTES, fits
from lab.emulator.runtime.json_writer import COMPACT, PLAIN, make_writer

VALUES: list[Any] = [
    "",
    'a "text"\n é 東 😀 \ud800 \x7f </script>',
    [1, -0.0, 1e400, float("nan"), 10**400, True, None, [], {}],
    {1: "a", None: "b", False: "c", 1.5: "d", "e": {"f": [{"g": ()}]}},
    datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC),
    {"when": datetime.date(2026, 11, 26), "what": {"a set"}},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(type(value)))
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("separators", [PLAIN, COMPACT])
def test_it_writes_what_dumps_writes(value: Any, separators: tuple[str, str], ascii_only: bool) -> None:
    write = make_writer(str, separators=separators, ascii_only=ascii_only)
    expected = json.dumps(value, default=str, separators=separators, ensure_ascii=ascii_only)
    assert [write(value), write(value)] == [expected, expected]


def test_it_raises_what_dumps_raises() -> None:
    def refuse(value: Any) -> Any:
        raise LookupError(value)

    circle: list[Any] = []
    circle.append(circle)
    for value, default, error, said in (
        (circle, str, ValueError, "Circular reference"),
        ({(1, 2): 3}, str, TypeError, "keys must be str"),
        ({1, 2}, refuse, LookupError, "{1, 2}"),
    ):
        for write in (functools.partial(json.dumps, default=default), make_writer(default)):
            with pytest.raises(error, match=said):
                write(value)


def test_a_value_that_is_too_long_by_one_byte_does_not_fit() -> None:
    assert fits({"a": "é" * ((MAXIMUM_BYTES - 8) // 2)})
    assert not fits({"a": "é" * ((MAXIMUM_BYTES - 8) // 2) + "b"})
