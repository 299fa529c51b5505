"""The exercises of notebook 09."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lab.load.messages import Message
from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import observe

PATTERN = Exercise(
    "09.1",
    hints=(
        "Only the pattern decides: each field that it names must match, and what it does not name may be anything.",
        "The field stands in “detail”, so your pattern needs a “detail”, too. A comparison is written as a list that "
        "holds an object, and its “numeric” is a list of a sign and a number.",
    ),
    recipe="The pattern from above, and one field more:\n"
    '    my_pattern = pattern | {"detail": {"words": [{"numeric": [">=", 100]}]}}',
)
UNDELIVERED = Exercise(
    "09.2",
    hints=(
        "The queue belongs to the target, and not to the rule or the bus: it is one more key of what PutTargets gets.",
        "The key holds an object with one key, the ARN of the queue; names.queue_arn makes an ARN of a queue's name.",
    ),
    recipe="The target from above, and one key more:\n"
    '    letters = {"DeadLetterConfig": {"Arn": names.queue_arn(undelivered)}}\n'
    "    my_target = workflow_target | letters",
)
POISONED = Exercise(
    "09.3",
    hints=(
        "Two settings say when a batch is given up, and who is told then. When nobody says so, that is when the record "
        "is too old, and nobody. Then look into the queue: how many records were given up together?",
        "“One more try” is a number. The destination is for what fails, so it stands in “OnFailure”, as an ARN. And a "
        "record is alone in its batch when no batch has more than one.",
    ),
    recipe="Three settings:\n"
    "    my_settings = {\n"
    '        "BatchSize": 1,\n'
    '        "MaximumRetryAttempts": 1,\n'
    '        "DestinationConfig": {"OnFailure": {"Destination": names.queue_arn(unread)}},\n'
    "    }",
)
LONG = 100


def exercise_pattern(sent: Sequence[Message], started: Collection[str | None]) -> None:
    """09, exercise 1: a rule that long texts alone match.

    Args:
        sent: short and long texts, each as an event with its number of ``words``.
        started: ``lab_id`` of those for which a workflow began.
    """
    words = {message.lab_id: sum(message.word_counts.values()) for message in sent}
    long = sum(count >= LONG for count in words.values())

    def began(*, of_long: bool) -> int:
        return sum((count >= LONG) is of_long for lab_id, count in words.items() if lab_id in started)

    tell(
        PATTERN,
        [
            observe("no workflow began for a short text", 0, lambda: began(of_long=False)),
            observe(f"a workflow began for each of the {long} long texts", long, lambda: began(of_long=True)),
        ],
    )


def exercise_undelivered(sent: Sequence[Message], kept: Sequence[Mapping[str, Any]]) -> None:
    """09, exercise 2: events that could not be delivered are in the target's dead-letter queue.

    Args:
        sent: the texts that were sent as events.
        kept: what was in the queue: ``body`` and ``ERROR_CODE`` of each.
    """
    tell(
        UNDELIVERED,
        [
            observe(
                f"the queue has all {len(sent)} events",
                len(sent),
                lambda: len({letter["body"]["detail"]["lab_id"] for letter in kept} & {one.lab_id for one in sent}),
            ),
            observe(
                "each of them says what went wrong",
                True,
                lambda: all(letter["ERROR_CODE"] == "NO_PERMISSIONS" for letter in kept),
            ),
        ],
    )


def exercise_poisoned(
    sent: Sequence[Message], through: Collection[str | None], told: Sequence[Mapping[str, Any]]
) -> None:
    """09, exercise 3: a record that cannot be read does not hold up the others.

    Args:
        sent: nine messages, of which the fifth was spoiled.
        through: ``lab_id`` of those for which a workflow began.
        told: what was in the queue for what Lambda gave up: ``body`` of each.
    """
    good = {message.lab_id for place, message in enumerate(sent) if place != 4}
    tell(
        POISONED,
        [
            observe(f"all {len(good)} good records came through", len(good), lambda: len(good & set(through))),
            observe(
                "the queue was told of one batch, and there was one record in it",
                [1],
                lambda: [letter["body"]["KinesisBatchInfo"]["batchSize"] for letter in told],
            ),
        ],
    )
