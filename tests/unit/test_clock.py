"""The host's clock against the service's: what answers and messages tell of the difference, and breaks of time."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
from botocore.awsrequest import AWSResponse

from lab import paths
from lab.clock import UNKNOWN, Difference, ServiceClock, Steadiness, difference_of_messages, host
from lab.target import Target
from tests.unit.clocks_data import TwoClocks

AHEAD = [0.0, 0.6, -0.6, 3.0, -3.0, 90.0, -90.0]


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> TwoClocks:
    clocks = TwoClocks()
    monkeypatch.setattr(host, "wall_ns", clocks.host_ns)
    return clocks


# The difference


def test_two_observations_allow_what_both_allow() -> None:
    both = Difference(-1.0, 2.0) & Difference(1.0, 5.0)
    assert both == Difference(1.0, 2.0)
    assert (both.known, both.holds, both.agree) == (True, True, False)
    assert (both.ahead_s, both.uncertainty_s) == (1.5, 0.5)


def test_where_the_clocks_may_agree_nothing_is_corrected() -> None:
    near = Difference(-0.002, 0.010)
    assert (near.agree, near.ahead_s, near.uncertainty_s) == (True, 0.0, 0.010)


def test_what_contradicts_itself_has_no_number() -> None:
    apart = Difference(5.0, 1.0)
    assert not apart.holds
    assert math.isnan(apart.ahead_s)
    assert apart.uncertainty_s == math.inf
    # The machines of a service differ by some milliseconds: that is no contradiction.
    assert Difference(1.004, 1.0).ahead_s == pytest.approx(1.002)


def test_of_what_nothing_is_known_nothing_is_said() -> None:
    assert not UNKNOWN.known
    assert math.isnan(UNKNOWN.ahead_s)
    assert not Difference(low_s=3.0).known


@pytest.mark.parametrize("ahead_s", AHEAD)
def test_messages_tell_the_difference_to_the_length_of_the_fastest_call(ahead_s: float) -> None:
    # left (host), acknowledged (host), stamped (service); the stamp is cut to milliseconds.
    stamps = [
        (ahead_s + 1.0, ahead_s + 1.5, 1.400),
        (ahead_s + 2.0, ahead_s + 2.010, 2.004),
        (ahead_s + 3.0, math.inf, 3.200),  # never acknowledged, and yet it arrived
    ]
    found = difference_of_messages(stamps)
    assert found.low_s <= ahead_s <= found.high_s
    assert found.high_s - found.low_s <= 0.012 + 1e-9


def test_a_message_that_was_never_acknowledged_bounds_one_side_only() -> None:
    found = difference_of_messages([(10.0, math.inf, 8.0)])
    assert found == Difference(10.0 - 8.0 - 0.001, math.inf)


# The service's clock, from dates of whole seconds


@pytest.mark.parametrize("ahead_s", AHEAD)
def test_answers_in_different_parts_of_a_second_narrow_the_difference_down(clocks: TwoClocks, ahead_s: float) -> None:
    clocks.ahead_s = ahead_s
    service = ServiceClock(clocks.monotonic)
    clocks.call(service)
    first = service.difference
    assert first.low_s <= ahead_s <= first.high_s
    assert first.high_s - first.low_s == pytest.approx(1.010)
    for _ in range(30):
        clocks.wait(0.137)
        clocks.call(service)
    found = service.difference
    assert found.low_s <= ahead_s <= found.high_s
    assert found.high_s - found.low_s < 0.1


@pytest.mark.parametrize("ahead_s", AHEAD)
def test_the_earliest_now_is_never_after_the_services_and_a_second_before_at_most(
    clocks: TwoClocks, ahead_s: float
) -> None:
    clocks.ahead_s = ahead_s
    service = ServiceClock(clocks.monotonic)
    for _ in range(20):
        clocks.wait(0.31)
        clocks.call(service)
        early_ms = clocks.service_s() * 1000 - (service.earliest_now_ms() or 0)
        assert 0 <= early_ms <= 1_012


def test_without_an_answer_there_is_no_now() -> None:
    service = ServiceClock()
    assert service.earliest_now_ms() is None
    service.note(0, 1, "no date at all")
    assert service.earliest_now_ms() is None


def test_what_was_learned_before_the_hosts_clock_was_set_is_forgotten(clocks: TwoClocks) -> None:
    service = ServiceClock(clocks.monotonic)
    for _ in range(20):
        clocks.wait(0.137)
        clocks.call(service)
    clocks.ahead_s = 0.4  # within the second that one answer leaves open
    assert not service.difference.known
    clocks.call(service)
    assert service.difference.low_s <= 0.4 <= service.difference.high_s


def test_what_was_learned_before_the_services_clock_was_set_is_forgotten() -> None:
    service = ServiceClock()
    for stamp in ("Thu, 26 Nov 2026 13:31:29 GMT", "Thu, 26 Nov 2026 13:31:24 GMT"):
        service.note(1_795_699_889_000_000_000, 1_795_699_889_010_000_000, stamp)
    assert service.difference.agree is False
    assert service.difference.holds
    assert service.difference.ahead_s == pytest.approx(4.5, abs=0.01)


def test_what_was_learned_long_ago_says_nothing_of_now(clocks: TwoClocks) -> None:
    service = ServiceClock(clocks.monotonic)
    clocks.call(service)
    clocks.wait(31)
    assert not service.difference.known


def test_a_target_listens_to_its_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 1_795_699_889_500_000_000
    monkeypatch.setattr(host, "wall_ns", lambda: now_ns + 3_000_000_000)
    target = Target("localstack", "t", endpoint_url="http://127.0.0.1:1")

    def answer(request: object, **_: object) -> AWSResponse:
        class Raw:
            def stream(self, **_: object) -> list[bytes]:
                return [b'{"Account": "0"}']

        return AWSResponse("http://127.0.0.1:1", 200, {"date": "Thu, 26 Nov 2026 13:31:29 GMT"}, Raw())

    client = target.client("sqs")
    client.meta.events.register("before-send", answer)
    client.list_queues()
    assert target.clock.difference.low_s <= 3.0 <= target.clock.difference.high_s
    assert 0 <= now_ns // 1_000_000 - target.earliest_now_ms() <= 1_000


# The host's time that does not simply run on


@pytest.fixture
def steadiness(clocks: TwoClocks) -> Steadiness:
    return Steadiness(clocks.monotonic, clocks.with_sleep)


def test_time_that_runs_on_is_no_break(clocks: TwoClocks, steadiness: Steadiness) -> None:
    for _ in range(50):
        clocks.wait(0.2)
        clocks.ahead_s += 0.0001  # what a network's time server slews
        steadiness.look()
    assert steadiness.breaks == ()


@pytest.mark.parametrize(
    ("ahead_s", "said"), [(5.0, "set forward by 5.00 s"), (-90.0, "set back by 90.00 s"), (0.02, "forward by 0.02 s")]
)
def test_a_clock_that_is_set_is_a_break_at_its_place(
    clocks: TwoClocks, steadiness: Steadiness, ahead_s: float, said: str
) -> None:
    began_ns = clocks.host_ns()
    clocks.wait(1.0)
    steadiness.look()
    clocks.ahead_s = ahead_s
    clocks.wait(0.2)
    steadiness.look()
    clocks.wait(0.2)
    steadiness.look()
    (found,) = steadiness.breaks
    assert said in found.reason
    # On the line of time that began with the run, whatever the clock says now.
    assert found.after_ns - began_ns == pytest.approx(1.0e9, abs=1e3)
    assert found.before_ns - began_ns == pytest.approx(1.2e9, abs=1e3)


def test_a_laptop_that_slept_is_told_from_a_clock_that_was_set(clocks: TwoClocks, steadiness: Steadiness) -> None:
    clocks.sleep(60)
    clocks.wait(0.2)
    steadiness.look()
    assert [each.reason for each in steadiness.breaks] == ["this machine slept for 60.0 s"]


def test_where_sleep_cannot_be_told_it_is_a_break_all_the_same(clocks: TwoClocks) -> None:
    steadiness = Steadiness(clocks.monotonic, clocks.monotonic)
    clocks.sleep(60)
    steadiness.look()
    assert [each.reason for each in steadiness.breaks] == ["this machine's clock was set forward by 60.00 s"]


def test_a_busy_machine_that_interrupts_each_reading_is_no_clock_that_was_set(clocks: TwoClocks) -> None:
    def slow() -> float:
        clocks.wait(interrupted)
        return clocks.with_sleep()

    interrupted = 0.0
    steadiness = Steadiness(clocks.monotonic, slow)
    interrupted = 0.05  # between the monotonic clock and the time of day, at every try
    steadiness.look()
    assert steadiness.breaks == ()


def test_a_lab_that_stood_still_is_a_break(clocks: TwoClocks, steadiness: Steadiness) -> None:
    clocks.wait(7.0)
    steadiness.look()
    assert [each.reason for each in steadiness.breaks] == ["the lab stood still for 7.0 s"]


def test_the_watch_looks_by_itself_and_once_more_at_the_end(clocks: TwoClocks) -> None:
    with Steadiness(clocks.monotonic, clocks.with_sleep) as steadiness:
        clocks.ahead_s = 2.0
    assert len(steadiness.breaks) == 1


# The rule: the host's time of day is read in one place

READINGS = {
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "clock_gettime", "clock_gettime_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "Timestamp": {"now", "utcnow", "today"},
}
# The first is that place. What runs inside LocalStack is the service, and reads the service's clock.
OUTSIDE = (paths.PROJECT / "lab" / "clock", paths.PROJECT / "lab" / "emulator" / "runtime")
# A note that must differ from the last one; nothing is compared with it.
ALLOWED = {("notebooks/source/04_latency.py", "time.time")}


def readings_of_the_clock(source: str) -> set[str]:
    """Every reading of the host's time of day in a Python text, called or handed on."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = getattr(node.value, "attr", getattr(node.value, "id", ""))
            if node.attr in READINGS.get(owner, ()):
                found.add(f"{owner}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            found |= {f"time.{name.name}" for name in node.names if name.name in READINGS["time"]}
    return found


def test_the_readings_are_recognised() -> None:
    text = "from time import time\nsince = datetime.datetime.now()\npd.Timestamp.now('UTC')\nSender(wall=time.time_ns)"
    assert readings_of_the_clock(text) == {"time.time", "datetime.now", "Timestamp.now", "time.time_ns"}
    assert readings_of_the_clock("time.monotonic(); time.sleep(1); here.clock.now()") == set()


def test_the_hosts_time_of_day_is_read_in_one_place() -> None:
    files = [*(paths.PROJECT / "lab").rglob("*.py"), *(paths.PROJECT / "notebooks" / "source").glob("*.py")]
    inside = [file for file in files if not any(file.is_relative_to(folder) for folder in OUTSIDE)]
    assert len(inside) > 100
    found = {(_name(file), reading) for file in inside for reading in readings_of_the_clock(file.read_text("utf-8"))}
    assert found == ALLOWED


def _name(file: Path) -> str:
    return file.relative_to(paths.PROJECT).as_posix()
