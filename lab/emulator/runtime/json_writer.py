"""Writes many values as JSON with one encoder.

``json.dumps`` makes an encoder for each text, which takes several times as long as writing a short one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any

PLAIN = (", ", ": ")
COMPACT = (",", ":")
_SAMPLE = {"a": ["é\n", 1.5, float("nan"), True, None], "b": {}}


def make_writer(
    default: Callable[[Any], Any], *, separators: tuple[str, str] = PLAIN, ascii_only: bool = True
) -> Callable[[Any], str]:
    """What ``json.JSONEncoder(default=…, separators=…, ensure_ascii=…).encode`` writes, and what it raises."""
    ordinary = json.JSONEncoder(default=default, separators=separators, ensure_ascii=ascii_only)
    item, key = separators
    letters = encoder.encode_basestring_ascii if ascii_only else encoder.encode_basestring
    try:
        kept = encoder.c_make_encoder(None, default, letters, None, key, item, False, False, True)  # type: ignore[attr-defined]
    except TypeError:  # a Python without it, or one that makes it otherwise
        return ordinary.encode

    def write(value: Any) -> str:
        try:
            return "".join(kept(value, 0))
        except RecursionError:  # it does not look whether something holds itself
            return ordinary.encode(value)

    assert write(_SAMPLE) == ordinary.encode(_SAMPLE)
    return write
