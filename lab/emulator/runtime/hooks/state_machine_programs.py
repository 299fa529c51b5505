"""Parses each state machine definition once.

Replaces ``AmazonStateLanguageParser.parse``.

Slow: each execution parses the text of the definition anew with a parser in pure Python, about 30 ms for the four-state
machine. Creating a state machine parses the same text several times more.

The same to see: the result depends on nothing but the text, and an execution keeps all it changes in its own
environment. A definition with an error is not remembered, so it fails each time.
"""

from __future__ import annotations

import functools
from types import ModuleType

DIFFERENT_DEFINITIONS = 128


def _patch(module: ModuleType) -> None:
    parser = module.AmazonStateLanguageParser
    parser.parse = staticmethod(functools.lru_cache(maxsize=DIFFERENT_DEFINITIONS)(parser.parse))


PATCHES = {"localstack.services.stepfunctions.asl.parse.asl_parser": _patch}
