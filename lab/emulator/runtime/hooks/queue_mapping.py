"""Lets the event source mapping of a queue wait for messages, and talk to SQS and Lambda inside the process.

Replaces the clients of ``SqsPoller`` and ``LambdaSender``, and what ``SqsPoller.poll_events`` does on an empty queue.

Slow: after every batch the mapping polls once, finds nothing, and sleeps for 0.5 to 1.5 s, whatever arrives meanwhile;
so a lone message waits a second. In a backlog each batch costs three HTTP requests of LocalStack to itself, with up to
ten message bodies parsed and serialised twice.

The same to see: Lambda's own pollers wait at the queue (long polling) and take a message as soon as it is there. The
same messages come in the same batches with the same attributes; receive counts, redrive to a dead-letter queue, partial
batch responses and metrics are SQS's and the mapping's own code.

Three faults are mended on the way. LocalStack gathers the messages of a batch for a batching window of 21 seconds or
more, and for a shorter one takes what is there: here, as on Lambda, a batch waits until it is full or its window is
over, whatever the window. A change of a mapping starts a new poller while the old one is still at its last
batch, and the old one then writes its own end, "Disabled", over the new one's "Enabled": the mapping polls, and says
for ever that it does not. And a mapping that is deleted while it is disabled is listed for ever, because only a poller
that ends takes it off the list.
"""

from __future__ import annotations

import functools
import io
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lab.emulator.runtime import authorization
from lab.emulator.runtime.hooks import direct_lambda
from lab.emulator.runtime.hooks.replacing import afterwards, replace

WAIT_S = 0.2  # at the queue; a mapping that is disabled or deleted ends within this time
MOST_BY_ONE_CALL = 10  # of SQS; LocalStack's own header asks for more
MESSAGE_COUNT_HEADER = "HEADER_LOCALSTACK_SQS_OVERRIDE_MESSAGE_COUNT"


def gathered(
    receive: Callable[[int, float], list[Any]],
    most: int,
    window_s: float,
    is_over: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> list[Any]:
    """The messages of one batch: as many as there are at the first look, or, with a window, until it is full or over.

    Args:
        receive: takes at most so many messages, and waits at most so many seconds for the first of them.
        most: messages of a batch.
        window_s: how long they are gathered.
        is_over: whether the mapping was disabled or deleted; then what is there is the batch.
        clock: seconds of a clock that runs on.
    """
    messages: list[Any] = []
    until = clock() + window_s
    while not is_over():
        wait_s = min(WAIT_S, max(until - clock(), 0.0)) if window_s else WAIT_S
        messages += receive(most - len(messages), wait_s)
        if len(messages) >= most or clock() >= until:
            break
    return messages


class _DirectQueueClient:
    """The calls of a poller, answered by the SQS service of this process; all else goes to the original client.

    Attributes:
        role_arn: in whose name they are made; set by the hook `permissions`, for LocalStack's own client, which carries
            the role's credentials, is not asked.
    """

    role_arn = ""

    def __init__(self, client: Any, queue_arn: str) -> None:
        self._client = client
        self._queue_arn = queue_arn
        _, _, _, self._region_name, self._account_id, _ = queue_arn.split(":")
        self.waited_at_the_queue = False
        self._ended = False
        self._receiving = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def receive_message(self, **parameters: Any) -> Any:
        provider = _running_sqs_provider()
        self.waited_at_the_queue = provider is not None
        if provider is None:
            return self._client.receive_message(**parameters)
        self._authorize("sqs:ReceiveMessage")

        def receive(most: int, wait_s: float) -> list[Any]:
            answer = provider.receive_message(
                self._context("ReceiveMessage", most),
                queue_url=parameters["QueueUrl"],
                max_number_of_messages=min(most, MOST_BY_ONE_CALL),
                wait_time_seconds=wait_s,
                message_attribute_names=parameters["MessageAttributeNames"],
                message_system_attribute_names=parameters["MessageSystemAttributeNames"],
            )
            return list(answer.get("Messages") or [])

        most = parameters.get("sqs_override_max_message_count") or parameters["MaxNumberOfMessages"]
        window_s = parameters.get("sqs_override_wait_time_seconds") or 0
        with self._receiving:
            messages = gathered(receive, most, window_s, lambda: self._ended)
        return {"Messages": messages} if messages else {}

    def end(self) -> None:
        """Receives nothing more; returns once the last wait at the queue is over."""
        self._ended = True
        with self._receiving:
            pass

    def delete_message_batch(self, **parameters: Any) -> Any:
        provider = _running_sqs_provider()
        if provider is None:
            return self._client.delete_message_batch(**parameters)
        self._authorize("sqs:DeleteMessage")
        return provider.delete_message_batch(
            self._context("DeleteMessageBatch", parameters.get("sqs_override_max_message_count", 0)),
            queue_url=parameters["QueueUrl"],
            entries=parameters["Entries"],
        )

    def _authorize(self, action: str) -> None:
        if self.role_arn:
            authorization.authorize(self.role_arn, action, self._queue_arn)

    def _context(self, operation: str, message_count: int) -> Any:
        from localstack.aws.api import RequestContext
        from localstack.aws.spec import load_service
        from localstack.http import Request
        from localstack.services.sqs import constants

        beyond = message_count > MOST_BY_ONE_CALL
        headers = {getattr(constants, MESSAGE_COUNT_HEADER): str(message_count)} if beyond else {}
        context = RequestContext(Request(headers=headers))
        context.service = load_service("sqs")
        context.operation = context.service.operation_model(operation)
        context.protocol = context.service.protocol
        context.account_id = self._account_id
        context.region = self._region_name
        return context


class _DirectLambdaClient:
    """``invoke``, answered by the Lambda service of this process; all else goes to the original client."""

    def __init__(self, client: Any, function_arn: str) -> None:
        self._client = client
        self._target = direct_lambda.target_of(function_arn, "", function_arn.split(":")[3])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def invoke(self, **parameters: Any) -> Any:
        service = direct_lambda.running_lambda_service()
        plain = parameters.keys() == {"FunctionName", "Payload", "InvocationType"}
        if service is None or self._target is None or not plain or parameters["InvocationType"] != "RequestResponse":
            return self._client.invoke(**parameters)
        answer = direct_lambda.invoke(service, self._target, parameters["Payload"].encode())
        response = {
            "StatusCode": 200,
            "Payload": io.BytesIO(answer.payload),
            "ExecutedVersion": answer.executed_version,
            "ResponseMetadata": {"RequestId": answer.request_id, "HTTPStatusCode": 200},
        }
        if answer.is_error:
            response["FunctionError"] = "Unhandled"
        return response


def _running_sqs_provider() -> Any | None:
    from localstack.services.plugins import SERVICE_PLUGINS

    if not SERVICE_PLUGINS.is_running("sqs"):
        return None
    return getattr(SERVICE_PLUGINS.get_service("sqs"), "_provider", None)


def _patch_poller(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def __init__(self: Any, source_arn: str, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(self, source_arn, *args, **kwargs)
            self.source_client = _DirectQueueClient(self.source_client, source_arn)

        return __init__

    def make_poll(poll_events: Any) -> Any:
        @functools.wraps(poll_events)
        def poll(self: Any) -> None:
            try:
                poll_events(self)
            except module.EmptyPollResultsException:
                if not self.source_client.waited_at_the_queue:
                    raise  # the mapping pauses, longer each time

        return poll

    replace(module.SqsPoller, "__init__", make)
    replace(module.SqsPoller, "poll_events", make_poll)


def _patch_sender(module: ModuleType) -> None:
    def make(original: Any) -> Any:
        @functools.wraps(original)
        def __init__(self: Any, target_arn: str, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(self, target_arn, *args, **kwargs)
            if self.target_client is not None:
                self.target_client = _DirectLambdaClient(self.target_client, target_arn)

        return __init__

    replace(module.LambdaSender, "__init__", make)


def _patch_worker(module: ModuleType) -> None:
    def end(worker: Any) -> None:
        client = getattr(worker.poller, "source_client", None)
        if isinstance(client, _DirectQueueClient):
            client.end()  # LocalStack reports the new state at once: nothing may be taken after that

    def fall_silent(worker: Any) -> None:
        # It is stopped because another one takes its place, and the state is that one's from now on.
        worker.current_state = module.EsmState.DISABLED
        worker._graceful_shutdown_triggered = True

    def be_gone(worker: Any) -> None:
        if worker._poller_thread is None or not worker._poller_thread.is_alive():
            worker.delete_esm_in_store()

    afterwards(module.EsmWorker, "stop", end)
    afterwards(module.EsmWorker, "stop", fall_silent)
    afterwards(module.EsmWorker, "delete", end)
    afterwards(module.EsmWorker, "delete", be_gone)


_MAPPING = "localstack.services.lambda_.event_source_mapping"
PATCHES = {
    f"{_MAPPING}.pollers.sqs_poller": _patch_poller,
    f"{_MAPPING}.senders.lambda_sender": _patch_sender,
    f"{_MAPPING}.esm_worker": _patch_worker,
}
