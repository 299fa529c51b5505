"""Parses each JSONPath once.

Replaces ``parse`` and ``extract_json`` of ``localstack.services.stepfunctions.asl.utils.json_path``, and ``parse`` of
``result_path``.

Slow: every evaluation of a path builds the whole expression again, and with ``jsonpath_ng`` before 1.8 the parser's
tables too: about 15 ms a path. The four-state machine evaluates some twenty paths an execution.

The same to see: an expression depends on nothing but its text and is not changed by a search. ``$``, by far the most
frequent path, selects the data itself; that needs no search.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.replacing import replace

ROOT = "$"
DIFFERENT_PATHS = 4096


def _patch_parse(module: ModuleType) -> None:
    replace(module, "parse", functools.lru_cache(maxsize=DIFFERENT_PATHS))


def _patch(module: ModuleType) -> None:
    _patch_parse(module)

    def make(extract_json: Any) -> Any:
        @functools.wraps(extract_json)
        def extract(path: str, data: Any) -> Any:
            return data if path == ROOT else extract_json(path, data)

        return extract

    replace(module, "extract_json", make)


PATCHES = {
    "localstack.services.stepfunctions.asl.utils.json_path": _patch,
    "localstack.services.stepfunctions.asl.component.common.path.result_path": _patch_parse,
}
