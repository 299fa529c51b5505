"""The exercises of notebook 04."""

from __future__ import annotations

from collections.abc import Callable

from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import observe, short

PERCENTILE = Exercise(
    "04.1",
    hints=(
        "Put the values in order first. Then it is a question of which place to take.",
        "Half of 4 values are 2, so p50 is the second. 0.99 of 3 values are 2.97: two are too few: p99 is the third. "
        "And Python counts places from 0.",
    ),
    recipe="The place, counted from 1, is the share of the number of values, rounded up:\n"
    "    sorted(values)[math.ceil(share * len(values)) - 1]",
)
CORRECTED = Exercise(
    "04.2",
    hints=(
        "Follow one message after the other, and keep in mind when the one before it ended.",
        "A message starts at its planned time, or when the one before has ended: at the later of the two. It ends so "
        "long after its start as it took. Its latency counts from its planned time.",
    ),
    recipe="One variable remembers the end of the message before:\n"
    "    for k, duration in enumerate(took):\n"
    "        end = max(k * every, end) + duration\n"
    "        latencies.append(end - k * every)",
)
MEAN_WAIT = Exercise(
    "04.3",
    hints=(
        "W = L / λ. L is an average over time: a number that was seen for ten seconds counts ten times as much as one "
        "that was seen for one.",
        "Each look holds until the next one, and the last until the end. Add up number times seconds over all looks. "
        "That sum, divided by the whole time, is L; and λ is the arrivals divided by the same time.",
    ),
    recipe="The whole time stands above and below the line, and falls out:\n"
    "    ends = [at for at, _ in looks[1:]] + [until]\n"
    "    waited = sum(n * (end - at) for (at, n), end in zip(looks, ends))\n"
    "    return waited / arrived",
)


def exercise_percentile(percentile: Callable[[list[float], float], float]) -> None:
    """04, exercise 1: the exact percentile, by nearest rank."""
    cases: tuple[tuple[list[float], float, float], ...] = (
        ([10, 20, 30, 40], 0.50, 20),
        ([40, 10, 30, 20], 0.75, 30),
        ([3, 1, 2], 0.99, 3),
        ([7], 0.50, 7),
        ([1.0] * 98 + [5.0, 9.0], 0.99, 5.0),
        (list(range(1, 11)), 1.0, 10),
    )
    tell(
        PERCENTILE,
        [
            observe(
                f"p{share * 100:g} of {short(values) if len(values) < 12 else f'{len(values)} values'} is {wanted:g}",
                wanted,
                lambda values=values, share=share: percentile(list(values), share),  # type: ignore[misc]
            )
            for values, share, wanted in cases
        ],
    )


def exercise_corrected(corrected: Callable[[list[int], int], list[int]]) -> None:
    """04, exercise 2: latencies from the planned times, out of those of a closed loop; all in milliseconds."""
    cases: tuple[tuple[str, list[int], list[int]], ...] = (
        ("a loop that is never late", [20, 20, 20], [20, 20, 20]),
        ("a loop that was held up once", [20, 350, 20, 20, 20], [20, 350, 270, 190, 110]),
        ("a loop that is always too slow", [150, 150, 150], [150, 200, 250]),
        ("no message at all", [], []),
    )
    tell(
        CORRECTED,
        [
            observe(
                f"{what} (one message every 100 ms): {took} becomes {wanted}",
                wanted,
                lambda took=took: list(corrected(list(took), 100)),  # type: ignore[misc]
            )
            for what, took, wanted in cases
        ],
    )


def exercise_mean_wait(mean_wait: Callable[[list[tuple[float, int]], float, int], float]) -> None:
    """04, exercise 3: Little's law turned around: the wait, from looks at a queue and the arrivals."""
    cases: tuple[tuple[list[tuple[float, int]], float, int, float], ...] = (
        ([(0, 4)], 10, 20, 2.0),
        ([(0, 0), (5, 10)], 10, 25, 2.0),
        ([(0, 0), (1, 6), (9, 2)], 10, 100, 0.5),
    )
    tell(
        MEAN_WAIT,
        [
            observe(
                f"{arrived} messages in {until:g} s, with {_written(looks)} in the queue: each waited for {wanted:g} s",
                wanted,
                lambda case=(looks, until, arrived): mean_wait(list(case[0]), case[1], case[2]),  # type: ignore[misc]
            )
            for looks, until, arrived, wanted in cases
        ],
    )


def _written(looks: list[tuple[float, int]]) -> str:
    return " and then ".join(f"{number} from second {at:g}" for at, number in looks)
