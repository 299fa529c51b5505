"""The entry points that LocalStack runs when it starts, is ready and shuts down."""

from __future__ import annotations

from typing import Any

from localstack.constants import VERSION
from localstack.runtime import hooks

from lab.emulator.runtime import no_java
from lab.emulator.runtime.hooks.registry import Hooks

_hooks = Hooks(VERSION)


@hooks.on_runtime_create()
def install_hooks() -> None:
    """Arms the hooks before any service is loaded."""
    no_java.stand_in()
    _hooks.install()


@hooks.on_infra_start()
def listen_on_loopback_only() -> None:
    """Binds LocalStack to 127.0.0.1: it takes the port of ``GATEWAY_LISTEN`` and ignores the address.

    On all addresses, anybody in the same network could deploy and run code on this machine. In the lab's own image it
    listens on the container's addresses, which are nobody's until a port is published.
    """
    from localstack.runtime.server import twisted as server
    from twisted.internet import endpoints

    from lab.emulator.runtime import settings

    if settings.listens_in_container():
        return

    class LoopbackEndpoints:
        TCP6ServerEndpoint = endpoints.TCP6ServerEndpoint

        @staticmethod
        def TCP4ServerEndpoint(reactor: Any, port: int) -> Any:  # noqa: N802 - twisted's name
            return endpoints.TCP4ServerEndpoint(reactor, port, interface="127.0.0.1")

    server.endpoints = LoopbackEndpoints


@hooks.on_infra_start()
def serve_http_only() -> None:
    """Spares LocalStack its self-signed certificate: nobody speaks HTTPS to it.

    It would make one at each start, with a call that pyOpenSSL 26.2 no longer has.
    """
    from localstack.runtime.server import twisted as server
    from localstack.utils import ssl

    ssl.create_ssl_cert = lambda serial_number=None: (None, None, None)
    register = server.TwistedRuntimeServer.register

    def register_without_certificate(self: Any, gateway: Any, listen: Any, ssl_creds: Any = None) -> None:
        register(self, gateway, listen, None)

    server.TwistedRuntimeServer.register = register_without_certificate


@hooks.on_infra_start()
def ask_no_dns() -> None:
    """Answers LocalStack's question whether the DNS knows its S3 host name, so that no query leaves this machine."""
    from localstack.utils.aws import aws_stack

    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False


@hooks.on_infra_ready()
def report_what_was_loaded() -> None:
    """Tells the launcher and the clients of a container which executor this is."""
    _hooks.ready()
    from localstack.services.lambda_.invocation.runtime_executor import get_runtime_executor

    from lab.emulator.runtime import report

    loaded = report.make_report(get_runtime_executor().__name__, _hooks.states, VERSION)
    report.serve_report(loaded)
    report.write_report(loaded)


@hooks.on_infra_shutdown()
def end_workers() -> None:
    """Delivers what is still held back, then ends all workers with LocalStack."""
    import sys

    _hooks.flush()
    executor = sys.modules.get("lab.emulator.runtime.executor")
    if executor is not None:
        executor.kill_all_workers()
