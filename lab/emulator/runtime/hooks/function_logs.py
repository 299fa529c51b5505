"""Delivers the logs of functions in the background, in batches and without HTTP.

Replaces ``start_subscriber`` and ``add_logs`` of ``LogHandler``.

Slow: every function version has a thread of its own with a role session and a client of its own (150 ms when the
function is created), and each invocation costs one PutLogEvents request of LocalStack to itself; five for each message
of the pipeline.

The same to see: the same lines in the same streams of the same group, at most a tenth of a second later.
"""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.log_delivery import DELIVERY, Destination, LogEvent
from lab.emulator.runtime.hooks.replacing import replace

flush = DELIVERY.flush


def _patch(module: ModuleType) -> None:
    def initialise(original: Any) -> Any:
        def __init__(self: Any, role_arn: str, region: str) -> None:  # noqa: N807
            original(self, role_arn, region)
            self.lab_account_id = role_arn.split(":")[4]

        return __init__

    def start_subscriber(self: Any) -> None:
        """Nothing to start: one thread serves all functions."""

    def add_logs(self: Any, log_item: Any) -> None:
        if not module.is_api_enabled("logs"):
            return
        destination = Destination(
            self.lab_account_id, self.region, log_item.log_group, log_item.log_stream, create_group=True
        )
        now_ms = int(time.time() * 1000)
        for line in log_item.logs.split("\n"):
            if line:  # CloudWatch takes no empty events
                DELIVERY.add(LogEvent(destination, now_ms, (line + "\n").__str__))

    handler = module.LogHandler
    replace(handler, "__init__", initialise)
    replace(handler, "start_subscriber", lambda original: start_subscriber)
    replace(handler, "add_logs", lambda original: add_logs)


PATCHES = {"localstack.services.lambda_.invocation.logs": _patch}
