"""What a person sees while a ramp runs: a chart that updates in place in a notebook, a progress bar everywhere else.

    with live.view(total=540) as update:
        update(sent=12, finished=9, backlog=3, p99_s=0.21)

While the ramp runs, the chart is a few lines of SVG in an ipywidgets HTML: writing them takes under a millisecond,
where a matplotlib picture takes 70 ms of the interpreter that the sender's threads need too (with it, the p99 of their
send lag went from 3 to 16 ms). When it ends, a matplotlib picture takes its place, so that a saved notebook keeps a
chart and no widget state. Where a notebook runs with nobody looking (nbval, nbconvert), the cell gets the bar's last
line and nothing else.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from tqdm import tqdm

from lab import variables
from lab.charts import palette
from lab.charts.numbers import number, seconds
from lab.charts.scales import add_axes, plain_numbers
from lab.charts.style import Chart, finish, line_handle, styled

PERIOD_S = 0.5  # the chart changes twice a second at most: nobody reads faster
_LINE_PERIOD_S = 10.0  # where the bar cannot be overwritten, as in a log file, a line now and then is enough
_MOST_POINTS = 150
_SAME_READ_S = 0.05
_OLD_S = 2.0  # from this age on it is said how old a number is
_BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
_LAST_LINE = "{desc}: {n_fmt}/{total_fmt} [{elapsed}{postfix}]"  # a page of 800 pixels shows it in one line


class Update(Protocol):
    """Tells the view where the ramp is.

    ``p99_s`` (seconds) is left out while nothing has finished. All but ``sent`` is as it was ``age_s`` seconds ago.
    """

    def __call__(
        self, *, sent: int, finished: int, backlog: int, p99_s: float | None = None, age_s: float = 0.0
    ) -> None: ...


@dataclass(frozen=True)
class Moment:
    """The state of a ramp at one moment; ``at_s`` is seconds since the view began, ``p99_s`` seconds or None.

    ``sent`` is counted here, by the sender. What has finished is read in the logs, which takes its time: all others
    are as they were ``age_s`` seconds before.
    """

    at_s: float
    sent: int
    finished: int
    backlog: int
    p99_s: float | None
    age_s: float = 0.0

    @property
    def known_at_s(self) -> float:
        """When it was so, in seconds since the view began."""
        return max(self.at_s - self.age_s, 0.0)

    def words(self) -> str:
        """The moment as the bar and the chart's title write it."""
        read = f"finished {self.finished:,} · backlog {self.backlog:,}"
        read += "" if self.p99_s is None else f" · p99 {seconds(self.p99_s)}"
        old = self.age_s >= _OLD_S and self.finished < self.sent
        return f"sent {self.sent:,} · {f'{self.age_s:.0f} s ago: ' if old else ''}{read}"


class View(Protocol):
    """What :func:`view` is, and what may stand in its place."""

    def __call__(self, total: int, *, interactive: bool | None = None) -> AbstractContextManager[Update]: ...


@contextmanager
def nobody_looks(total: int, *, interactive: bool | None = None) -> Iterator[Update]:
    """No view at all: for whoever tells in sentences how far it is."""
    yield lambda **moment: None


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

    It takes a kernel, and a sign that a front end started it, which ``LAB_LIVE=1`` and ``LAB_LIVE=0`` replace:
    ``JPY_SESSION_NAME`` (Jupyter Server sets it for each notebook; nbval and nbconvert start kernels without it), the
    name that VS Code leaves, or Colab.
    """
    environment = variables.everything() if environment is None else environment
    modules = sys.modules if modules is None else modules
    shell = _shell() if shell is None else shell
    if not hasattr(shell, "kernel"):
        return False
    wished: bool | None = variables.value("LAB_LIVE", environment)
    if wished is not None:
        return wished
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
            bar_format=_LAST_LINE if self._in_kernel else _BAR,
            ascii=False if self._in_kernel else None,
            mininterval=0.1 if on_screen else _LINE_PERIOD_S,
            dynamic_ncols=on_screen,
            ncols=None if on_screen else 110,
        )
        self._last = Moment(0.0, 0, 0, 0, None)

    def update(self, *, sent: int, finished: int, backlog: int, p99_s: float | None = None, age_s: float = 0.0) -> None:
        self._last = Moment(self._clock() - self._began, sent, finished, backlog, p99_s, age_s)
        self._bar.set_postfix_str(self._last.words(), refresh=False)
        self._bar.update(finished - self._bar.n)

    def close(self) -> None:
        self._bar.refresh()
        text = str(self._bar)
        self._bar.close()
        if self._in_kernel:
            sys.stdout.write(text + "\n")


class _Picture:
    """The chart in the notebook: SVG while the ramp runs, a matplotlib picture in its place at the end."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        import ipywidgets
        from IPython.display import display

        self._clock, self._began, self._drawn = clock, clock(), 0.0
        self._total = total
        self._moments: list[Moment] = []
        self._widget = ipywidgets.HTML(value=svg([], total))
        self._handle: Any = display(self._widget, display_id=True)

    def update(self, *, sent: int, finished: int, backlog: int, p99_s: float | None = None, age_s: float = 0.0) -> None:
        now = self._clock() - self._began
        self._moments.append(Moment(now, sent, finished, backlog, p99_s, age_s))
        if now - self._drawn >= PERIOD_S:
            self._drawn = now
            self._widget.value = svg(self._moments, self._total)

    def close(self) -> None:
        self._handle.update(chart(self._moments, self._total))
        self._widget.close()


@dataclass(frozen=True)
class Curve:
    """One line of a panel: its name, colour, and points (seconds, value)."""

    name: str
    colour: str
    dash: str
    points: list[tuple[float, float]]


def panels(moments: Sequence[Moment]) -> dict[str, list[Curve]]:
    """What the three panels show, by their titles; long ramps are thinned, the last moment stays.

    What was read in the logs stands at the time for which it was read, a point a read: held until the next one it
    would fall behind what has been sent, and then jump.
    """
    thinned = list(moments[:: max(len(moments) // _MOST_POINTS, 1)])
    if moments and thinned[-1] is not moments[-1]:
        thinned.append(moments[-1])
    read: list[Moment] = []
    for moment in thinned:
        if read and moment.known_at_s - read[-1].known_at_s < _SAME_READ_S:
            read.pop()
        read.append(moment)
    latency = [(moment.known_at_s, moment.p99_s * 1000) for moment in read if moment.p99_s is not None]
    return {
        "messages": [
            Curve("sent", palette.PURPLE, "--", [(moment.at_s, moment.sent) for moment in thinned]),
            Curve("finished", palette.GREEN, "-", [(moment.known_at_s, moment.finished) for moment in read]),
        ],
        "backlog (messages)": [
            Curve("backlog", palette.BLUE, "-", [(moment.known_at_s, moment.backlog) for moment in read])
        ],
        "p99 of the last 200 (ms)": [Curve("p99", palette.VERMILLION, "-", latency)],
    }


def _heading(moments: Sequence[Moment], total: int) -> tuple[str, str]:
    words = moments[-1].words() if moments else "Waiting for the first message"
    most = max((moment.backlog for moment in moments), default=0)
    highest = f"; highest backlog {most:,}" if most else ""
    return words, f"of {total:,} messages planned{highest}; time in seconds since the start"


def chart(moments: Sequence[Moment], total: int) -> Chart:
    """The moments as a matplotlib chart, for after the ramp."""
    finding, detail = _heading(moments, total)
    drawn = Chart(height=2.9)
    with styled():
        for axes, (title, curves) in zip(add_axes(drawn, 1, 3), panels(moments).items(), strict=True):
            for curve in curves:
                times, values = [at for at, _ in curve.points], [value for _, value in curve.points]
                axes.plot(times, values, color=curve.colour, linestyle=curve.dash)
            axes.set_title(title, weight="normal")
            axes.set_xlabel("time (s)")
            axes.set_xlim(0, max(moments[-1].at_s if moments else 0.0, 1.0))
            axes.set_ylim(0, _top(curves))
            plain_numbers(axes.xaxis, bins=4)
            plain_numbers(axes.yaxis, bins=5)
    legend = [line_handle("sent", palette.PURPLE, dash="--"), line_handle("finished", palette.GREEN)]
    return finish(drawn, finding, detail, legend=legend)


def _top(curves: Sequence[Curve]) -> float:
    return max((value for curve in curves for _, value in curve.points), default=0.0) * 1.1 or 1.0


def svg(moments: Sequence[Moment], total: int) -> str:
    """The moments as an SVG picture in HTML, as wide as its cell, drawn with plain string work."""
    finding, detail = _heading(moments, total)
    longest = max(moments[-1].at_s if moments else 0.0, 1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 236" role="img" aria-label="{finding}" '
        'style="width:100%;max-width:760px;font-family:sans-serif;font-size:11px">',
        f'<rect width="760" height="236" fill="{palette.PAPER}"/>',
        f'<text x="12" y="22" font-size="15" font-weight="bold" fill="{palette.INK}">{finding}</text>',
        f'<text x="12" y="40" fill="{palette.MUTED}">{detail}</text>',
    ]
    for place, (title, curves) in enumerate(panels(moments).items()):
        left, right, top, bottom = 52 + 250 * place, 244 + 250 * place, 76, 204
        highest = _top(curves)
        parts.append(f'<text x="{left}" y="64" fill="{palette.INK}">{title}</text>')
        for share in (0.0, 0.5, 1.0):
            y = bottom - share * (bottom - top)
            parts.append(f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="{palette.RULE}"/>')
            tick = _tick(highest * share)
            parts.append(f'<text x="{left - 5}" y="{y + 4}" text-anchor="end" fill="{palette.INK}">{tick}</text>')
        for share, anchor in ((0.0, "start"), (1.0, "end")):
            x = left + share * (right - left)
            label = f"{longest * share:.0f} s"
            parts.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="{anchor}" fill="{palette.INK}">{label}</text>')
        for number_of_curve, curve in enumerate(curves):
            points = " ".join(
                f"{left + at / longest * (right - left):.1f},{bottom - value / highest * (bottom - top):.1f}"
                for at, value in curve.points
            )
            dash = ' stroke-dasharray="6 4"' if curve.dash == "--" else ""
            parts.append(f'<polyline points="{points}" fill="none" stroke="{curve.colour}" stroke-width="2"{dash}/>')
            if len(curves) > 1:
                x = left + 66 + 52 * number_of_curve
                parts.append(f'<text x="{x}" y="64" fill="{curve.colour}" font-weight="bold">{curve.name}</text>')
    return "".join([*parts, "</svg>"])


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else number(value, 2)
