"""What a LocalStack says of itself over HTTP."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

# Where the lab's runtime answers what it loaded.
REPORT_ADDRESS = "/_localstack/express-lab"
HEALTH_ADDRESS = "/_localstack/health"
# LocalStack 4.9.2 takes no runtime of a newer Python without the hook `function_runtimes`.
_NEWEST_KNOWN_MINOR = 13


def answers(port: int, timeout_s: float) -> bool:
    """Whether a LocalStack answers at this port of 127.0.0.1."""
    return answer(port, timeout_s) == HTTPStatus.OK


def answer(port: int, timeout_s: float) -> int | None:
    """The HTTP status with which the port answers when asked for its health; None when nothing does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{HEALTH_ADDRESS}", timeout=timeout_s) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError, http.client.HTTPException):
        return None


def loaded_services_at(endpoint_url: str, timeout_s: float = 5.0) -> set[str] | None:
    """The services that a LocalStack has loaded, because somebody called them; None when it does not say."""
    services = _read(f"{endpoint_url.rstrip('/')}{HEALTH_ADDRESS}", timeout_s).get("services")
    return {name for name, state in services.items() if state == "running"} if isinstance(services, dict) else None


def executor_at(endpoint_url: str, timeout_s: float = 5.0) -> str | None:
    """The Lambda executor that a LocalStack with the lab's own runtime says it loaded; None from any other."""
    executor = _report(endpoint_url, timeout_s).get("executor")
    return None if executor is None else str(executor)


def runtime_at(endpoint_url: str, timeout_s: float = 5.0) -> str | None:
    """The runtime that functions are to name, such as ``python3.13``; None from a LocalStack that is not the lab's.

    It is the Python that runs them, or the newest one that LocalStack knows where the hook for newer ones is off.
    """
    told = _report(endpoint_url, timeout_s)
    if (python := told.get("python")) is None:
        return None
    taken = (told.get("hooks") or {}).get("function_runtimes") == "on"
    minor = int(str(python).partition(".")[2])
    return f"python3.{minor if taken else min(minor, _NEWEST_KNOWN_MINOR)}"


def hooks_at(endpoint_url: str, timeout_s: float = 5.0) -> dict[str, str]:
    """What became of each hook in a LocalStack with the lab's own runtime; empty from any other."""
    told = _report(endpoint_url, timeout_s).get("hooks")
    return dict(told) if isinstance(told, dict) else {}


def service_at(endpoint_url: str, service: str, timeout_s: float = 5.0) -> str | None:
    """What a LocalStack says of one of its services: ``running`` once it was used; None where nothing answers."""
    services = _read(f"{endpoint_url.rstrip('/')}{HEALTH_ADDRESS}", timeout_s).get("services")
    return services.get(service) if isinstance(services, dict) else None


def _report(endpoint_url: str, timeout_s: float) -> dict[str, Any]:
    return _read(f"{endpoint_url.rstrip('/')}{REPORT_ADDRESS}", timeout_s)


def _read(address: str, timeout_s: float) -> dict[str, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=timeout_s) as response:
            report = json.loads(response.read())
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}
