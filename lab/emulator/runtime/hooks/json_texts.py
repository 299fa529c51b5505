"""Keeps the encoders that write the data and events of an execution as JSON.

Replaces ``to_json_str`` of ``localstack.services.stepfunctions.asl.utils.encoding``.

Slow: each text comes from an encoder that is made for it, some fifty for each message of the pipeline, and most of them
are short.

The same to see: the same texts, and the same errors.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace
from lab.emulator.runtime.json_writer import COMPACT, PLAIN, make_writer


def _patch(module: ModuleType) -> None:
    default = module._DateTimeEncoder().default
    writers = {
        None: make_writer(default),
        PLAIN: make_writer(default),
        COMPACT: make_writer(default, separators=COMPACT),
    }

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def to_json_str(obj: Any, separators: tuple[str, str] | None = None) -> str:
            write = writers.get(separators)
            return str(original(obj, separators)) if write is None else write(obj)

        return to_json_str

    replace(module, "to_json_str", make)


PATCHES = {"localstack.services.stepfunctions.asl.utils.encoding": _patch}
