"""The options that all benchmarks share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.tables import RESULTS
from lab import paths


def say(text: str) -> None:
    """Print to standard error, at once: a benchmark is long, and standard output is for results."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Options:
    """How to run a benchmark.

    Attributes:
        quick: a short form that shows that everything works; its figures mean little.
        folder: where results go.
        rounds: repetitions; 0 is the benchmark's own number.
    """

    quick: bool
    folder: Path
    rounds: int = 0
    say: Callable[[str], None] = say


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the shared options to a parser."""
    parser.add_argument("--quick", action="store_true", help="a short form, for trying")
    parser.add_argument("--out", type=Path, help="folder for results (bench/results; with --quick out/bench)")
    parser.add_argument("--rounds", type=int, default=0, help="repetitions, where a benchmark repeats")


def options_of(arguments: argparse.Namespace) -> Options:
    """The options of parsed arguments."""
    folder = arguments.out or (paths.PROJECT / "out" / "bench" if arguments.quick else RESULTS)
    return Options(arguments.quick, folder, arguments.rounds)


def parser_for(description: str | None, arguments: Sequence[str] | None = None) -> Options:
    """Parse the command line of one benchmark."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_to(parser)
    return options_of(parser.parse_args(arguments))
