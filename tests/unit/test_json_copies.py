"""Copies of JSON: equal, and nothing that could be changed is shared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lab.emulator.runtime.hooks.json_copies import _copy_of_program_state, copy_of

json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def containers(value: Any) -> Iterator[int]:
    if isinstance(value, dict | list):
        yield id(value)
        for each in value.values() if isinstance(value, dict) else value:
            yield from containers(each)


@given(json_data)
def test_a_copy_is_equal_and_shares_no_container(value: Any) -> None:
    copied = copy_of(value)
    assert copied == value
    assert set(containers(copied)).isdisjoint(containers(value))


def test_what_json_does_not_have_is_copied_too() -> None:
    value = {"when": datetime(2026, 11, 26), "pair": ([1], {"a": [2]}), "text": "ä"}
    copied = copy_of(value)
    assert copied == value
    copied["pair"][1]["a"].append(3)
    assert value["pair"][1]["a"] == [2]


class State:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def test_a_program_state_is_another_one_and_so_is_what_it_holds() -> None:
    running = State(next_state_name="a", next_field_name=None)
    copied = _copy_of_program_state(running)
    copied.next_state_name = "b"
    assert running.next_state_name == "a"
    failed = State(error={"cause": ["x"]}, next_state_name="a")
    _copy_of_program_state(failed).error["cause"].append("y")
    assert failed.error == {"cause": ["x"]}
