"""The exercises of notebook 12."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab.workshop.self_checks.exercises import Exercise, tell
from lab.workshop.self_checks.outcomes import Outcome, observe

SMALLER = Exercise(
    "12.1",
    hints=(
        "You need not touch the template: two of its parameters say this. Their descriptions tell which.",
        "One parameter says how many messages a call gets, the other how many batches are at work at once. The keys of "
        "your dictionary are their names, exactly as in the template.",
    ),
    recipe='Two parameters with new values:\n    changes = {"BatchSize": 4, "MaximumConcurrency": 2}',
)
ALARM = Exercise(
    "12.2",
    hints=(
        "Take the alarm above for an example. Four things are yours: what is measured, how the numbers of a minute "
        "become one, from where on it is too much, and how many minutes it has to last.",
        "The guide of Step Functions lists its metrics; one of them says how long executions take, in milliseconds. A "
        "percentile is no Statistic: it has a property of its own, and “cfn-lint” knows its name.",
    ),
    recipe="The metric of the duration, its slowest hundredth, a second, three minutes:\n"
    '    "MetricName": "ExecutionTime", "ExtendedStatistic": "p99",\n'
    '    "Threshold": 1000, "EvaluationPeriods": 3',
)
FILTER = Exercise(
    "12.3",
    hints=(
        "A pattern looks like the message: an object in which the place of each value has a list of what is wanted "
        "there. The body of the message stands under the key “body”.",
        "Any value will do, so do not name one. The guide of event filtering has a table of conditions; one of them "
        "asks only whether a key is there.",
    ),
    recipe='The key input in the body, whatever text it holds:\n    pattern = {"body": {"input": [{"exists": True}]}}',
)


def exercise_smaller_batches(mapping: Mapping[str, Any]) -> None:
    """12, exercise 1: the deployed mapping hands over four messages, and two batches at once."""
    scaling = mapping.get("ScalingConfig") or {}
    tell(
        SMALLER,
        [
            Outcome("a call gets four messages at most", 4, mapping.get("BatchSize")),
            Outcome("two batches are at work at once at most", 2, scaling.get("MaximumConcurrency")),
        ],
    )


def exercise_slow_alarm(alarm: Mapping[str, Any]) -> None:
    """12, exercise 2: an alarm on the p99 of the duration of executions, above a second for three minutes."""
    settings = alarm.get("Properties") or {}
    dimensions = [{"Name": "StateMachineArn", "Value": {"Ref": "StateMachine"}}]
    measured = (settings.get("Namespace"), settings.get("MetricName"))
    tell(
        ALARM,
        [
            Outcome("it is an alarm", "AWS::CloudWatch::Alarm", alarm.get("Type")),
            Outcome("it watches how long executions take", ("AWS/States", "ExecutionTime"), measured),
            Outcome("of the state machine of the template", dimensions, settings.get("Dimensions")),
            Outcome("it looks at the slowest hundredth", "p99", settings.get("ExtendedStatistic")),
            Outcome("a second is too much, in milliseconds", 1000, settings.get("Threshold")),
            Outcome("three minutes, one after the other", 180, _seconds(settings)),
            Outcome("more than that, not less", "GreaterThanThreshold", settings.get("ComparisonOperator")),
        ],
    )


def exercise_filter(pattern: Mapping[str, Any]) -> None:
    """12, exercise 3: a filter that lets through every body that has an input, and no other."""
    tell(
        FILTER,
        [
            observe(
                "it lets through each body that has the key, and no other",
                _wanted(),
                lambda: json.loads(json.dumps(pattern)),
            )
        ],
    )


def _wanted() -> dict[str, Any]:
    return {"body": {"input": [{"exists": True}]}}


def _seconds(settings: Mapping[str, Any]) -> Any:
    try:
        return int(settings["Period"]) * int(settings["EvaluationPeriods"])
    except (KeyError, TypeError, ValueError):
        return "no Period or no EvaluationPeriods"
