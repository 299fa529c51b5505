"""Tells a LocalStack that will never be ready from one that is slow: its port answers errors, or its log has one."""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from pathlib import Path

# It answers nothing at all until it is ready; errors for that long are no hiccup.
ERRORS_FOR_S = 2.0
# With a traceback in its log it may still come up, but not that much later.
AFTER_TRACEBACK_S = 10.0
_LAST_LINES = 8
_TRACEBACK = "Traceback (most recent call last)"
# The end of a traceback, or what LocalStack logs in its own words.
_ERROR_LINE = re.compile(r"^\s*((?:\w+\.)*\w*(?:Error|Exception|Exit)(?:: .*)?)$|^\S+ +(?:ERROR|CRITICAL) .*? : (.+)$")


class Watch:
    """Looks at the answers and the log of one LocalStack while it starts."""

    def __init__(self, log_file: str) -> None:
        self._log_file = log_file
        self._errors_since: float | None = None
        self._traceback_since: float | None = None

    def failing(self, status: int | None) -> bool:
        """Whether it is given up, after one more answer (its HTTP status, None without one)."""
        now = time.monotonic()
        if status is None or status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._errors_since = None
        elif self._errors_since is None:
            self._errors_since = now
        if self._traceback_since is None and _TRACEBACK in log_text(self._log_file):
            self._traceback_since = now
        return (self._errors_since is not None and now - self._errors_since >= ERRORS_FOR_S) or (
            self._traceback_since is not None and now - self._traceback_since >= AFTER_TRACEBACK_S
        )


def log_text(log_file: str) -> str:
    """All that it printed; empty when there is no log."""
    try:
        return Path(log_file).read_text("utf-8", errors="replace")
    except OSError:
        return ""


def last_lines(log_file: str) -> str:
    """The end of its log, indented."""
    return "\n".join(f"    {line}" for line in log_text(log_file).splitlines()[-_LAST_LINES:])


def last_error(log_file: str) -> str:
    """The last error of its log, such as ``PermissionError: [Errno 13] …``; empty when there is none."""
    found = [match[1] or match[2] for line in log_text(log_file).splitlines() if (match := _ERROR_LINE.match(line))]
    return found[-1] if found else ""
