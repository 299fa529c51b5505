"""The exercises of notebook 01."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from lab.workshop.self_checks.outcomes import observe, tell

LONGEST_WORD_EXAMPLES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"word_counts": {"a": 2, "cloud": 1, "sky": 3}}, "cloud"),
    ({"word_counts": {"sleep": 1, "dream": 1, "we": 4}}, "dream"),
    ({"word_counts": {}}, ""),
)


def exercise_longest_word(handler: Callable[[dict[str, Any], Any], Any]) -> None:
    """01, exercise 1: the handler adds ``longest_word``, and passes everything else on."""
    outcomes = [
        observe(
            f"the longest word of {json.dumps(event['word_counts'])}",
            {**event, "stats": {"text_length": 9}, "longest_word": longest},
            lambda event=event: handler({**event, "stats": {"text_length": 9}}, None),  # type: ignore[misc]
            "the value that your function returns: all of the event, and longest_word. Of equally long words the one "
            "that comes first in the alphabet; of no words the empty text.",
        )
        for event, longest in LONGEST_WORD_EXAMPLES
    ]
    tell("Exercise 1", outcomes)


def exercise_deployed(payload: Mapping[str, Any]) -> None:
    """01, exercise 1: the deployed function says the same as the one in the notebook."""
    tell(
        "Exercise 1, deployed",
        [
            observe(
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

    tell("Exercise 2", [observe("what the policy allows", [(action, resource)], allowed, look_at)])


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
