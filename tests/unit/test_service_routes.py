"""Requests to a service that is being loaded, with LocalStack's own loader and router."""

from __future__ import annotations

import threading
import types
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab.emulator.runtime.hooks import service_routes


class SlowRouter:
    """A router in which a service's operations arrive when the test says so."""

    def __init__(self) -> None:
        self.adding, self.go_on = threading.Event(), threading.Event()
        self.services: list[str] = []

    def add_skeleton(self, skeleton: str) -> None:
        self.adding.set()
        assert self.go_on.wait(10)
        self.services.append(skeleton)


@pytest.mark.slow
def test_no_request_passes_a_service_whose_operations_are_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("localstack.aws.handlers.service_plugin")
    monkeypatch.setattr(module.ServiceLoader, "require_service", module.ServiceLoader.require_service)
    for patch in service_routes.PATCHES.values():
        patch(module)
    router: Any = SlowRouter()
    service = module.Service("sqs", skeleton="sqs")
    manager: Any = types.SimpleNamespace(exists=lambda name: True, require=lambda name: service)
    loader = module.ServiceLoader(manager, router)
    request = types.SimpleNamespace(service=types.SimpleNamespace(service_name="sqs"))

    def known_after_loading() -> list[str]:
        loader(None, request, None)
        return list(router.services)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(known_after_loading)
        assert router.adding.wait(10)
        second = pool.submit(known_after_loading)
        assert not second.done()
        threading.Timer(0.05, router.go_on.set).start()
        assert first.result(10) == second.result(10) == ["sqs"]
    assert known_after_loading() == ["sqs"], "and it is loaded once"
