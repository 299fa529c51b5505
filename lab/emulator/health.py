"""What a LocalStack says of itself over HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from http import HTTPStatus

# Where the lab's runtime answers what it loaded.
REPORT_ADDRESS = "/_localstack/express-lab"


def answers(port: int, timeout_s: float) -> bool:
    """Whether a LocalStack answers at this port of 127.0.0.1."""
    return answer(port, timeout_s) == HTTPStatus.OK


def answer(port: int, timeout_s: float) -> int | None:
    """The HTTP status with which the port answers when asked for its health; None when nothing does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/_localstack/health", timeout=timeout_s) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError, http.client.HTTPException):
        return None


def executor_at(endpoint_url: str, timeout_s: float = 5.0) -> str | None:
    """The Lambda executor that a LocalStack with the lab's own runtime says it loaded; None from any other."""
    return _told(endpoint_url, "executor", timeout_s)


def python_at(endpoint_url: str, timeout_s: float = 5.0) -> str | None:
    """The Python that runs functions in a LocalStack with the lab's own runtime, such as 3.13; None from any other."""
    return _told(endpoint_url, "python", timeout_s)


def _told(endpoint_url: str, key: str, timeout_s: float) -> str | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint_url.rstrip('/')}{REPORT_ADDRESS}", timeout=timeout_s) as response:
            return str(json.loads(response.read())[key])
    except (OSError, ValueError, KeyError, TypeError):
        return None
