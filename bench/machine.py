"""What a result was measured on: never the machine's name, always what decides its speed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psutil


def cpu_model() -> str:
    """The processor as the system calls it; its architecture where nothing better is known."""
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        return answer or platform.machine()
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        named = None
    return named[1].strip() if named else platform.machine()


def describe() -> str:
    """One line: date, processor, cores, memory, system, Python, LocalStack, and how busy the machine already was."""
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{cpu_model()}, {psutil.cpu_count() or 1} cores",
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"localstack-core {importlib.metadata.version('localstack-core')}",
    ]
    if hasattr(os, "getloadavg"):
        parts.append(f"load average before the run {os.getloadavg()[0]:.1f}")
    return "; ".join(parts)
