"""What the notebooks check in place: a sentence that is so, or what was expected and observed instead.

``answer`` guards a cell of the lesson and raises when it does not hold: then something is wrong with the lab.
The exercises of each notebook have a module of their own. Their checks print and never raise: an exercise that is not
done yet is no error. They answer with a hint, and never with the solution.
"""

from lab.workshop.self_checks.carrying import exercise_ask_for, exercise_at_once, exercise_random
from lab.workshop.self_checks.cost import exercise_concurrency_needed, exercise_express_price
from lab.workshop.self_checks.exercises import EXERCISES, NoSuchExerciseError, hint
from lab.workshop.self_checks.failures import (
    exercise_batch,
    exercise_catchers,
    exercise_mended,
    exercise_once,
    exercise_retrier,
)
from lab.workshop.self_checks.first_message import exercise_counted_words, exercise_waiting_state
from lab.workshop.self_checks.kinds import exercise_approval, exercise_start_once, exercise_unfinished
from lab.workshop.self_checks.latency import exercise_corrected, exercise_mean_wait, exercise_percentile
from lab.workshop.self_checks.outcomes import Outcome, SelfCheckError, answer
from lab.workshop.self_checks.provision import (
    LONGEST_WORD_EXAMPLES,
    exercise_deployed,
    exercise_longest_word,
    exercise_policy,
)
from lab.workshop.self_checks.rates import exercise_account, exercise_burst
from lab.workshop.self_checks.resources import changed_by_lab_up, settings
from lab.workshop.self_checks.sources import exercise_pattern, exercise_poisoned, exercise_undelivered
from lab.workshop.self_checks.take_home import exercise_filter, exercise_slow_alarm, exercise_smaller_batches
from lab.workshop.self_checks.tuning import (
    exercise_bottleneck,
    exercise_fewer,
    exercise_half_price,
    exercise_quiet,
)
from lab.workshop.self_checks.words import exercise_count_once, exercise_coverage

__all__ = [
    "EXERCISES",
    "LONGEST_WORD_EXAMPLES",
    "NoSuchExerciseError",
    "Outcome",
    "SelfCheckError",
    "answer",
    "changed_by_lab_up",
    "exercise_account",
    "exercise_approval",
    "exercise_ask_for",
    "exercise_at_once",
    "exercise_batch",
    "exercise_bottleneck",
    "exercise_burst",
    "exercise_catchers",
    "exercise_concurrency_needed",
    "exercise_corrected",
    "exercise_count_once",
    "exercise_counted_words",
    "exercise_coverage",
    "exercise_deployed",
    "exercise_express_price",
    "exercise_fewer",
    "exercise_filter",
    "exercise_half_price",
    "exercise_longest_word",
    "exercise_mean_wait",
    "exercise_mended",
    "exercise_once",
    "exercise_pattern",
    "exercise_percentile",
    "exercise_poisoned",
    "exercise_policy",
    "exercise_quiet",
    "exercise_random",
    "exercise_retrier",
    "exercise_slow_alarm",
    "exercise_smaller_batches",
    "exercise_start_once",
    "exercise_undelivered",
    "exercise_unfinished",
    "exercise_waiting_state",
    "hint",
    "settings",
]
