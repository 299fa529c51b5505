"""Every resource carries the same tags, in the two shapes that AWS asks for; on AWS also that of its run."""

from __future__ import annotations

from lab.clock import today

KEY = "express-lab"
NAME_KEY = f"{KEY}:name"


def as_mapping(lab_name: str, run: str = "") -> dict[str, str]:
    """Tags as SQS, Lambda and Logs take them."""
    tags = {KEY: "true", NAME_KEY: lab_name, f"{KEY}:created": today().strftime("%Y-%m-%dT%H:%M:%SZ")}
    return tags | ({f"{KEY}:run": run} if run else {})


def as_pairs(lab_name: str, run: str = "", *, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as IAM (``Key``, ``Value``) and Step Functions (``key``, ``value``) take them."""
    return [{key: name, value: content} for name, content in as_mapping(lab_name, run).items()]
