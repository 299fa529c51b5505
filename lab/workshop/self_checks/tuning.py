"""The exercises of notebook 07."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.stack import Settings
from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import Outcome, observe
from lab.workshop.slowness import SlowRun

MOST_BATCHES = 5
LONGEST_WINDOW_S = 20

FEWER = Exercise(
    "07.1",
    hints=(
        "How many messages may one invocation get at most? And how long may the mapping wait for them? One setting "
        "alone does not do it.",
        "Twenty messages in two invocations are ten each: the size of a batch. They come within a second, so the "
        "mapping must be allowed to wait about as long.",
    ),
    recipe="Both settings together:\n"
    "    mine = {\n"
    '        "BatchSize": 10,\n'
    '        "MaximumBatchingWindowInSeconds": 2,\n'
    "    }",
)
QUIET = Exercise(
    "07.2",
    hints=(
        "There are four levels, from everything to nothing. Which of them writes only when something is wrong?",
        "OFF is too quiet, and ALL is what you have. Of the two between them, one has the errors of single states, "
        "too; the list below the two calls says which.",
    ),
    recipe='The level that writes all errors:\n    level = "ERROR"',
)
SLOW = Exercise(
    "07.3",
    hints=(
        "Which bar is far longer than in the first chart of this notebook? A part is a state, or what "
        "comes before the workflow.",
        "Each state has the function of nearly its name. The part “start_execution” is no state: it is the time from "
        "when a message was taken out of the queue until its execution began.",
    ),
    recipe="Take the longest part, and the function that does it:\n"
    "    parts = slowed.parts\n"
    "    longest = parts.duration_s.groupby(parts.state).median().idxmax()\n"
    "    slow_one = function_of[longest]",
)
CHEAP = Exercise(
    "07.4",
    hints=(
        "Look at the effects on the price and on the median: which factors lower the one and leave the other alone?",
        "What writes most of the bill can be written less. And a batch that need not wait costs nobody time.",
    ),
    recipe="Less log, full batches where they come by themselves, and no waiting:\n"
    "    choice = stack.Settings(\n"
    '        log_level="ERROR",\n'
    "        batch_size=10,\n"
    "    )",
)


def exercise_fewer(settings: Mapping[str, Any], batches: int) -> None:
    """07, exercise 1: twenty messages in few invocations, by batch size and window."""
    tell(
        FEWER,
        [
            observe("a batch may have ten messages or more", True, lambda: settings["BatchSize"] >= 10),
            observe(
                "the mapping may wait for them, for 20 seconds at most",
                True,
                lambda: 1 <= settings["MaximumBatchingWindowInSeconds"] <= LONGEST_WINDOW_S,
            ),
            Outcome(f"twenty messages took {MOST_BATCHES} invocations or fewer", True, 1 <= batches <= MOST_BATCHES),
        ],
    )


def exercise_quiet(level: str, logged: Sequence[str]) -> None:
    """07, exercise 2: a log that is silent while all goes well, and names the error of what fails.

    Args:
        level: the log level.
        logged: for each execution that has an event in the log, the name of its error, or ``none``.
    """
    tell(
        QUIET,
        [
            Outcome("what goes well is not in the log", True, "none" not in logged),
            Outcome("what fails is in the log, with the name of its error", ["InvalidBase64Error"], sorted(logged)),
            Outcome("it is the level that has the errors of single states, too", True, level == "ERROR"),
        ],
    )


def exercise_bottleneck(slow_one: str, run: SlowRun) -> None:
    """07, exercise 3: the function that was made slow."""
    tell(SLOW, [observe("this is the function that was slow", True, lambda: run.is_slow(slow_one))])


def exercise_half_price(choice: Settings, tried: Mapping[str, Any], usual_usd: float) -> None:
    """07, exercise 4: settings that cost at most half, and neither hide failures nor let messages wait for a batch.

    Args:
        choice: the settings.
        tried: what ``session.try_settings`` measured with them.
        usual_usd: for a million messages, with the usual settings.
    """
    tell(
        CHEAP,
        [
            Outcome("no message waits for others to come", 0, choice.batching_window_s),
            Outcome("the queue need not wait for the end of an execution", "asynchronous", choice.start),
            Outcome("what goes well is not written into the log", True, choice.log_level != "ALL"),
            Outcome("what fails is", True, choice.log_level != "OFF"),
            Outcome("all messages came through", "", tried["why"] if "did not come" in tried["why"] else ""),
            Outcome(
                "a million messages cost at most half as much", True, bool(tried["usd_per_million"] <= usual_usd / 2)
            ),
        ],
    )
