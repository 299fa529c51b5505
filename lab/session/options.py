"""What a ramp is asked to send."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from lab.load import Plan, parse_rates, staircase
from lab.load import messages as bodies

_WORDS_PER_MESSAGE = 100


@dataclass(frozen=True)
class RampOptions:
    """What is sent, and how.

    Attributes:
        rates: messages per second of each stage, separated by commas.
        seconds: how long each stage lasts.
        poisson: random instead of even spacing.
        seed: of texts and spacing.
        text_file: a learner's text to cut into the messages, repeated when it is too short; else made-up text.
        budget_usd: what the ramp may cost on AWS; default is ``LAB_BUDGET_USD``, else 1.
    """

    rates: str = "2,4,8"
    seconds: float = 10.0
    poisson: bool = False
    seed: int = 1
    text_file: Path | None = None
    budget_usd: float | None = None

    def plan(self) -> Plan:
        """When each message is due.

        Raises:
            PlanError: a rate or the length makes no sense.
        """
        stages = staircase(parse_rates(self.rates), self.seconds)
        return Plan(stages, spacing="poisson" if self.poisson else "even", seed=self.seed)

    def messages(self, count: int, run_id: str) -> list[bodies.Message]:
        """The messages of the run, all made before any is sent.

        Raises:
            MessageError: the text file cannot be used.
        """
        if self.text_file is None:
            return list(bodies.generate(count, seed=self.seed, run_id=run_id))
        pieces = bodies.from_text(self.text_file, words_per_message=_WORDS_PER_MESSAGE)
        texts = [piece.text or "" for piece in pieces]
        repeated = itertools.islice(itertools.cycle(texts), count)
        return [bodies.text_message(bodies.lab_id_of(run_id, number), text) for number, text in enumerate(repeated)]
