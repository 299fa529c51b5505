"""Where the probes work, what they tell each other, and what one of them finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.stack import Names, queues

Verdict = Literal["works", "differs", "missing"]
DEADLINE_S = 20.0


class DiffersError(Exception):
    """The call is there, and does something else than on AWS."""


@dataclass(frozen=True)
class Result:
    """What became of a probe: its capability, the notebooks that need it, and what was seen."""

    capability: str
    notebooks: str
    verdict: Verdict
    seen: str


@dataclass
class Place:
    """Where the probes work, and what they tell each other."""

    names: Names
    clean_up: list[Callable[[], Any]] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return self.names.target.client(service)

    @property
    def queue_url(self) -> str:
        return queues.url(self.names, self.names.queue)

    def now_ms(self) -> int:
        """Now by the place's clock, which need not be this machine's."""
        return self.names.target.earliest_now_ms()

    def recently(self) -> int:
        return self.now_ms() - 120_000
