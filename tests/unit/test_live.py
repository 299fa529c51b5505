"""The live view: a picture where somebody looks, one plain line where nobody does."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from lab import live
from lab.live import Moment
from lab.workshop.page import WIDTH

KERNEL = SimpleNamespace(kernel=object(), user_ns={})


def moments(count: int) -> list[Moment]:
    return [Moment(i / 4, 6 * i, 4 * i, 2 * i, None if i < 3 else 0.2 + i / 100) for i in range(count)]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("environment", "shell", "modules", "watched"),
    [
        ({}, None, {}, False),
        ({"JPY_SESSION_NAME": "03.ipynb"}, None, {}, False),
        ({}, KERNEL, {}, False),  # nbval, nbconvert, jupyter console
        ({"JPY_SESSION_NAME": "03.ipynb"}, KERNEL, {}, True),
        ({}, SimpleNamespace(kernel=object(), user_ns={"__vsc_ipynb_file__": "x"}), {}, True),
        ({}, KERNEL, {"google.colab": object()}, True),
        ({"JPY_SESSION_NAME": "03.ipynb", "LAB_LIVE": "0"}, KERNEL, {}, False),
        ({"LAB_LIVE": "1"}, KERNEL, {}, True),
        ({"LAB_LIVE": "1"}, SimpleNamespace(), {}, False),
    ],
)
def test_only_a_notebook_that_somebody_has_open_is_watched(
    environment: dict[str, str], shell: Any, modules: dict[str, object], watched: bool
) -> None:
    assert live.watched_notebook(environment, shell or SimpleNamespace(), modules) is watched


def test_the_terminal_gets_a_bar_with_sent_finished_and_backlog() -> None:
    stream = io.StringIO()
    with live.view(total=540, interactive=False, stream=stream) as update:
        update(sent=12, finished=9, backlog=3)
        update(sent=540, finished=540, backlog=0, p99_s=0.21)
    last = stream.getvalue().rstrip().split("\r")[-1]
    assert last.startswith("ramp: 100%")
    assert "540/540" in last
    assert "sent 540 · finished 540 · backlog 0 · p99 210 ms" in last


def test_the_line_of_a_kernel_that_nobody_watches_fits_a_narrow_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "_shell", lambda: KERNEL)
    with live.view(total=1890, interactive=False) as update:
        update(sent=1890, finished=1890, backlog=0, p99_s=3.45)
    (line,) = capsys.readouterr().out.splitlines()
    assert "p99 3.45 s" in line
    assert len(line) <= WIDTH


def test_a_kernel_that_nobody_watches_gets_one_line_of_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "_shell", lambda: KERNEL)
    with live.view(total=4, interactive=False) as update:
        for count in range(5):
            update(sent=count, finished=count, backlog=0)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert "\r" not in out
    assert "sent 4 · finished 4 · backlog 0" in out


class FakeWidget:
    closed = False

    def __init__(self, value: str) -> None:
        self.values = [value]

    @property
    def value(self) -> str:
        return self.values[-1]

    @value.setter
    def value(self, value: str) -> None:
        self.values.append(value)

    def close(self) -> None:
        self.closed = True


class FakeHandle:
    def __init__(self) -> None:
        self.shown: list[Any] = []

    def update(self, shown: Any) -> None:
        self.shown.append(shown)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A notebook's display and widgets, which remember what they were given."""
    seen = SimpleNamespace(widgets=[], handle=FakeHandle())

    def html(value: str) -> FakeWidget:
        seen.widgets.append(FakeWidget(value))
        return seen.widgets[-1]

    monkeypatch.setitem(sys.modules, "ipywidgets", SimpleNamespace(HTML=html))
    monkeypatch.setattr("IPython.display.display", lambda widget, display_id: seen.handle)
    return seen


def test_the_notebook_gets_a_picture_that_changes_twice_a_second_at_most(notebook: SimpleNamespace) -> None:
    clock = Clock()
    with live.view(total=100, interactive=True, clock=clock) as update:
        for _ in range(40):
            clock.now += 0.1
            update(sent=10, finished=5, backlog=5, p99_s=0.3)
        (widget,) = notebook.widgets
        assert 2 <= len(widget.values) - 1 <= 8
        assert "sent 10 · finished 5 · backlog 5 · p99 300 ms" in widget.value


def test_the_last_picture_is_a_chart_and_no_widget_stays(notebook: SimpleNamespace) -> None:
    def stopped_half_way() -> None:
        with live.view(total=100, interactive=True) as update:
            update(sent=10, finished=5, backlog=5, p99_s=0.3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped_half_way()
    (chart,) = notebook.handle.shown
    assert chart.finding == "sent 10 · finished 5 · backlog 5 · p99 300 ms"
    assert notebook.widgets[0].closed


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_the_svg_is_well_formed_and_stays_small(count: int) -> None:
    picture = live.svg(moments(count), 6000)
    root = ElementTree.fromstring(picture)
    assert root.tag.endswith("svg")
    assert len(picture) < 30_000
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 4


def test_the_svg_shows_the_last_moment_however_it_is_thinned() -> None:
    (sent, finished) = live.panels(moments(1001))["messages"]
    assert sent.points[-1] == (250.0, 6000)
    assert finished.points[-1] == (250.0, 4000)
    assert len(sent.points) < 400


def test_the_chart_after_the_ramp_has_three_panels_with_units() -> None:
    chart = live.chart(moments(20), 200)
    assert [axes.get_title(loc="left") for axes in chart.axes] == [
        "messages",
        "backlog (messages)",
        "p99 of the last 200 (ms)",
    ]
    assert live.chart([], 200).finding == "Waiting for the first message"


def test_ipython_is_not_imported_to_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert live.watched_notebook({"LAB_LIVE": "1"}) is False
    assert "IPython" not in sys.modules
