"""State machines as LocalStack keeps them."""

from __future__ import annotations

from typing import Any


def find(account_id: str, region_name: str, arn: str) -> Any | None:
    """The state machine of an ARN; None where there is none, or the ARN is that of an alias."""
    try:
        from localstack.services.stepfunctions.backend.models import sfn_stores  # 2026.3.0
    except ImportError:
        from localstack.services.stepfunctions.backend.store import sfn_stores
    return sfn_stores[account_id][region_name].state_machines.get(arn)
