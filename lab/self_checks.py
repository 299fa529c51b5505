"""What the notebooks check in place: expected, observed, how long it took, and what to look at when they differ.

``answer`` guards a cell of the lesson and raises when it does not hold: then something is wrong with the lab.
The other functions look at an exercise. They print and never raise: an exercise that is not done yet is no error.
"""

from __future__ import annotations

import json
import math
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lab import stack
from lab.errors import LabError
from lab.sender import Plan
from lab.stack import functions, logs, mapping, queues, roles, state_machine
from lab.stack.names import FUNCTIONS
from lab.target import Target

_LONGEST = 300
_WIDTH = 78  # what a page of 800 pixels shows in one line


class SelfCheckError(LabError):
    """What a notebook expected is not what it observed."""


@dataclass(frozen=True)
class Outcome:
    """One comparison. ``took_s`` is the time that the observation took, in seconds."""

    question: str
    expected: Any
    observed: Any
    took_s: float
    look_at: str = ""

    @property
    def holds(self) -> bool:
        """Whether both are the same; floats may differ by their last digits."""
        return _same(self.expected, self.observed)

    def render(self, failed: str = "No", *, say_value: bool = True) -> str:
        """One line when it holds, else four or five that say what to do."""
        took = f"({self.took_s:.2f} s)"
        if self.holds:
            return f"Yes: {self.question}" + (f": {_short(self.observed)} {took}" if say_value else f" {took}")
        parts = [("expected", _short(self.expected)), ("observed", _short(self.observed)), ("look at", self.look_at)]
        # The first line stays one line: where it broke would depend on the time in it.
        first = f"{failed}: {self.question} {took}"
        return "\n".join([first, *(_wrapped(f"  {label + ':':<10}", text) for label, text in parts if text)])


def answer(question: str, *, expected: Any, observed: Any, look_at: str = "", say_value: bool = True) -> None:
    """Compare and print; the guard of a lesson.

    Args:
        question: what is compared, in a few words.
        expected: what must come out.
        observed: what came out, or a function that is called, and timed, to find out.
        look_at: what a learner should look at when they differ.
        say_value: whether to print what was observed when it is as expected; False for long values.

    Raises:
        SelfCheckError: they differ.
    """
    outcome = _observe(question, expected, observed if callable(observed) else lambda: observed, look_at)
    if not outcome.holds:
        raise SelfCheckError(outcome.render())
    print(outcome.render(say_value=say_value))  # noqa: T201 - the notebook's own output


def settings(target: Target) -> dict[str, Any]:
    """Every setting of the lab that ``lab up`` cares about: name of a resource → what AWS says of it."""
    names = stack.Names(target)
    sqs, iam, log_client = (target.client(service) for service in ("sqs", "iam", "logs"))
    found: dict[str, Any] = {}
    for queue in (names.queue, names.dead_letter_queue):
        attributes = sqs.get_queue_attributes(QueueUrl=queues.find(names, queue), AttributeNames=["All"])["Attributes"]
        found[f"queue {queue}"] = {
            key: _parsed(attributes.get(key))
            for key in ("VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy")
        }
    for role in roles.wanted(names):
        found[f"role {role.name}"] = {
            "trust": iam.get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"],
            **{
                policy: iam.get_role_policy(RoleName=role.name, PolicyName=policy)["PolicyDocument"]
                for policy in sorted(iam.list_role_policies(RoleName=role.name)["PolicyNames"])
            },
        }
    for group in logs.wanted(names):
        described = log_client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        found[f"log group {group}"] = [one.get("retentionInDays") for one in described if one["logGroupName"] == group]
    for folder in FUNCTIONS:
        function = functions.find(names, folder) or {}
        found[f"function {names.function(folder)}"] = {
            **_picked(function, ("Runtime", "Handler", "Role", "Timeout", "MemorySize", "CodeSha256")),
            # A function without variables has an empty environment, or none.
            "Environment": (function.get("Environment") or {}).get("Variables") or {},
        }
    machine = _picked(state_machine.find(names), ("type", "definition", "roleArn", "loggingConfiguration"))
    found[f"state machine {names.state_machine}"] = {key: _parsed(value) for key, value in machine.items()}
    found["event source mapping"] = _picked(mapping.find(names), ("BatchSize", "FunctionResponseTypes", "State"))
    return found


def changed_by_lab_up(target: Target) -> list[str]:
    """Run what ``lab up`` runs, and list the resources whose settings it changed or that it had to make."""
    lacking = stack.missing(target)
    if lacking:
        stack.provision(target)
        return [f"{what}: was missing" for what in lacking]
    before = settings(target)
    stack.provision(target)
    after = settings(target)
    return [f"{what}: {_first_change(before[what], after[what])}" for what in after if before[what] != after[what]]


# ----------------------------------------------------------------------------------------------- exercises

LONGEST_WORD_EXAMPLES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"word_counts": {"a": 2, "cloud": 1, "sky": 3}}, "cloud"),
    ({"word_counts": {"sleep": 1, "dream": 1, "we": 4}}, "dream"),
    ({"word_counts": {}}, ""),
)


def exercise_longest_word(handler: Callable[[dict[str, Any], Any], Any]) -> None:
    """01, exercise 1: the handler adds ``longest_word``, and passes everything else on."""
    outcomes = [
        _observe(
            f"the longest word of {json.dumps(event['word_counts'])}",
            {**event, "stats": {"text_length": 9}, "longest_word": longest},
            lambda event=event: handler({**event, "stats": {"text_length": 9}}, None),  # type: ignore[misc]
            "the value that your function returns: all of the event, and longest_word. Of equally long words the one "
            "that comes first in the alphabet; of no words the empty text.",
        )
        for event, longest in LONGEST_WORD_EXAMPLES
    ]
    _tell("Exercise 1", outcomes)


def exercise_deployed(payload: Mapping[str, Any]) -> None:
    """01, exercise 1: the deployed function says the same as the one in the notebook."""
    _tell(
        "Exercise 1, deployed",
        [
            _observe(
                "the longest word, by Lambda",
                "cloud",
                lambda: payload.get("longest_word"),
                "the function above: solve it first, then run the cells that deploy and invoke it again.",
            )
        ],
    )


def exercise_policy(policy: Mapping[str, Any], *, action: str, resource: str) -> None:
    """01, exercise 2: a policy that allows one action on one resource, and nothing else."""
    look_at = "lab/stack/policies/start_executions.json, which allows one action on one resource in the same way."

    def allowed() -> list[tuple[str, str]]:
        statements = _listed(policy.get("Statement"))
        return sorted(
            (name, on)
            for statement in statements
            if statement.get("Effect") == "Allow"
            for name in _listed(statement.get("Action"))
            for on in _listed(statement.get("Resource"))
        )

    _tell("Exercise 2", [_observe("what the policy allows", [(action, resource)], allowed, look_at)])


def exercise_counted_words(stats: Mapping[str, Any]) -> None:
    """02, exercise 1: a text with 3 words of digits and 2 words with special characters."""
    wanted = {"num_digits": 3, "num_special_chars": 2}
    _tell(
        "Exercise 1",
        [
            _observe(
                f"{name} of your text",
                count,
                lambda name=name: stats.get(name),  # type: ignore[misc]
                "lambdas/stats_generator/handler.py: both count words, which white space separates. "
                "“42” is a word of digits; “42!” is not, and counts as one with special characters.",
            )
            for name, count in wanted.items()
        ],
    )


def exercise_waiting_state(states: pd.DataFrame, *, after: str, before: str) -> None:
    """02, exercise 2: a fifth state waits for a second between two others."""
    look_at = "“Next” of the state before yours, “StartAt”, and “Next” of yours. The graph shows where a way ends."
    names = list(states["state"])

    def place() -> list[str]:
        if after not in names:
            return names
        start = names.index(after)
        stop = names.index(before) + 1 if before in names else len(names)
        return [names[start], *("a new state" for _ in names[start + 1 : stop - 1]), *names[stop - 1 : stop]]

    def waited() -> bool:
        added = states.iloc[names.index(after) + 1] if after in names and names.index(after) + 1 < len(names) else None
        return bool(added is not None and added["duration_s"] >= 1.0)

    _tell(
        "Exercise 2",
        [
            _observe("states of an execution", 5, lambda: len(names), look_at),
            _observe("the way through your state", [after, "a new state", before], place, look_at),
            _observe("your state takes a second or more", True, waited, "its “Type” (Wait) and its “Seconds” (1)."),
        ],
    )


def exercise_burst(plan: Plan) -> None:
    """03, exercise 1: a plan of three stages, the middle one a burst."""
    wanted = [(5.0, 2.0), (200.0, 0.5), (5.0, 3.0)]
    look_at = "Stage(rate, seconds): a plan takes a list of them, in the order in which they are sent."
    _tell(
        "Exercise 1",
        [
            _observe(
                "stages of your plan, rate and seconds",
                wanted,
                lambda: [(float(stage.rate), float(stage.seconds)) for stage in plan.stages],
                look_at,
            ),
            _observe("messages of your plan", 125, lambda: len(plan), look_at),
        ],
    )


def exercise_account(account: Callable[[list[str], list[str]], Mapping[str, Any]], sent: Iterable[str]) -> None:
    """03, exercise 2: what was lost, what came out unexpectedly, and what ran twice; ``sent``: ids of a real run."""
    ids = sorted(sent)
    seen = [*ids[1:], ids[-1], "stranger"]
    cases = [
        ("one that did not come back", ["a", "b", "c"], ["c", "a"], {"lost": ["b"]}),
        ("one that nobody sent", ["a"], ["a", "x"], {"unexpected": ["x"]}),
        ("one that ran three times", ["a", "b"], ["b", "a", "b", "b"], {"duplicated": ["b"]}),
        ("none at all", [], [], {}),
        (
            "your run, tampered with",
            ids,
            seen,
            {"lost": ids[:1], "unexpected": ["stranger"], "duplicated": ids[-1:]},
        ),
    ]
    _tell(
        "Exercise 2",
        [
            _observe(
                what,
                {"lost": [], "unexpected": [], "duplicated": [], **found},
                lambda sent=sent_ids, ended=ended: {  # type: ignore[misc]
                    key: sorted(values) for key, values in account(list(sent), list(ended)).items()
                },
                "set(sent) - set(ended) are the ids that only the first has; ended.count(id) says how often one ended.",
            )
            for what, sent_ids, ended, found in cases
        ],
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
    _tell(
        "Exercise 1",
        [
            _observe(
                f"p{share * 100:g} of {_short(values) if len(values) < 12 else f'{len(values)} values'}",
                wanted,
                lambda values=values, share=share: percentile(list(values), share),  # type: ignore[misc]
                "the smallest value that at least so large a share of all values do not exceed: sort them, and take "
                "the one whose place, counted from 1, is math.ceil(share * len(values)).",
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
    _tell(
        "Exercise 2",
        [
            _observe(
                f"{what}, {_short(took) if took else '[]'} ms, one planned every 100 ms",
                wanted,
                lambda took=took: list(corrected(list(took), 100)),  # type: ignore[misc]
                "message k is planned at k * every; it starts then, or when the one before it has ended, whichever is "
                "later; its latency is its end minus its planned time.",
            )
            for what, took, wanted in cases
        ],
    )


def exercise_little(chairs: float | None) -> None:
    """04, exercise 3: Little's law in a café."""

    def judged() -> str:
        if chairs is None:
            return "no number yet"
        return "it is right" if math.isclose(chairs, 40) else f"{chairs:g} is too {'many' if chairs > 40 else 'few'}"

    _tell(
        "Exercise 3",
        [
            _observe(
                "is the number of chairs that are taken right",
                "it is right",
                judged,
                "L = λW, with both in the same unit of time: two guests a minute, and each stays for 20 minutes.",
            )
        ],
    )


def exercise_count_once(count_once: Callable[[list[tuple[str, dict[str, int]]]], Mapping[str, int]]) -> None:
    """05, exercise 1: words over many executions, every message once."""
    cases: tuple[tuple[str, list[tuple[str, dict[str, int]]], dict[str, int]], ...] = (
        ("two messages", [("m1", {"sea": 2}), ("m2", {"sea": 1, "sky": 1})], {"sea": 3, "sky": 1}),
        ("one message, executed twice", [("m1", {"sea": 2}), ("m1", {"sea": 2})], {"sea": 2}),
        (
            "three messages, one of them twice",
            [("m1", {"sea": 1}), ("m2", {"sky": 1}), ("m1", {"sea": 1}), ("m3", {"sea": 1})],
            {"sea": 2, "sky": 1},
        ),
        ("no message", [], {}),
    )
    _tell(
        "Exercise 1",
        [
            _observe(
                what,
                wanted,
                lambda outputs=outputs: dict(count_once([(name, dict(words)) for name, words in outputs])),  # type: ignore[misc]
                "keep the names that you have counted in a set, and pass over an output whose name is in it.",
            )
            for what, outputs, wanted in cases
        ],
    )


def exercise_coverage(coverage: Callable[[dict[str, int], int], float]) -> None:
    """05, exercise 2: the share of a text that its commonest words make."""
    counts = {"sky": 1, "the": 6, "sea": 3}
    _tell(
        "Exercise 2",
        [
            _observe(
                f"share of the {ranks} commonest of {json.dumps(counts)}",
                wanted,
                lambda ranks=ranks: coverage(dict(counts), ranks),  # type: ignore[misc]
                "sort the counts, the greatest first; add up as many as asked for; divide by the sum of all.",
            )
            for ranks, wanted in ((1, 0.6), (2, 0.9), (3, 1.0), (10, 1.0))
        ],
    )


def exercise_express_price(price: Callable[[float], float]) -> None:
    """10, exercise 1: what the time of one Express execution of 64 MB costs."""
    _tell(
        "Exercise 1",
        [
            _observe(
                f"price of {duration_s:g} s",
                steps * 0.1 / 16 / 3600 * 0.06,
                lambda duration_s=duration_s: float(price(duration_s)),  # type: ignore[misc]
                "seconds rounded up to 0.1, times 64/1024 GiB, over 3600, times 0.06. math.ceil(duration_s * 10) is "
                "the number of steps.",
            )
            for duration_s, steps in ((0.1, 1), (0.25, 3), (1.0, 10), (60.0, 600))
        ],
    )


def exercise_concurrency_needed(needed: Callable[[float, float], float]) -> None:
    """10, exercise 2: Lambda concurrency that a rate needs, by Little's law."""
    _tell(
        "Exercise 2",
        [
            _observe(
                f"invocations at once at {rate:g} messages/s and {function_s:g} s each",
                rate * 4 * function_s,
                lambda rate=rate, function_s=function_s: float(needed(rate, function_s)),  # type: ignore[misc]
                "L = λW: each message keeps one function after the other busy, four in all.",
            )
            for rate, function_s in ((10.0, 0.1), (100.0, 0.05), (1.0, 2.0))
        ],
    )


# ------------------------------------------------------------------------------------------------- rendering


def _observe(question: str, expected: Any, look: Callable[[], Any], look_at: str) -> Outcome:
    """Whatever a learner's code raises is what was observed."""
    began = time.perf_counter()
    try:
        observed = look()
    except Exception as error:  # noqa: BLE001 - an unfinished exercise may fail in every way
        observed = f"{type(error).__name__}: {error}"
    return Outcome(question, expected, observed, time.perf_counter() - began, look_at)


def _tell(title: str, outcomes: Iterable[Outcome]) -> bool:
    """Print what holds up to the first that does not. Returns whether all do."""
    for outcome in outcomes:
        print(outcome.render(failed="Not yet", say_value=False))  # noqa: T201 - the notebook's own output
        if not outcome.holds:
            return False
    print(f"{title}: solved.")  # noqa: T201
    return True


def _same(expected: Any, observed: Any) -> bool:
    if isinstance(expected, float) and isinstance(observed, int | float):
        return math.isclose(expected, observed, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(expected, bool) or isinstance(observed, bool):
        return expected is observed
    try:
        return bool(expected == observed)
    except Exception:  # noqa: BLE001 - tables and arrays do not compare to one truth
        return False


def _wrapped(label: str, text: str) -> str:
    """Lines that a narrow page shows without breaking words."""
    indent = " " * max(len(label), 2)
    return textwrap.fill(text, _WIDTH, initial_indent=label, subsequent_indent=indent, break_on_hyphens=False)


def _short(value: Any) -> str:
    if isinstance(value, list | tuple) and not value:
        return "none"
    text = value if isinstance(value, str) and value else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _parsed(value: Any) -> Any:
    """JSON texts as data, so that their spaces do not matter."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _picked(found: Mapping[str, Any] | None, keys: Iterable[str]) -> dict[str, Any]:
    return {key: (found or {}).get(key) for key in keys}


def _first_change(before: Any, after: Any) -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in after:
            if before.get(key) != after[key]:
                return f"{key} was {_short(before.get(key))}, now {_short(after[key])}"
    return f"was {_short(before)}, now {_short(after)}"
