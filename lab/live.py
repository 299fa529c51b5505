"""What a person sees while a ramp runs: a chart that updates in place in a notebook, a progress bar everywhere else.

    with live.view(total=540) as update:
        update(sent=12, finished=9, backlog=3, p99_s=0.21)

The chart is an ipywidgets picture as long as the ramp runs; when it ends, a plain PNG takes its place, so that a saved
notebook keeps the chart and no widget state. Where a notebook runs with nobody looking (nbval, nbconvert), the cell
gets the bar's last line and nothing else.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from tqdm import tqdm

from lab.charts.style import (
    BLUE,
    GREEN,
    MUTED,
    PURPLE,
    SCREEN_DPI,
    SMALL_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
    VERMILLION,
    Chart,
    number,
    plain_numbers,
    seconds,
    styled,
)

PERIOD_S = 0.5  # the chart is drawn twice a second at most: drawing takes time from the sender in the same process
_LINE_PERIOD_S = 10.0  # where the bar cannot be overwritten, as in a log file, a line now and then is enough
_MOST_POINTS = 400
_BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class Update(Protocol):
    """Tells the view where the ramp is. ``p99_s`` (seconds) is left out while nothing has finished."""

    def __call__(self, *, sent: int, finished: int, backlog: int, p99_s: float | None = None) -> None: ...


@dataclass(frozen=True)
class Moment:
    """The state of a ramp at one moment; ``at_s`` is seconds since the view began, ``p99_s`` seconds or None."""

    at_s: float
    sent: int
    finished: int
    backlog: int
    p99_s: float | None

    def words(self) -> str:
        """The moment as the bar and the chart's title write it."""
        words = f"sent {self.sent:,} · finished {self.finished:,} · backlog {self.backlog:,}"
        return words if self.p99_s is None else f"{words} · p99 {seconds(self.p99_s)}"


@contextmanager
def view(
    total: int,
    *,
    interactive: bool | None = None,
    name: str = "ramp",
    clock: Callable[[], float] = time.monotonic,
    stream: TextIO | None = None,
) -> Iterator[Update]:
    """Show the progress of a ramp until the ``with`` block ends, however it ends.

    Args:
        total: number of messages planned.
        interactive: a chart in the notebook (True), the bar (False), or what fits (None): see ``watched_notebook``.
        name: what is going on, before the bar.
        clock: seconds, monotonic.
        stream: where the bar goes; standard error when left out, standard output in a kernel.
    """
    if watched_notebook() if interactive is None else interactive:
        shown: _Picture | _Bar = _Picture(total, clock)
    else:
        shown = _Bar(total, name, clock, stream)
    try:
        yield shown.update
    finally:
        shown.close()


def watched_notebook(
    environment: Mapping[str, str] | None = None,
    shell: object | None = None,
    modules: Mapping[str, object] | None = None,
) -> bool:
    """Whether this code runs in a notebook that somebody has open.

    ``LAB_LIVE=1`` and ``LAB_LIVE=0`` decide it by hand. Else it takes a kernel, and a sign that a front end started it:
    ``JPY_SESSION_NAME`` (Jupyter Server sets it for each notebook; nbval and nbconvert start kernels without it), the
    name that VS Code leaves, or Colab.
    """
    environment = os.environ if environment is None else environment
    modules = sys.modules if modules is None else modules
    wished = environment.get("LAB_LIVE", "").strip().lower()
    if wished in ("0", "1"):
        return wished == "1"
    shell = _shell() if shell is None else shell
    if not hasattr(shell, "kernel"):
        return False
    in_editor = "__vsc_ipynb_file__" in getattr(shell, "user_ns", {})
    return "JPY_SESSION_NAME" in environment or in_editor or "google.colab" in modules


def _shell() -> object | None:
    """IPython's shell; None in plain Python, without importing IPython to find out."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


class _Bar:
    """The plain progress bar; in a kernel that nobody watches, only its last state, as one line of output."""

    def __init__(self, total: int, name: str, clock: Callable[[], float], stream: TextIO | None) -> None:
        self._in_kernel = stream is None and hasattr(_shell(), "kernel")
        self._sink: TextIO = io.StringIO() if self._in_kernel else stream or sys.stderr
        on_screen = self._sink.isatty()
        self._began, self._clock = clock(), clock
        self._bar: Any = tqdm(
            total=total,
            desc=name,
            file=self._sink,
            bar_format=_BAR,
            mininterval=0.1 if on_screen else _LINE_PERIOD_S,
            dynamic_ncols=on_screen,
            ncols=None if on_screen else 110,
        )
        self._last = Moment(0.0, 0, 0, 0, None)

    def update(self, *, sent: int, finished: int, backlog: int, p99_s: float | None = None) -> None:
        self._last = Moment(self._clock() - self._began, sent, finished, backlog, p99_s)
        self._bar.set_postfix_str(self._last.words(), refresh=False)
        self._bar.update(finished - self._bar.n)

    def close(self) -> None:
        self._bar.refresh()
        text = str(self._bar)
        self._bar.close()
        if self._in_kernel:
            sys.stdout.write(text + "\n")


class _Picture:
    """The chart in the notebook: an ipywidgets picture, replaced by a plain one at the end."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        import ipywidgets
        from IPython.display import display

        self._clock, self._began, self._drawn = clock, clock(), -PERIOD_S
        self._moments: list[Moment] = []
        self._chart = LiveChart(total)
        self._widget = ipywidgets.Image(value=self._chart.frame([]), format="png", layout={"max_width": "100%"})
        self._handle: Any = display(self._widget, display_id=True)

    def update(self, *, sent: int, finished: int, backlog: int, p99_s: float | None = None) -> None:
        now = self._clock() - self._began
        self._moments.append(Moment(now, sent, finished, backlog, p99_s))
        if now - self._drawn >= PERIOD_S:
            self._drawn = now
            self._widget.value = self._chart.frame(self._moments)

    def close(self) -> None:
        self._chart.frame(self._moments)
        self._handle.update(self._chart)
        self._widget.close()


class LiveChart(Chart):
    """Three small panels against time: sent and finished, backlog, p99. Made once, then only its lines change.

    The margins are fixed: measuring a layout anew for every frame would take most of the time.
    """

    def __init__(self, total: int) -> None:
        super().__init__(height=2.75, measured=False)
        self.subplots_adjust(left=0.085, right=0.985, top=0.70, bottom=0.17, wspace=0.36)
        with styled():
            self._counts, self._backlog, self._latency = panels = self.subplots(1, 3)
            (self._sent_line,) = self._counts.plot([], [], color=PURPLE, linestyle="--", label="sent")
            (self._finished_line,) = self._counts.plot([], [], color=GREEN, label="finished")
            (self._backlog_line,) = self._backlog.plot([], [], color=BLUE)
            (self._latency_line,) = self._latency.plot([], [], color=VERMILLION)
            self._counts.set_ylim(0, max(total, 1) * 1.05)
            self._counts.legend(loc="upper left", handlelength=1.4, borderpad=0.1, fontsize=SMALL_SIZE)
            for axes, title in zip(panels, ("messages", "backlog (messages)", "p99 end to end (ms)"), strict=True):
                axes.set_title(title, weight="normal")
                axes.set_xlabel("time (s)")
                axes.tick_params(labelsize=SMALL_SIZE)
                plain_numbers(axes.xaxis, bins=4)
                plain_numbers(axes.yaxis, bins=5)
            self._title = self.text(0.016, 0.955, "", size=TITLE_SIZE - 1.5, weight="bold", va="top")
            self.text(0.016, 0.845, f"of {number(total, 12)} messages planned", size=TEXT_SIZE, color=MUTED, va="top")

    def frame(self, moments: list[Moment]) -> bytes:
        """Draw the moments so far; give the picture as PNG bytes."""
        thinned = moments[:: max(len(moments) // _MOST_POINTS, 1)]
        if moments and thinned[-1] is not moments[-1]:
            thinned.append(moments[-1])
        times = [moment.at_s for moment in thinned]
        self._sent_line.set_data(times, [moment.sent for moment in thinned])
        self._finished_line.set_data(times, [moment.finished for moment in thinned])
        self._backlog_line.set_data(times, [moment.backlog for moment in thinned])
        known = [(moment.at_s, moment.p99_s * 1000) for moment in thinned if moment.p99_s is not None]
        self._latency_line.set_data([at for at, _ in known], [value for _, value in known])
        for axes, highest in (
            (self._backlog, max((moment.backlog for moment in moments), default=0)),
            (self._latency, max((value for _, value in known), default=0.0)),
        ):
            axes.set_ylim(0, max(highest * 1.15, 1.0))
        for axes in (self._counts, self._backlog, self._latency):
            axes.set_xlim(0, max(times[-1] if times else 0.0, 1.0))
        self.finding = moments[-1].words() if moments else "waiting for the first message"
        self._title.set_text(self.finding)
        return self.png(SCREEN_DPI)
