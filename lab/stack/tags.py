"""Every resource carries the same three tags, in the two shapes that AWS asks for."""

from __future__ import annotations

from datetime import UTC, datetime

KEY = "express-lab"


def as_mapping(lab_name: str) -> dict[str, str]:
    """Tags as SQS, Lambda and Logs take them."""
    return {KEY: "true", f"{KEY}:name": lab_name, f"{KEY}:created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def as_pairs(lab_name: str, *, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as IAM (``Key``, ``Value``) and Step Functions (``key``, ``value``) take them."""
    return [{key: name, value: content} for name, content in as_mapping(lab_name).items()]
