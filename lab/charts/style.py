"""What all charts share: the header with the finding, axes and legends, and figures that never touch pyplot."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lab.charts import palette
from lab.charts.text import SMALL_SIZE, TEXT_SIZE, TITLE_SIZE, drawable, font_families, text_height, wrap
from lab.charts.values import Told

WIDTH_IN = 7.6
SCREEN_DPI, PNG_DPI = 100, 150
MARGIN_IN = 0.12


# Settings of the process rather than of a picture.
_NOT_OF_STYLE = frozenset({"backend", "backend_fallback", "interactive", "toolbar", "timezone", "webagg.port"})


@cache
def style() -> dict[str, Any]:
    """The rcParams of every chart. ``text.parse_math`` is off because a word such as ``$a$`` is text, not a formula."""
    return {
        "font.family": list(font_families()),
        "font.size": TEXT_SIZE,
        "text.color": palette.INK,
        "text.parse_math": False,
        "axes.titlesize": TEXT_SIZE,
        "axes.titlecolor": palette.INK,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": TEXT_SIZE,
        "axes.labelcolor": palette.MUTED,
        "axes.edgecolor": "#8C959F",
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "axes.facecolor": palette.PAPER,
        "grid.color": palette.RULE,
        "grid.linewidth": 0.7,
        "xtick.color": "#8C959F",
        "ytick.color": "#8C959F",
        "xtick.labelcolor": palette.INK,
        "ytick.labelcolor": palette.INK,
        "xtick.labelsize": TEXT_SIZE,
        "ytick.labelsize": TEXT_SIZE,
        "lines.linewidth": 2.0,
        "lines.markersize": 5.5,
        "lines.solid_capstyle": "round",
        "hatch.linewidth": 0.7,
        "legend.frameon": False,
        "legend.fontsize": TEXT_SIZE,
        "figure.facecolor": palette.PAPER,
        "savefig.facecolor": palette.PAPER,
    }


def styled() -> AbstractContextManager[None]:
    """The style of the charts for as long as the ``with`` block lasts; the user's own settings come back after it.

    What a user's ``matplotlibrc`` says does not apply meanwhile: TeX or other fonts would break what was measured.
    """
    defaults, now = mpl.rcParamsDefault, mpl.rcParams
    users = {key: defaults[key] for key in defaults if key not in _NOT_OF_STYLE and now[key] != defaults[key]}
    return mpl.rc_context(users | style())  # type: ignore[arg-type]


class Chart(Figure):
    """A matplotlib Figure that knows its finding and shows itself as a picture in Jupyter.

    It owns an Agg canvas and is unknown to pyplot, so nothing is drawn twice and nothing piles up in memory.

    Attributes:
        finding: the sentence of the title, computed from the data.
        detail: the second line, what is drawn and how it was measured.
        notes: sentences under the axes.
        told: the values where they are drawn; see ``lab.charts.values``.
    """

    finding: str = ""
    detail: str = ""
    notes: Sequence[str] = ()

    def __init__(self, width: float = WIDTH_IN, height: float = 4.2) -> None:
        """Make an empty chart of ``width`` by ``height`` inches."""
        with styled():
            super().__init__(figsize=(width, height), dpi=SCREEN_DPI, layout="constrained")
        self.told: list[Told] = []
        self._kept: bytes | None = None
        FigureCanvasAgg(self)

    def draw(self, renderer: RendererBase) -> None:
        # Tick labels are made while drawing, so the style has to hold here as well.
        with styled():
            super().draw(renderer)

    def png(self, dpi: float = PNG_DPI) -> bytes:
        """The chart as the bytes of a PNG file, at ``dpi`` dots an inch."""
        return self._kept if self._kept is not None and dpi == PNG_DPI else _rendered(self, dpi)

    def keep_png(self) -> None:
        """Render the chart for good: whatever is changed afterwards is not seen any more. Rendering takes 0.1 s."""
        self._kept = _rendered(self, PNG_DPI)

    def save_png(self, path: Path, dpi: float = PNG_DPI) -> Path:
        """Write the chart to ``path`` as PNG and give the path back."""
        path.write_bytes(self.png(dpi))
        return path

    @property
    def alternative(self) -> str:
        """What the chart says, for those who do not see it: all sentences on it."""
        return ". ".join(part.rstrip(".") for part in (self.finding, self.detail, *self.notes) if part)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, object]]]:
        """The picture as HTML, since JupyterLab and nbconvert give a bare PNG no alternative text.

        The PNG is for what reads no HTML, such as an export to PDF.
        """
        picture, width = base64.b64encode(self.png()).decode("ascii"), round(self.get_figwidth() * SCREEN_DPI)
        text = html.escape(self.alternative)
        page = f'<img alt="{text}" width="{width}" src="data:image/png;base64,{picture}">'
        return (
            {"text/html": page, "image/png": picture, "text/plain": repr(self)},
            {"image/png": {"width": width, "alt": self.alternative}},
        )

    def __repr__(self) -> str:
        return f"<Chart: {self.finding}>"

    __str__ = __repr__


def png_of(figure: Figure, dpi: float = PNG_DPI) -> bytes:
    """Any matplotlib figure as PNG bytes, at ``dpi`` dots an inch."""
    return figure.png(dpi) if isinstance(figure, Chart) else _rendered(figure, dpi)


def _rendered(figure: Figure, dpi: float) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def finish(
    chart: Chart, finding: str, detail: str = "", *, legend: Sequence[Artist] = (), notes: Sequence[str] = ()
) -> Chart:
    """Put title, second line, legend and foot notes around the axes, all measured so that nothing is cut off.

    Args:
        legend: handles with labels, laid out in as many columns as fit.
        notes: sentences under the axes, for instance why a stage is invalid.
    """
    chart.finding, chart.detail, chart.notes = finding, detail, tuple(notes)
    height, width = chart.get_figheight(), chart.get_figwidth()
    left, room = MARGIN_IN / width, (width - 2 * MARGIN_IN) * chart.dpi
    with styled():
        used = MARGIN_IN
        for text, size, weight, colour in (
            (finding, TITLE_SIZE, "bold", palette.INK),
            (detail, TEXT_SIZE, "normal", palette.MUTED),
        ):
            if text:
                lines = wrap(chart, drawable(text), room, size, weight)
                chart.text(left, 1 - used / height, lines, size=size, weight=weight, color=colour, va="top")
                used += text_height(lines, size) + 0.06
        if legend:
            used += _place_legend(chart, list(legend), left, used, room)
        foot = MARGIN_IN / 2
        for note in reversed(notes):
            lines = wrap(chart, drawable(note), room, SMALL_SIZE, "normal")
            chart.text(left, foot / height, lines, size=SMALL_SIZE, color=palette.MUTED, va="bottom")
            foot += text_height(lines, SMALL_SIZE) + 0.04
    engine = chart.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(rect=(left / 2, foot / height, 1 - left, 1 - (used + foot) / height), w_pad=0.06, h_pad=0.06)
    return chart


def marked(chart: Chart, words: str) -> Chart:
    """The chart with ``words`` across it and in its alternative text, such as whose run it shows; none, no mark."""
    if words:
        with styled():
            chart.text(
                0.5,
                0.5,
                drawable(words),
                size=17,
                color=palette.MUTED,
                alpha=0.45,
                ha="center",
                va="center",
                rotation=12,
            ).set_in_layout(False)
        chart.notes = (words, *chart.notes)
    return chart


def _place_legend(chart: Chart, handles: list[Artist], left: float, used: float, room: float) -> float:
    """Draw the legend below ``used`` inches from the top; give back the inches that it takes."""
    labels = [drawable(str(handle.get_label())) for handle in handles]
    # A dash and a dot of a thick line are longer than the usual piece of line, and would look like two dashes.
    dotted = any(
        isinstance(each, Line2D) and each.get_linestyle() == "-." and each.get_linewidth() >= 2 for each in handles
    )
    for wished in range(len(handles), 0, -1):
        columns = math.ceil(len(handles) / math.ceil(len(handles) / wished))  # no half-empty last row
        legend = chart.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(left, 1 - used / chart.get_figheight()),
            ncols=columns,
            borderaxespad=0.0,
            borderpad=0.1,
            handlelength=3.0 if dotted else 1.6,
            columnspacing=1.3,
        )
        box = legend.get_window_extent(chart.canvas.get_renderer())  # type: ignore[attr-defined]
        if box.width <= room or columns == 1:
            break
        legend.remove()
    legend.set_in_layout(False)
    return float(box.height) / chart.dpi + 0.06


def sentence_chart(finding: str, sentence: str, height: float = 2.2) -> Chart:
    """The chart of nothing: a title and one sentence that says why, in place of empty axes."""
    chart = Chart(height=height)
    with styled():
        text = wrap(chart, drawable(sentence), (WIDTH_IN - 1.2) * chart.dpi, TEXT_SIZE + 1, "normal")
        chart.text(0.5, 0.42, text, ha="center", va="center", color=palette.MUTED, size=TEXT_SIZE + 1)
    finish(chart, finding)
    chart.detail = sentence  # it is drawn already
    return chart


def line_handle(label: str, colour: str, *, marker: str = "", dash: str = "-", width: float = 2.0) -> Line2D:
    """A legend entry for a line."""
    return Line2D([], [], color=colour, marker=marker, linestyle=dash, linewidth=width, label=label)  # type: ignore[arg-type]


def patch_handle(label: str, colour: str, *, hatch: str = "", edge: str | None = None) -> Patch:
    """A legend entry for an area or a bar."""
    return Patch(facecolor=colour, edgecolor=edge or palette.PAPER, hatch=hatch, label=label)


def state_styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and hatch of each state, in the order given: neighbours differ in both, so that a grey print reads too."""
    return {
        name: (palette.SERIES[place % len(palette.SERIES)], palette.HATCHES[place % len(palette.HATCHES)])
        for place, name in enumerate(dict.fromkeys(names))
    }
