"""Tells the outside what this LocalStack really loaded, as a JSON file.

LocalStack falls back to Docker without a word when it does not know an executor's name, so whoever starts it must be
able to see which one it got.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def write_report(executor: str, hooks: Mapping[str, str], version: str) -> None:
    """Writes ``{"executor", "hooks": {name: "on" | "off" | "stood aside: reason"}, "pid", "version"}``.

    Does nothing unless ``LAB_EMULATOR_REPORT`` names a file. The file appears whole or not at all.
    """
    target = os.environ.get("LAB_EMULATOR_REPORT", "")
    if not target:
        return
    report = {"executor": executor, "hooks": dict(hooks), "pid": os.getpid(), "version": version}
    temporary = Path(f"{target}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    temporary.replace(target)
