"""Writes a benchmark's Markdown and its chart, and formats the numbers in its tables."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path

from lab.charts.style import Chart

RESULTS = Path(__file__).parent / "results"
NOTHING = "—"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], texts: Collection[str] = ()) -> str:
    """A Markdown table; the first column and those named in ``texts`` are text, others are aligned to the right."""
    rule = ["---", *("---" if name in texts else "--:" for name in header[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *rows))


def write(
    folder: Path, name: str, title: str, machine: str, parts: Sequence[str], chart: Chart | None = None, alt: str = ""
) -> Path:
    """Write ``folder/name.md``, with ``name.png`` in it if there is a chart; return the path of the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    sections = [f"# {title}", f"{machine}."]
    if chart is not None:
        chart.save_png(folder / f"{name}.png")
        sections.append(f"![{alt or chart.finding}]({name}.png)")
    path = folder / f"{name}.md"
    path.write_text("\n\n".join([*sections, *parts]) + "\n", "utf-8")
    return path


def seconds(value: float, digits: int = 1) -> str:
    """``2.6 s``."""
    return NOTHING if math.isnan(value) else f"{value:.{digits}f} s"


def milliseconds(value_s: float) -> str:
    """Seconds as ``15 ms``, with one digit more below ten, and as ``0.02 ms`` below one."""
    if math.isnan(value_s):
        return NOTHING
    value = value_s * 1000
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.{1 if value >= 1 else 2}f} ms"


def rate(value: float) -> str:
    """Messages per second, ``55.7/s``."""
    return NOTHING if math.isnan(value) else f"{value:,.1f}/s" if value < 1000 else f"{value:,.0f}/s"


def mebibytes(value: float) -> str:
    """``345 MiB``."""
    return NOTHING if math.isnan(value) else f"{value:,.0f} MiB"


def verdict(met: bool, text: str) -> str:
    """A line of a list: what was asked for, and whether it was met."""
    return f"- {'met' if met else '**not met**'}: {text}"
