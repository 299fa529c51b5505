"""The entry points that LocalStack runs when it starts, is ready and shuts down."""

from __future__ import annotations

from localstack.constants import VERSION
from localstack.runtime import hooks

from lab.emulator.runtime.hooks.registry import Hooks

_hooks = Hooks(VERSION)


@hooks.on_runtime_create()
def install_hooks() -> None:
    """Arms the hooks before any service is loaded."""
    _hooks.install()


@hooks.on_infra_start()
def ask_no_dns() -> None:
    """Answers LocalStack's question whether the DNS knows its S3 host name, so that no query leaves this machine."""
    from localstack.utils.aws import aws_stack

    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False


@hooks.on_infra_ready()
def report_what_was_loaded() -> None:
    """Writes the report file that the launcher reads."""
    _hooks.ready()
    from localstack.services.lambda_.invocation.runtime_executor import get_runtime_executor

    from lab.emulator.runtime.report import write_report

    write_report(get_runtime_executor().__name__, _hooks.states, VERSION)


@hooks.on_infra_shutdown()
def end_workers() -> None:
    """Delivers what is still held back, then ends all workers with LocalStack."""
    import sys

    _hooks.flush()
    executor = sys.modules.get("lab.emulator.runtime.executor")
    if executor is not None:
        executor.kill_all_workers()
