"""Leaves out imports at the start that nothing of the lab uses, and does the others before anybody waits for them.

Replaces the imports of ``rfc3987_syntax`` and ``numpy`` and, for one moment, that of ``moto.batch``.

LocalStack imports a service when it is first called, and ``lab up`` calls one after the other: when LocalStack is
ready, a thread imports those that the lab uses, in the order in which they are called.

Slow: JupyterLab, installed beside LocalStack, brings ``rfc3987_syntax``; ``jsonschema`` uses it when it is there, and
it builds a large grammar while it is imported: 0.6 s. The bridge to Java, which Step Functions has for JSONata, imports
NumPy where it is there: 0.1 s and 25 MB. The Batch integration of Step Functions needs one list of words from
``moto.batch``, whose package imports moto's whole EC2, which asks botocore for every region: 0.5 s.

The same to see: ``jsonschema`` checks the format "iri" only where that library is there, and no API of LocalStack has
such a format. The bridge hands over texts, for which it needs no NumPy. Batch itself is not among the lab's services,
and its import is whole again right afterwards.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

from lab.emulator.runtime import settings

SERVICES = ("sqs", "iam", "logs", "lambda", "stepfunctions")
UNUSED_LIBRARIES = ("rfc3987_syntax", "numpy")
BATCH = "moto.batch"


def install() -> None:
    """Called before LocalStack imports anything large."""
    for library in UNUSED_LIBRARIES:
        if library not in sys.modules:
            sys.modules[library] = None  # type: ignore[assignment]  # Python's way to make an import fail


@contextmanager
def _package_without_its_code(name: str) -> Iterator[None]:
    """Lets the modules of a package be imported without running the package itself."""
    if name in sys.modules:
        yield
        return
    parent_name, _, _ = name.rpartition(".")
    parent = importlib.import_module(parent_name)
    package = ModuleType(name)
    package.__path__ = [f"{path}/{name.rpartition('.')[2]}" for path in parent.__path__]
    sys.modules[name] = package
    try:
        yield
    finally:
        del sys.modules[name]
        # A list first: other threads import meanwhile, and a failed import of Step Functions would stay failed.
        for module in [each for each in list(sys.modules) if each.startswith(f"{name}.")]:
            del sys.modules[module]


def _import_batch_words(execute: Callable[[], None]) -> None:
    with _package_without_its_code(BATCH):
        execute()


def ready() -> None:
    """LocalStack is ready; nothing was called yet."""
    threading.Thread(target=_load_services, name="lab-load-services", daemon=True).start()


def _load_services() -> None:
    from localstack.services.plugins import SERVICE_PLUGINS

    enabled = settings.enabled_services()
    for name in SERVICES:
        if name in enabled:
            SERVICE_PLUGINS.require(name)


_TASKS = "localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service"
PATCHES: dict[str, Callable[[ModuleType], None]] = {}
AROUND = {f"{_TASKS}.state_task_service_batch": _import_batch_words}
