"""Delivers execution log events in the background, in batches, in order and complete.

Replaces ``__init__`` and ``publish_history_log`` of ``CloudWatchLoggingSession``.

Slow: one PutLogEvents request of LocalStack to itself for every event, made by the execution while it runs: 22 requests
of 5 to 10 ms for the four-state machine. They are also the reason why stock LocalStack loses events under load: it
takes any error for success.

The same to see: the same events with the same text and time stamps, in the same stream of the same group, at most a
tenth of a second later (AWS promises no time at all). What is still queued when LocalStack stops is delivered first.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime.hooks.log_delivery import DELIVERY, Destination, LogEvent

flush = DELIVERY.flush


def _patch(module: ModuleType) -> None:
    session_class = module.CloudWatchLoggingSession
    to_json_str = module.to_json_str
    assert callable(session_class.publish_history_log)

    def initialise(self: Any, execution_arn: str, configuration: Any) -> None:
        self.execution_arn = execution_arn
        self.configuration = configuration
        self.lab_destination = Destination(
            configuration.log_account_id,
            configuration.log_region,
            configuration.log_group_name,
            configuration.log_stream_name,
        )

    def publish_history_log(self: Any, history_log: Any) -> None:
        timestamp_ms = int(history_log["event_timestamp"].timestamp() * 1000)
        DELIVERY.add(LogEvent(self.lab_destination, timestamp_ms, functools.partial(to_json_str, history_log)))

    session_class.__init__ = initialise
    session_class.publish_history_log = publish_history_log


PATCHES = {"localstack.services.stepfunctions.asl.eval.event.logging": _patch}
