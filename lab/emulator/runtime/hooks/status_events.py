"""Sends execution status events to EventBridge only where something can receive them.

Replaces ``Execution.publish_execution_status_change_event``.

Slow: two events an execution, each one HTTP request of LocalStack to itself with a new client: about 12 ms each.

The same to see: when any rule or archive exists in the execution's account and region, the event is sent as before.
Without one it would have been dropped. AWS sends such events of Standard Workflows only, and so does this.
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from lab.emulator.runtime import state_machines
from lab.emulator.runtime.hooks.replacing import replace

in_place = False  # `fast_lane` starts no execution that would publish by a request
EXPRESS = "EXPRESS"
EVENTS_MODELS = "localstack.services.events.models"


def somebody_listens(account_id: str, region_name: str) -> bool:
    """Whether a rule or an archive exists that could receive an event."""
    import sys

    models = sys.modules.get(EVENTS_MODELS)
    if models is None:  # the service was never used
        return False
    store = models.events_stores[account_id][region_name]
    return bool(store.archives) or any(bus.rules for bus in store.event_buses.values())


def publishes(account_id: str, region_name: str, state_machine_arn: str) -> bool:
    """Whether executions of a state machine send events that something could receive."""
    if not somebody_listens(account_id, region_name):
        return False
    machine = state_machines.find(account_id, region_name, state_machine_arn)
    return getattr(machine, "sm_type", "") != EXPRESS


def _patch(module: ModuleType) -> None:
    def make(publish: Any) -> Any:
        @functools.wraps(publish)
        def publish_where_somebody_listens(self: Any) -> None:
            if self.sm_type != EXPRESS and somebody_listens(self.account_id, self.region_name):
                publish(self)

        return publish_where_somebody_listens

    replace(module.Execution, "publish_execution_status_change_event", make)
    globals()["in_place"] = True


PATCHES = {"localstack.services.stepfunctions.backend.execution": _patch}
