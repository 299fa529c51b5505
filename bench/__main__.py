"""All benchmarks, or those that are named:

    python -m bench [pipeline growth sender observations saturation forecast hub]

Each writes its Markdown, and most a chart, into ``bench/results``; with ``--quick`` into ``out/bench``. Run the full
form on a machine that does nothing else. Ctrl-C ends it and every emulator that it started.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench import forecast, growth, hub, machine, options, pipeline, saturation, tables
from bench.options import Options
from bench.workplace import interruptible

_GRACE_S = 30.0


def sender(chosen: Options) -> Path:
    """The sender alone, against LocalStack; see ``bench/sender.py``."""
    arguments = ["--seconds", "2"] if chosen.quick else []
    return _printed("sender", "The sender alone, nothing behind the queue", arguments, chosen)


def observations(chosen: Options) -> Path:
    """Log events into tables; see ``bench/observations.py``."""
    arguments = ["--sizes", "10000,30000"] if chosen.quick else []
    return _printed("observations", "From log events to tables", arguments, chosen)


def _printed(name: str, title: str, arguments: list[str], chosen: Options) -> Path:
    """Run ``bench.name`` as a program of its own, show what it prints, and keep that as its result."""
    described = machine.describe()
    lines = []
    # In a session of its own, so that Ctrl-C reaches it once, through us: it stops its emulator then.
    with subprocess.Popen(
        [sys.executable, "-u", "-m", f"bench.{name}", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            with interruptible():
                for line in process.stdout or ():
                    print(line, end="", flush=True)
                    lines.append(line)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
            raise
    if process.returncode:
        raise SystemExit(f"bench.{name} failed.")
    return tables.write(chosen.folder, name, title, described, ["".join(lines).strip()])


BENCHMARKS: dict[str, Callable[[Options], Path]] = {
    "pipeline": pipeline.run,
    "growth": growth.run,
    "sender": sender,
    "observations": observations,
    "saturation": saturation.run,
    "forecast": forecast.run,
    "hub": hub.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="benchmark", help=f"{', '.join(BENCHMARKS)}; default is all")
    options.add_to(parser)
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; choose from {', '.join(BENCHMARKS)}")
    chosen = options.options_of(arguments)
    try:
        for name in arguments.names or BENCHMARKS:
            options.say(f"== {name}")
            options.say(f"   {BENCHMARKS[name](chosen)}")
    except KeyboardInterrupt:
        options.say("Stopped; everything that was started has been ended.")
        sys.exit(130)


if __name__ == "__main__":
    main()
