"""The floor: the four functions of the workflow called one after the other in plain Python, nothing in between.

    python -m bench.floor --messages 2000       # one JSON object

What it takes on top is the price of everything that makes a pipeline of it: queue, workflow, workers, logs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil

from bench.processes import MIB
from lab import paths
from lab.load import messages
from lab.stack import PIPELINE_FUNCTIONS

Handler = Callable[[Any, object], dict[str, Any]]


def handlers() -> list[Handler]:
    """The four handlers, from the files that are deployed."""
    found = []
    for folder in PIPELINE_FUNCTIONS:
        spec = importlib.util.spec_from_file_location(f"floor_{folder}", paths.LAMBDAS / folder / "handler.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.append(module.lambda_handler)
    return found


def measure(count: int, began: float) -> dict[str, float]:
    """Run ``count`` messages through the handlers; ``began`` is when the process was asked for, seconds since 1970."""
    process = psutil.Process()
    start_s = time.time() - began
    clock = time.perf_counter()
    steps = handlers()
    provision_s = time.perf_counter() - clock
    bodies = [message.body for message in messages.generate(count)]
    durations = []
    used, first = time.process_time(), time.perf_counter()
    for body in bodies:
        clock = time.perf_counter()
        event: dict[str, Any] = json.loads(body)
        for step in steps:
            event = step(event, None)
        json.dumps(event)
        durations.append(time.perf_counter() - clock)
    total_s, used = time.perf_counter() - first, time.process_time() - used
    p50, p99 = np.quantile(durations, [0.5, 0.99], method="inverted_cdf").tolist()
    return {
        "start_s": start_s,
        "provision_s": provision_s,
        "first_message_s": durations[0],
        "rate": count / total_s,
        "duration_p50_s": p50,
        "duration_p99_s": p99,
        "cpu_s": used / count,
        "peak_mib": process.memory_info().rss / MIB,
    }


def run(count: int) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "bench.floor", "--messages", str(count), "--began", str(time.time())]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--began", type=float, default=time.time(), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.messages, arguments.began)))


if __name__ == "__main__":
    main()
