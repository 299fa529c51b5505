"""Settings of the emulator's runtime, read from environment variables (listed in the package's docstring)."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Other modules of this room take what they need from here.
ENVIRONMENT: Mapping[str, str] = os.environ
LEAST_WORKERS = 2
# Behind an event source mapping, where a worker that waits for what it called leaves its core to others. Each takes
# some 50 MiB.
MOST_WORKERS_BEHIND_MAPPING = 10
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


def workers_per_function(environment: Mapping[str, str] = ENVIRONMENT, cores: int | None = None) -> int:
    """Most worker processes of one function version, at least 1.

    Without ``LAB_WORKERS_PER_FUNCTION`` it is the number of cores, but at least 2, so that one slow invocation does not
    hold up all others. A value that is no number is as good as none.
    """
    configured = environment.get("LAB_WORKERS_PER_FUNCTION", "")
    if configured.isdigit():
        return max(1, int(configured))
    return max(LEAST_WORKERS, cores or os.cpu_count() or 1)


def workers_behind_mapping(batches: int, environment: Mapping[str, str] = ENVIRONMENT, cores: int | None = None) -> int:
    """Most worker processes of a function version that an event source mapping invokes: one for each batch, up to ten.

    Args:
        batches: of the mapping at once.
    """
    workers = workers_per_function(environment, cores)
    if environment.get("LAB_WORKERS_PER_FUNCTION", "").isdigit():
        return workers
    return max(workers, min(batches, MOST_WORKERS_BEHIND_MAPPING))


def pure_python_runtime_client(environment: Mapping[str, str] = ENVIRONMENT) -> bool:
    """Whether workers must use the pure-Python runtime client even where the compiled one is installed."""
    return environment.get("LAB_PURE_PYTHON_RUNTIME_CLIENT", "").lower() in TRUE_WORDS


def enabled_services(environment: Mapping[str, str] = ENVIRONMENT) -> frozenset[str]:
    """The services that LocalStack is limited to (its own variable ``SERVICES``); empty when it has all."""
    return frozenset(name for name in environment.get("SERVICES", "").split(",") if name)


def listens_in_container(environment: Mapping[str, str] = ENVIRONMENT) -> bool:
    """Whether this is the program of the lab's own image: all three of its marks are there.

    The embedded emulator is given none of them, and its launcher refuses one that listens elsewhere than on 127.0.0.1.
    """
    return (
        environment.get("LAB_LISTEN") == "container"
        and environment.get("LAB_IMAGE") == "1"
        and environment.get("GATEWAY_LISTEN", "").startswith("0.0.0.0:")
    )
