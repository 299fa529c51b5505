"""The environment of the embedded LocalStack: every setting of it, and as little as possible of the caller's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lab import variables

EXECUTOR = "worker_pool"
# The class behind it, as the emulator itself reports it.
EXECUTOR_CLASS = "WorkerPoolExecutor"
# What the runtime room writes once the emulator is up: what it loaded.
REPORT = "report.json"
# What LocalStack takes for the root of its file system.
FILESYSTEM = "filesystem"

# The services of the workshop. LocalStack loads each on first use; all others are refused.
SERVICES = (
    "cloudformation,cloudwatch,dynamodb,dynamodbstreams,events,iam,kinesis,lambda,logs,resourcegroupstaggingapi,s3,sqs,"
    "stepfunctions,sts"
)
# What the emulator may see of the caller's environment: enough to run Python, nothing of AWS, no proxies.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# The switches of lab.emulator.runtime.
_SWITCHES = ("LAB_HOOKS", "LAB_HOOKS_OFF", "LAB_WORKERS_PER_FUNCTION", "LAB_PURE_PYTHON_RUNTIME_CLIENT")


def environment(data: Path, port: int, extra: Mapping[str, str]) -> dict[str, str]:
    """The variables of the process.

    Args:
        data: the emulator's own folder, with ``cwd`` and ``tmp`` in it.
        port: where it listens, on 127.0.0.1.
        extra: more variables, which win.
    """
    passed = {key: text for key, text in variables.everything().items() if key in _PASSED_ON + _SWITCHES}
    return passed | {
        # Also where plux keeps its cache of entry points, which must not outlive an installation.
        "HOME": str(data / "cwd"),
        # LocalStack unpacks functions there, and leaves them when it is killed.
        "TMPDIR": str(data / "tmp"),
        "FILESYSTEM_ROOT": str(data / FILESYSTEM),
        "LOCALSTACK_VOLUME_DIR": str(data / "volume"),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "SERVICES": SERVICES,
        # Queue URLs that a person can read: http://127.0.0.1:4566/queue/us-east-1/000000000000/name
        "SQS_ENDPOINT_STRATEGY": "path",
        "STRICT_SERVICE_LOADING": "1",
        "EAGER_SERVICE_LOADING": "0",
        "PERSISTENCE": "0",
        # In a container LocalStack takes itself for its own image, and looks for folders that are only there.
        "OVERRIDE_IN_DOCKER": "0",
        "LAMBDA_RUNTIME_EXECUTOR": EXECUTOR,
        # The mapping polls at once after a batch and comes back quickly from an idle spell.
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.01",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.2",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "1",
        # Nobody reads these metrics, and a thread would publish them every minute.
        "SQS_DISABLE_CLOUDWATCH_METRICS": "1",
        # Nothing leaves this machine: no version check, no usage report, no certificate, no DNS server.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "ACTIVATE_PRO": "0",
        "DNS_ADDRESS": "0",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LS_LOG": "warning",
        "PYTHONUNBUFFERED": "1",
        "LAB_EMULATOR_REPORT": str(data / REPORT),
        **extra,
    }
