"""Runs the whole course on the target that ``LAB_TARGET`` names, in a lab that is up for it: 01 to the end, then 99.

    LAB_TARGET=localstack .venv/bin/python -m tests.notebooks.course [NUMBER ...]

Each notebook is executed from its source with the solutions filled in; nothing of the project is written. Any cell that
fails ends it. The lab must be empty before, and is proved to be empty after.
"""

from __future__ import annotations

import sys
import time

from nbclient.exceptions import CellExecutionError

from lab import stack
from lab.target import resolve
from tests.notebooks import authoring, execute
from tests.notebooks.authoring import Edition


def course(wanted: list[str]) -> list[Edition]:
    """The solved edition of each notebook, in the order in which they are taken."""
    solved = [edition for edition in authoring.editions() if edition.solved]
    return [edition for edition in solved if not wanted or edition.source.stem.startswith(tuple(wanted))]


def main(wanted: list[str]) -> int:
    """Execute them; 0 when all passed and nothing of the lab is left."""
    target = resolve()
    failed = False
    try:
        for edition in course(wanted):
            execute.prepare(edition.path)
            began = time.perf_counter()
            try:
                execute.execute(edition)
            except CellExecutionError as error:
                print(f"{edition.name} failed:\n{error}", file=sys.stderr, flush=True)  # noqa: T201
                failed = True
                break
            print(f"{edition.name}: {time.perf_counter() - began:.1f} s", flush=True)  # noqa: T201
    finally:
        survivors = stack.destroy(target)
    if survivors:
        print(f"These survived: {', '.join(survivors)}", file=sys.stderr)  # noqa: T201
    return 1 if failed or survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
