"""A host and a service whose clocks the tests set, for the tests of the clocks."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

SERVICE_EPOCH_S = 1_790_000_000.0


class TwoClocks:
    """True time, and two clocks that are wrong by so much; time passes by `wait`, and while a call is under way."""

    def __init__(self, ahead_s: float = 0.0, *, call_s: float = 0.010) -> None:
        self.true_s = 0.0
        self.asleep_s = 0.0
        self.ahead_s = ahead_s
        self.call_s = call_s

    def wait(self, seconds: float) -> None:
        self.true_s += seconds

    def sleep(self, seconds: float) -> None:
        """The machine sleeps: the monotonic clock stands still, every other one runs on."""
        self.true_s += seconds
        self.asleep_s += seconds

    def monotonic(self) -> float:
        return self.true_s - self.asleep_s

    def with_sleep(self) -> float:
        return self.true_s

    def host_ns(self) -> int:
        return round((SERVICE_EPOCH_S + self.true_s + self.ahead_s) * 1e9)

    def service_s(self) -> float:
        return SERVICE_EPOCH_S + self.true_s

    def call(self, clock: Any) -> None:
        """One call, of whose answer `clock` hears; the service looks at its clock half-way."""
        asked_ns = self.host_ns()
        self.wait(self.call_s / 2)
        date = formatdate(self.service_s(), usegmt=True)
        self.wait(self.call_s / 2)
        clock.note(asked_ns, self.host_ns(), date)
