"""What the notebooks check in place: a sentence that is so, or what was expected and observed instead.

``answer`` guards a cell of the lesson and raises when it does not hold: then something is wrong with the lab.
The exercises of each notebook have a module of their own. Their checks print and never raise: an exercise that is not
done yet is no error. They answer with a hint, and never with the solution.
"""

from lab.workshop.self_checks.cost import exercise_concurrency_needed, exercise_express_price
from lab.workshop.self_checks.exercises import EXERCISES, NoSuchExerciseError, hint
from lab.workshop.self_checks.first_message import exercise_counted_words, exercise_waiting_state
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
    "exercise_burst",
    "exercise_concurrency_needed",
    "exercise_corrected",
    "exercise_count_once",
    "exercise_counted_words",
    "exercise_coverage",
    "exercise_deployed",
    "exercise_express_price",
    "exercise_longest_word",
    "exercise_mean_wait",
    "exercise_percentile",
    "exercise_policy",
    "exercise_waiting_state",
    "hint",
    "settings",
]
