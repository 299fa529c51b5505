"""What a run's messages tell of the two clocks: which latencies may be computed, corrected by how much, and which not.

The sender's instants are the host's, those of SQS, the function and the workflow are the service's. A message's
SentTimestamp lies between the moment it left and its acknowledgement, so the messages themselves say how far the host's
clock is ahead, to about the time of the fastest call. Where they do not, the Date headers of the answers do, less
exactly. What neither tells is void: a latency across two clocks of unknown difference is no latency.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lab.analysis.latency import owners, quantile
from lab.clock import APART_S, UNKNOWN, Break, Difference, difference_of_messages

ACROSS = ("end_to_end_s", "naive_s")
_UNDER_WAY = ("t_sent", "t_acked", "finished")
_SAME = Difference(0.0, 0.0)


@dataclass(frozen=True)
class Clocks:
    """The host's clock against the service's during a run.

    Attributes:
        whole: the one difference that explains the whole run; without bounds where nothing is known, and not holding
            where one of the clocks was set meanwhile.
        of_stage: the difference in each stage, by its number.
        breaks: where the host's time did not simply run on.
    """

    whole: Difference = UNKNOWN
    of_stage: dict[int, Difference] = field(default_factory=dict)
    breaks: tuple[Break, ...] = ()

    @property
    def ahead_s(self) -> dict[int, float]:
        """By how many seconds the host's clock is ahead in each stage; NaN where it is not known."""
        return {stage: difference.ahead_s for stage, difference in self.of_stage.items()}

    def sentence(self) -> str:
        """For the user, where the difference is large enough to be worth a word; else empty."""
        if not self.whole.holds:
            return (
                "This machine's clock and the service's came apart during the run: each stage has its own difference."
            )
        return told(self.whole)

    def as_dict(self) -> dict[str, float | bool]:
        """The part ``clock`` of summary.json."""
        return {
            "ahead_s": self.whole.ahead_s,
            "uncertainty_s": self.whole.uncertainty_s,
            "corrected": any(abs(ahead_s) > 0 for ahead_s in self.ahead_s.values()),
        }


def told(difference: Difference) -> str:
    """A difference in a sentence; empty where the clocks agree, or as good as."""
    if not difference.known or abs(difference.ahead_s) < APART_S:
        return ""
    way = "ahead of" if difference.ahead_s > 0 else "behind"
    digits = 1 if difference.uncertainty_s > 0.05 else 2
    return (
        f"This machine's clock is {abs(difference.ahead_s):.{digits}f} s {way} the service's "
        f"(to within {max(difference.uncertainty_s, 0.001) * 1000:,.0f} ms). The lab allows for it."
    )


def compare_clocks(
    sends: pd.DataFrame,
    received: pd.DataFrame,
    *,
    dates: Difference = UNKNOWN,
    breaks: Iterable[Break] = (),
    same_machine: bool = False,
) -> Clocks:
    """Find the difference from a run's messages.

    Args:
        sends, received: tables as ARCHITECTURE.md describes them.
        dates: what the Date headers of the answers say of it; it stands in where the messages say nothing.
        breaks: where the host's time did not simply run on.
        same_machine: whether the service reads the very clock of this machine. Then the clocks agree unless something
            that was seen forbids it.
    """
    breaks = tuple(breaks)
    # After a break the dates speak of another time of day than the sender's.
    beside = UNKNOWN if breaks else dates
    stamps = _stamps(sends, received)

    def found(of: pd.DataFrame) -> Difference:
        said = difference_of_messages(of[["left", "acked", "stamp"]].itertuples(index=False, name=None))
        if not said.holds:
            return said
        said = said if said.known else said & beside
        return _SAME if same_machine and said.agree else said

    whole = found(stamps)
    numbers = sends["stage"].drop_duplicates().tolist()
    if whole.holds and not breaks:
        return Clocks(whole, dict.fromkeys(numbers, whole), breaks)
    return Clocks(whole, {number: found(stamps[stamps["stage"] == number]) for number in numbers}, breaks)


def _stamps(sends: pd.DataFrame, received: pd.DataFrame) -> pd.DataFrame:
    """One row a record of one's own: `stage`, `left`, `acked` (host), `stamp` (service), in seconds."""
    owner = pd.Series(owners(sends, received["lab_id"], received["message_id"]), index=received.index, dtype=object)
    seen = received.assign(lab_id=owner)[["lab_id", "message_id", "sent"]].dropna(subset=["lab_id", "sent"])
    joined = seen.merge(sends[["lab_id", "message_id", "stage", "t_sent", "t_acked"]], on="lab_id", suffixes=("", "_a"))
    joined = joined[joined["t_sent"].notna()]
    # A message that was tried again may be in the queue twice; the answer speaks of one of them.
    acked = joined["t_acked"].where(joined["message_id"] == joined["message_id_a"])
    return pd.DataFrame(
        {
            "stage": joined["stage"],
            "left": _seconds(joined["t_sent"]),
            "acked": _seconds(acked).fillna(math.inf),
            "stamp": _seconds(joined["sent"]),
        }
    )


def _seconds(instants: pd.Series) -> pd.Series:
    return (instants - pd.Timestamp(0, tz="UTC")).dt.total_seconds().astype(float)


def why_void(messages: pd.DataFrame, clocks: Clocks) -> dict[int, str]:
    """The stages that do not count because of a clock, by number, each with its reason.

    Args:
        messages: the table `messages`, with the service's instants moved by `clocks.ahead_s`.
        clocks: what `compare_clocks` found.
    """
    found = {}
    for stage, own in messages.groupby("stage", sort=True):
        reasons = [each.reason for each in _breaks_in(own, clocks)]
        reasons += filter(None, [_unknown(own, clocks.of_stage.get(int(stage), clocks.whole))])
        if reasons:
            found[int(stage)] = "; ".join(dict.fromkeys(reasons))
    return found


def _breaks_in(own: pd.DataFrame, clocks: Clocks) -> list[Break]:
    """The breaks that happened while these messages were under way."""
    begin, end = own["t_planned"].min(), own[["t_planned", *_UNDER_WAY]].max().max()
    return [each for each in clocks.breaks if each.before_ns >= begin.value and each.after_ns <= end.value]


def _unknown(own: pd.DataFrame, difference: Difference) -> str:
    """Why nothing across the clocks can be said of a stage; empty if it can, or if nothing of it was seen."""
    measured_s = own["end_to_end_s"].dropna()
    if measured_s.empty:
        return ""
    if not difference.holds:
        return "this machine's clock and the service's ran apart"
    if not difference.known:
        return "how far this machine's clock is from the service's is not known"
    uncertainty_s = difference.uncertainty_s
    if measured_s.min() < -(uncertainty_s + APART_S):
        return "this machine's clock and the service's ran apart: a message ended before it was sent"
    median_s = quantile(measured_s, 0.5)
    if uncertainty_s > max(median_s, APART_S):
        return (
            f"the service's clock is known to within {uncertainty_s * 1000:,.0f} ms only, "
            f"and half of the messages took {max(median_s, 0.0) * 1000:,.0f} ms or less"
        )
    return ""


def without_unknown(messages: pd.DataFrame, void: Iterable[int]) -> pd.DataFrame:
    """`messages` without the latencies across both clocks of the stages that are void for a clock."""
    unknown = messages["stage"].isin(list(void))
    return messages.assign(**{column: messages[column].where(~unknown, np.nan) for column in ACROSS})


def voided(stages: pd.DataFrame, void: dict[int, str]) -> pd.DataFrame:
    """The table of stages, with these marked as void for these reasons."""
    told_before = stages["invalid_reason"].where(~stages["valid"].astype(bool), "")
    reasons = [
        "; ".join(filter(None, [before, void.get(stage, "")]))
        for stage, before in zip(stages["stage"], told_before, strict=True)
    ]
    return stages.assign(valid=stages["valid"] & ~stages["stage"].isin(list(void)), invalid_reason=reasons)
