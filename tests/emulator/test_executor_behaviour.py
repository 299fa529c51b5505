"""The executor behaves as Lambda does, with the compiled runtime client and with the pure-Python one."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.running import Function, LocalStack, deploy, is_alive, start_localstack, wait_until

ECHO = "def lambda_handler(event, context):\n    return event\n"


@pytest.fixture(scope="module", params=["compiled", "pure-python"])
def emulator(request: pytest.FixtureRequest, localstack: LocalStack) -> Iterator[LocalStack]:
    """LocalStack with either runtime client in its workers."""
    if request.param == "compiled":
        yield localstack
        return
    running = start_localstack({"LAB_PURE_PYTHON_RUNTIME_CLIENT": "1"})
    yield running
    running.kill()


@pytest.fixture
def function(emulator: LocalStack) -> Iterator[Callable[..., Function]]:
    deployed: list[Function] = []

    def make(source: str, **arguments: Any) -> Function:
        deployed.append(deploy(emulator, source, **arguments))
        return deployed[-1]

    yield make
    for made in deployed:
        made.delete()


def log_messages(emulator: LocalStack, function: Function, until: str) -> list[str]:
    """Messages of the function's log group, once one of them holds the text."""
    logs = emulator.client("logs")

    def read() -> list[str]:
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function.name}")
            messages = [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return messages if any(until in message for message in messages) else []

    return wait_until(read, what=f"a log event with {until!r}")


def test_event_and_result_pass_unchanged(function: Callable[..., Function]) -> None:
    event = {"text": "Zoë – 東京 🚀", "numbers": [1, 2.5, None, True], "empty": ""}
    result = function(ECHO).invoke(event)
    assert (result["payload"], result["error"]) == (event, None)


def test_large_event_and_result(function: Callable[..., Function]) -> None:
    event = {"text": "x" * 1_000_000}
    assert function(ECHO).invoke(event)["payload"] == event


def test_context_object_is_right(emulator: LocalStack, function: Callable[..., Function]) -> None:
    made = function(
        "def lambda_handler(event, context):\n"
        "    return {'remaining': context.get_remaining_time_in_millis(), 'request_id': context.aws_request_id,\n"
        "            'name': context.function_name, 'arn': context.invoked_function_arn,\n"
        "            'memory': context.memory_limit_in_mb, 'version': context.function_version,\n"
        "            'group': context.log_group_name, 'stream': context.log_stream_name}\n",
        Timeout=7,
        MemorySize=256,
    )
    result = made.invoke()
    context = result["payload"]
    assert 0 < context["remaining"] <= 7000
    assert context["name"] == made.name
    assert context["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{made.name}"
    assert (context["memory"], context["version"]) == ("256", "$LATEST")
    assert context["group"] == f"/aws/lambda/{made.name}"
    assert f"START RequestId: {context['request_id']} Version: $LATEST" in result["log"]


def test_environment_is_the_functions_and_nothing_of_the_persons(
    emulator: LocalStack, function: Callable[..., Function]
) -> None:
    made = function(
        "import os, sys\n"
        "def lambda_handler(event, context):\n"
        "    return {'environment': dict(os.environ), 'cwd': os.getcwd(), 'path': sys.path, 'file': __file__}\n",
        Environment={"Variables": {"GREETING": "hello world"}},
        MemorySize=192,
    )
    seen = made.invoke()["payload"]
    environment = seen["environment"]
    assert environment["GREETING"] == "hello world"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == made.name
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "192"
    assert environment["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{made.name}"
    assert environment["_HANDLER"] == "handler.lambda_handler"
    assert environment["TZ"] == ":UTC"
    assert environment["AWS_ENDPOINT_URL"] == emulator.endpoint_url
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert seen["cwd"] in seen["path"][:2]  # only the pure-Python client may come first
    assert str(Path(seen["file"]).parent) == environment["LAMBDA_TASK_ROOT"] == seen["cwd"]


def test_credentials_and_proxies_of_localstack_do_not_reach_a_worker(
    other_localstack: Callable[..., LocalStack],
) -> None:
    running = other_localstack(
        AWS_ACCESS_KEY_ID="AKIASOMEBODY",
        AWS_SECRET_ACCESS_KEY="secret-of-somebody",
        AWS_SESSION_TOKEN="token-of-somebody",
        HTTPS_PROXY="http://192.0.2.1:3128",
        https_proxy="http://192.0.2.1:3128",
        PYTHONPATH="/nowhere",
    )
    made = deploy(running, "import os\ndef lambda_handler(event, context):\n    return dict(os.environ)\n")
    environment = made.invoke()["payload"]
    assert not [value for value in environment.values() if "somebody" in value.lower() or "192.0.2.1" in value]
    assert not {"HTTPS_PROXY", "https_proxy", "PYTHONPATH"} & environment.keys()


def test_boto3_in_a_handler_reaches_this_localstack(emulator: LocalStack, function: Callable[..., Function]) -> None:
    made = function(
        "import sys\n"
        "loaded_before = 'botocore' in sys.modules\n"
        "import boto3\n"
        "def lambda_handler(event, context):\n"
        "    url = boto3.client('sqs').create_queue(QueueName=event['name'])['QueueUrl']\n"
        "    return {'url': url, 'loaded_before': loaded_before}\n"
    )
    result = made.invoke({"name": f"made-by-{made.name}"})
    assert result["error"] is None, result
    assert result["payload"]["loaded_before"] is False
    queues = emulator.client("sqs").list_queues(QueueNamePrefix=f"made-by-{made.name}")["QueueUrls"]
    assert len(queues) == 1


def test_raised_error_is_reported_and_the_worker_stays(function: Callable[..., Function]) -> None:
    made = function(
        "import os\n"
        "class WrongWeatherError(Exception):\n    pass\n"
        "def lambda_handler(event, context):\n"
        "    if event == 'fail':\n        raise WrongWeatherError('it rains')\n"
        "    return os.getpid()\n"
    )
    before = made.invoke("go")["payload"]
    failed = made.invoke("fail")
    assert failed["error"] == "Unhandled"
    assert failed["payload"]["errorType"] == "WrongWeatherError"
    assert failed["payload"]["errorMessage"] == "it rains"
    assert any("handler.py" in line and "lambda_handler" in line for line in failed["payload"]["stackTrace"])
    assert "[ERROR] WrongWeatherError: it rains" in failed["log"]
    assert made.invoke("go")["payload"] == before


def test_timeout_kills_the_worker_and_the_pool_goes_on(function: Callable[..., Function]) -> None:
    made = function(
        "import os, time\n"
        "def lambda_handler(event, context):\n"
        "    print('pid', os.getpid())\n"
        "    if event == 'sleep':\n        time.sleep(60)\n"
        "    if event == 'loop':\n        while True: pass\n"
        "    return os.getpid()\n",
        Timeout=1,
    )
    first = made.invoke("go")["payload"]
    for event in ("sleep", "loop"):
        result = made.invoke(event)
        assert result["error"] == "Unhandled"
        assert result["payload"]["errorType"] == "Sandbox.Timedout"
        assert result["payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
        assert "Status: timeout" in result["log"]
        assert "pid" in result["log"]
    assert not is_alive(first)
    after = made.invoke("go")
    assert after["error"] is None
    assert after["payload"] != first


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_ended_process_does_not_lose_the_pool(function: Callable[..., Function], statement: str, reason: str) -> None:
    made = function(
        "import os, sys\n"
        "def lambda_handler(event, context):\n"
        "    print('still here')\n"
        f"    if event == 'end':\n        {statement}\n"
        "    return 'fine'\n"
    )
    for _ in range(3):
        result = made.invoke("end")
        assert result["error"] == "Unhandled"
        assert result["payload"]["errorType"] == "Runtime.ExitError"
        assert result["payload"]["errorMessage"].endswith(reason)
        assert "still here" in result["log"]
    assert made.invoke("go")["payload"] == "fine"


def test_worker_killed_while_idle_is_replaced_without_an_error(
    emulator: LocalStack, function: Callable[..., Function]
) -> None:
    made = function("import os\ndef lambda_handler(event, context):\n    return os.getpid()\n")
    pid = made.invoke()["payload"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))
    result = made.invoke()
    assert result["error"] is None
    assert result["payload"] != pid


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        ("import no_such_module\n", "Runtime.ImportModuleError", "No module named 'no_such_module'"),
        ("def lambda_handler(:\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'handler'"),
        ("def other(event, context): pass\n", "Runtime.HandlerNotFound", "missing on module"),
        ("raise KeyError('gone')\n", "KeyError", "gone"),
        ("import sys\nsys.exit(4)\n", "Runtime.ExitError", "exit status 4"),
    ],
)
def test_failed_start_is_reported_each_time(
    function: Callable[..., Function], source: str, error_type: str, message: str
) -> None:
    made = function(source)
    for _ in range(2):
        result = made.invoke()
        assert result["error"] == "Unhandled"
        assert result["payload"]["errorType"] == error_type
        assert message in result["payload"]["errorMessage"]
    made.update(ECHO)
    assert made.invoke("mended")["payload"] == "mended"


def test_result_over_six_megabytes_is_refused(function: Callable[..., Function]) -> None:
    made = function("def lambda_handler(event, context):\n    return 'x' * event\n")
    refused = made.invoke(7 * 1024 * 1024)
    assert refused["error"] == "Unhandled"
    assert refused["payload"]["errorType"] == "Function.ResponseSizeTooLarge"
    assert made.invoke(3)["payload"] == "xxx"


def test_result_that_is_no_json_is_an_error(function: Callable[..., Function]) -> None:
    result = function("def lambda_handler(event, context):\n    return {1, 2}\n").invoke()
    assert result["payload"]["errorType"] == "Runtime.MarshalError"


def test_printed_lines_and_report_reach_the_log_group(emulator: LocalStack, function: Callable[..., Function]) -> None:
    made = function(
        "import logging, sys\n"
        "logging.getLogger().setLevel(logging.INFO)\n"
        "print('printed while starting')\n"
        "def lambda_handler(event, context):\n"
        "    print('printed')\n"
        "    print('to stderr', file=sys.stderr)\n"
        "    logging.info('logged %s', 'too')\n"
        "    sys.stdout.write('no newline at the end')\n"
        "    return 1\n",
        MemorySize=128,
    )
    made.invoke()
    messages = log_messages(emulator, made, "REPORT")
    lines = [message.rstrip("\n") for message in messages]
    assert lines[0] == "printed while starting"
    assert lines[1].startswith("START RequestId: ")
    assert lines[2:4] == ["printed", "to stderr"]
    assert lines[4].startswith("[INFO]")
    assert lines[4].endswith("logged too")
    assert lines[5] == "no newline at the end"
    assert lines[6].startswith("END RequestId: ")
    report = dict(part.split(": ") for part in lines[7].removeprefix("REPORT ").strip().split("\t"))
    assert report["Memory Size"] == "128 MB"
    assert float(report["Duration"].split()[0]) <= int(report["Billed Duration"].split()[0])
    assert "Init Duration" in report


def test_more_output_than_a_pipe_holds(function: Callable[..., Function]) -> None:
    made = function("def lambda_handler(event, context):\n    print('x' * 500_000)\n    return 'done'\n")
    assert made.invoke()["payload"] == "done"


def test_asynchronous_invocation_runs(emulator: LocalStack, function: Callable[..., Function]) -> None:
    made = function("def lambda_handler(event, context):\n    print('got', event['n'])\n")
    emulator.client("lambda").invoke(FunctionName=made.name, InvocationType="Event", Payload=json.dumps({"n": 41}))
    assert "got 41\n" in log_messages(emulator, made, "REPORT")


def test_update_replaces_the_workers_and_delete_ends_them(
    emulator: LocalStack, function: Callable[..., Function]
) -> None:
    made = function("import os\ndef lambda_handler(event, context):\n    return ['old', os.getpid()]\n")
    _, old = made.invoke()["payload"]
    made.update("import os\ndef lambda_handler(event, context):\n    return ['new', os.getpid()]\n")
    word, new = made.invoke()["payload"]
    assert word == "new"
    wait_until(lambda: not is_alive(old), what="the end of the old worker")
    made.delete()
    wait_until(lambda: not is_alive(new), what="the end of the last worker")


def test_published_version_keeps_its_code(emulator: LocalStack, function: Callable[..., Function]) -> None:
    made = function("def lambda_handler(event, context):\n    return ['old', context.function_version]\n")
    version = emulator.client("lambda").publish_version(FunctionName=made.name)["Version"]
    made.update("def lambda_handler(event, context):\n    return ['new', context.function_version]\n")
    assert made.invoke(Qualifier=version)["payload"] == ["old", version]
    assert made.invoke()["payload"] == ["new", "$LATEST"]


def test_reserved_concurrency_throttles(emulator: LocalStack, function: Callable[..., Function]) -> None:
    made = function("import time\ndef lambda_handler(event, context):\n    time.sleep(1)\n    return 'done'\n")
    client = emulator.client("lambda")
    client.put_function_concurrency(FunctionName=made.name, ReservedConcurrentExecutions=1)

    def call(_: int) -> str:
        try:
            return str(made.invoke()["payload"])
        except client.exceptions.TooManyRequestsException:
            return "throttled"

    with ThreadPoolExecutor(3) as threads:
        answers = sorted(threads.map(call, range(3)))
    assert answers == ["done", "throttled", "throttled"]
    assert made.invoke()["payload"] == "done"
