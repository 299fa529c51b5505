"""Counts metrics of Lambda and SQS in memory and hands them to CloudWatch together.

Replaces ``publish_lambda_metric``, ``publish_sqs_metric`` and ``publish_sqs_metric_batch`` of ``cloudwatch_util``.

Slow: one PutMetricData request of LocalStack to itself, with a new client, for every invocation and every SQS call,
some 7 ms each and about six for each message; the first also makes LocalStack load the whole CloudWatch service.

The same to see: the same data points with the same values; their time stamps are whole seconds. They are handed over
once a second while the CloudWatch service runs; it starts running when somebody first asks it for something, and then
gets all that was counted before.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, NamedTuple

from lab.emulator.runtime.hooks.replacing import replace

INTERVAL_S = 1.0
MAXIMUM_DATA_PER_REQUEST = 1000
MAXIMUM_HELD = 100_000  # distinct data points; beyond it nobody has asked for hours


class Point(NamedTuple):
    """A data point; equal ones are counted."""

    account_id: str
    region_name: str
    namespace: str
    name: str
    dimension: tuple[str, str]
    unit: str
    second: int
    value: float


class MetricCounter:
    """Counts data points until they are handed over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: Counter[Point] = Counter()
        self._thread: threading.Thread | None = None

    def add(self, point: Point) -> None:
        """Counts one data point."""
        with self._lock:
            if point in self._points or len(self._points) < MAXIMUM_HELD:
                self._points[point] += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lab-metrics", daemon=True)
                self._thread.start()

    def take(self) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
        """Removes all that was counted: account, region and namespace → metric data for PutMetricData."""
        with self._lock:
            points, self._points = self._points, Counter()
        data: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
        for point, count in points.items():
            dimension_name, dimension_value = point.dimension
            datum = {
                "MetricName": point.name,
                "Dimensions": [{"Name": dimension_name, "Value": dimension_value}],
                "Timestamp": datetime.fromtimestamp(point.second, UTC),
                "Values": [point.value],
                "Counts": [float(count)],
            }
            if point.unit:
                datum["Unit"] = point.unit
            data[point.account_id, point.region_name, point.namespace].append(datum)
        return data

    def hand_over(self) -> None:
        """Gives everything to the CloudWatch service, if it runs."""
        from localstack.aws.connect import connect_to
        from localstack.services.plugins import SERVICE_PLUGINS

        if not self._points or not SERVICE_PLUGINS.is_running("cloudwatch"):
            return
        for (account_id, region_name, namespace), data in self.take().items():
            client = connect_to(aws_access_key_id=account_id, region_name=region_name).cloudwatch
            for start in range(0, len(data), MAXIMUM_DATA_PER_REQUEST):
                client.put_metric_data(Namespace=namespace, MetricData=data[start : start + MAXIMUM_DATA_PER_REQUEST])

    def _run(self) -> None:
        import logging

        while True:
            time.sleep(INTERVAL_S)
            try:
                self.hand_over()
            except Exception as error:  # noqa: BLE001 - as the original does: a metric is not worth a failure
                logging.getLogger(__name__).info("Metrics could not be handed to CloudWatch: %s", error)


METRICS = MetricCounter()


def _patch(module: ModuleType) -> None:
    def publish_lambda_metric(
        metric: str, value: float, kwargs: Any, account_id: str | None = None, region_name: str | None = None
    ) -> None:
        if not module.is_api_enabled("cloudwatch"):
            return
        dimension = ("FunctionName", module._func_name(kwargs))
        METRICS.add(
            Point(account_id or "", region_name or "", "AWS/Lambda", metric, dimension, "", int(time.time()), value)
        )

    def publish_sqs_metric(
        account_id: str, region: str, queue_name: str, metric: str, value: float = 1, unit: str = "Count"
    ) -> None:
        if not module.is_api_enabled("cloudwatch"):
            return
        METRICS.add(
            Point(account_id, region, "AWS/SQS", metric, ("QueueName", queue_name), unit, int(time.time()), value)
        )

    def publish_sqs_metric_batch(account_id: str, region: str, sqs_metric_batch_data: list[dict[str, Any]]) -> None:
        for datum in sqs_metric_batch_data:
            publish_sqs_metric(
                account_id,
                region,
                datum.get("QueueName", ""),
                datum.get("MetricName", ""),
                datum.get("Value", 1),
                datum.get("Unit", "Count"),
            )

    replace(module, "publish_lambda_metric", lambda original: publish_lambda_metric)
    replace(module, "publish_sqs_metric", lambda original: publish_sqs_metric)
    replace(module, "publish_sqs_metric_batch", lambda original: publish_sqs_metric_batch)


PATCHES = {"localstack.utils.cloudwatch.cloudwatch_util": _patch}
