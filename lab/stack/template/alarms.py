"""The alarms worth having for this pipeline: each says what somebody should then do.

Their metrics are those of the guides of SQS, Step Functions and Lambda. No data is no alarm: a pipeline with nothing to
do writes none. All functions share two alarms, so that there is one to read for each kind of trouble.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lab.stack.template.references import ref

MINUTE_S = 60
ACTIONS = {"Fn::If": ["TellSomebody", [ref("AlarmTopicArn")], ref("AWS::NoValue")]}


def alarms(function_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The alarms, by their logical id.

    Args:
        function_ids: logical ids of the functions of the template.
    """
    functions = list(function_ids)
    machine = [{"Name": "StateMachineArn", "Value": ref("StateMachine")}]
    return {
        "OldMessagesAlarm": _alarm(
            "The oldest message waits too long: messages come faster than they are taken, or nobody takes them.",
            _metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", _queue("Queue")),
            more_than=ref("OldMessageSeconds"),
            periods=3,  # a burst may pass by itself
        ),
        "DeadLettersAlarm": _alarm(
            "A message was given up: look at the dead-letter queue, mend the cause, then send its messages back.",
            _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", _queue("DeadLetterQueue")),
        ),
        "ExecutionsFailedAlarm": _alarm(
            "An execution failed: no queue has its message any more. Its last events in the log say why.",
            _metric("AWS/States", "ExecutionsFailed", "Sum", machine),
        ),
        "ExecutionsTimedOutAlarm": _alarm(
            "An execution ran out of time: an Express Workflow ends after five minutes.",
            _metric("AWS/States", "ExecutionsTimedOut", "Sum", machine),
        ),
        "ExecutionsThrottledAlarm": _alarm(
            "State transitions are held back, which only a Standard Workflow meets: ask for a higher quota.",
            _metric("AWS/States", "ExecutionThrottled", "Sum", machine),
        ),
        "FunctionErrorsAlarm": _alarm(
            "A function raised an error or ran out of time: its own log says which.", _total("Errors", functions)
        ),
        "FunctionThrottlesAlarm": _alarm(
            "Lambda refuses invocations: the concurrency of the account, or of one function, is used up.",
            _total("Throttles", functions),
        ),
    }


def _queue(logical_id: str) -> list[dict[str, Any]]:
    return [{"Name": "QueueName", "Value": {"Fn::GetAtt": [logical_id, "QueueName"]}}]


def _metric(namespace: str, name: str, statistic: str, dimensions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": dimensions,
        "Statistic": statistic,
        "Period": MINUTE_S,
    }


def _total(metric: str, functions: list[str]) -> dict[str, Any]:
    """The metric of all functions together."""
    parts = [f"f{number}" for number, _ in enumerate(functions)]
    return {
        "Metrics": [
            {"Id": "total", "Expression": f"SUM([{', '.join(parts)}])", "Label": f"{metric} of all functions"},
            *(
                {
                    "Id": part,
                    "ReturnData": False,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/Lambda",
                            "MetricName": metric,
                            "Dimensions": [{"Name": "FunctionName", "Value": ref(function)}],
                        },
                        "Stat": "Sum",
                        "Period": MINUTE_S,
                    },
                }
                for part, function in zip(parts, functions, strict=True)
            ),
        ]
    }


def _alarm(what_to_do: str, metric: dict[str, Any], *, more_than: Any = 0, periods: int = 1) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": what_to_do,
            **metric,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": more_than,
            "EvaluationPeriods": periods,
            "TreatMissingData": "notBreaching",
            "AlarmActions": ACTIONS,
        },
    }
