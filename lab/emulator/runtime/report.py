"""Tells the outside what this LocalStack really loaded, as a JSON file and at an address of its own.

LocalStack falls back to Docker without a word when it does not know an executor's name, so whoever starts it must be
able to see which one it got.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.emulator.runtime.settings import ENVIRONMENT

# Beside LocalStack's own /_localstack/health.
ADDRESS = "/_localstack/express-lab"


def make_report(executor: str, hooks: Mapping[str, str], version: str) -> dict[str, Any]:
    """``{"executor", "hooks": {name: "on" | "off" | "stood aside: reason"}, "pid", "python", "version"}``."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"  # which runs the functions too
    return {"executor": executor, "hooks": dict(hooks), "pid": os.getpid(), "python": python, "version": version}


def serve_report(report: Mapping[str, Any]) -> None:
    """Answers it at ``ADDRESS``."""
    from localstack.http import Request, Resource
    from localstack.services.internal import get_internal_apis

    class ReportResource:
        def on_get(self, request: Request) -> dict[str, Any]:
            return dict(report)

    get_internal_apis().add(Resource(ADDRESS, ReportResource()))


def write_report(report: Mapping[str, Any]) -> None:
    """Writes it to the file that ``LAB_EMULATOR_REPORT`` names, if it does. The file appears whole or not at all."""
    target = ENVIRONMENT.get("LAB_EMULATOR_REPORT", "")
    if not target:
        return
    temporary = Path(f"{target}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    temporary.replace(target)
