"""The exercises of notebook 01."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from lab import stack
from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import Outcome, observe

LONGEST_WORD_EXAMPLES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"word_counts": {"a": 2, "cloud": 1, "sky": 3}}, "cloud"),
    ({"word_counts": {"sleep": 1, "dream": 1, "we": 4}}, "dream"),
    ({"word_counts": {}}, ""),
)
LONGEST_WORD = Exercise(
    "01.1",
    hints=(
        "What the function returns is all that the next state gets: the event, with one key more. And is there not a "
        "built-in function that finds the largest of many things?",
        "max can measure things in your way (key=), and has an answer for an empty list (default=). Of equally long "
        "words it takes the first that it meets, so the order in which it meets them matters.",
    ),
    recipe="Put the words in order, and let max measure their lengths:\n"
    '    words = sorted(event["word_counts"])\n'
    '    return {**event, "longest_word": max(words, key=len, default="")}',
)
DEPLOYED = Exercise(
    "01.1 deployed",
    hints=(
        "Lambda runs what you deployed last. Was the function above right at that moment?",
        "Look at payload: it holds what your function returned, or “errorMessage” when it failed on Lambda.",
    ),
    recipe="Solve the function first. Then run three cells in this order: the one with the function, the one that "
    "deploys it, and the one that invokes it.",
)
POLICY = Exercise(
    "01.2",
    hints=(
        "An action is the name of a service, a colon, and the name of a call; a resource is an ARN. "
        "lab/stack/policies/start_executions.json allows one action on one resource.",
        "The text of the exercise names the call, and the queue. names has the name of every queue, and makes an ARN "
        "of it.",
    ),
    recipe="The two lines are:\n"
    '    "Action": ["sqs:GetQueueAttributes"],\n'
    '    "Resource": [names.queue_arn(names.dead_letter_queue)],',
)


def exercise_longest_word(handler: Callable[[dict[str, Any], Any], Any]) -> None:
    """01, exercise 1: the handler adds ``longest_word``, and passes everything else on."""
    outcomes = []
    for example, longest in LONGEST_WORD_EXAMPLES:
        event = {**example, "stats": {"text_length": 9}}
        returned = observe("", None, lambda event=event: handler(dict(event), None)).observed  # type: ignore[misc]
        found = returned if not isinstance(returned, Mapping) else returned.get("longest_word", "no longest_word")
        what = f"the longest word of {json.dumps(example['word_counts'])} is {json.dumps(longest)}"
        outcomes.append(Outcome(what, longest, found))
        if isinstance(returned, Mapping):
            passed_on = {key: value for key, value in returned.items() if key != "longest_word"}
            outcomes.append(Outcome("everything else of the event is passed on as it was", event, passed_on))
    tell(LONGEST_WORD, outcomes)


def exercise_deployed(payload: Mapping[str, Any]) -> None:
    """01, exercise 1: the deployed function says the same as the one in the notebook."""
    found = payload.get("longest_word", payload.get("errorMessage", "no longest_word"))
    tell(DEPLOYED, [Outcome("on Lambda, “cloud” is the longest word as well", "cloud", found)])


def exercise_policy(policy: Mapping[str, Any], names: stack.Names) -> None:
    """01, exercise 2: a policy that allows one action on one resource, and nothing else; actions have no case."""

    def allowed() -> str:
        return "; ".join(
            sorted(
                f"{str(action).casefold()} on {resource}"
                for statement in _listed(policy.get("Statement"))
                if statement.get("Effect") == "Allow"
                for action in _listed(statement.get("Action"))
                for resource in _listed(statement.get("Resource"))
            )
        )

    wanted = f"sqs:getqueueattributes on {names.queue_arn(names.dead_letter_queue)}"
    tell(POLICY, [observe("the policy allows one action on one queue, and nothing else", wanted, allowed)])


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
