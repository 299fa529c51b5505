"""Reads the content type of a request once for each different header.

Replaces ``_parseContentType`` of ``twisted.web.http``, the server under LocalStack's API.

Slow: it builds an e-mail message to read one header, 0.3 ms a request on the one thread that reads all requests.

The same to see: the result depends on nothing but the header's bytes.
"""

from __future__ import annotations

import functools
from types import ModuleType

from lab.emulator.runtime.hooks.replacing import replace

DIFFERENT_HEADERS = 256


def _patch(module: ModuleType) -> None:
    replace(module, "_parseContentType", functools.lru_cache(maxsize=DIFFERENT_HEADERS))


PATCHES = {"twisted.web.http": _patch}
