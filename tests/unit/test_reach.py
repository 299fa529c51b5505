"""Names of this machine: taken where they lead here, stopped where they do not, and never looked up a second time."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from lab.target import ReachError, Target, TargetError, check_endpoint_url, reach

NAMES = ("localhost.localstack.cloud", "host.docker.internal", "localstack")
ELSEWHERE = "203.0.113.9"  # an address of the range for examples, which nobody has
NEIGHBOUR = "172.18.0.3"  # as a container engine gives out


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What a name resolves to, to be filled in; all others do not resolve. This machine is no container."""
    answers: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **more: Any) -> list[Any]:
        if host in ("127.0.0.1", "::1"):
            return real(host, port, *rest, **more)
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in answers[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(reach, "_CONTAINER_MARKS", ())
    monkeypatch.setattr(reach, "_pinned", {})
    return answers


@pytest.fixture
def emulator() -> Iterator[tuple[int, list[str]]]:
    """A server on loopback that answers as SQS does; its port, and the Host of each request."""
    hosts: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hosts.append(self.headers["Host"])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Not into the tests' output."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port, hosts
    server.shutdown()
    thread.join()
    server.server_close()


def sqs(url: str) -> Any:
    return Target("localstack", "t", endpoint_url=check_endpoint_url(url)).client("sqs", attempts=1)


@pytest.mark.parametrize("name", [*NAMES, "sqs.us-east-1.localhost.localstack.cloud"])
def test_a_name_that_leads_here_is_this_machine(
    name: str, looked_up: dict[str, list[str]], emulator: tuple[int, list[str]]
) -> None:
    port, hosts = emulator
    looked_up[name] = ["127.0.0.1"]
    sqs(f"http://{name}:{port}").list_queues()
    assert hosts == [f"{name}:{port}"], "the emulator reads the name in it"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("addresses", [[ELSEWHERE], ["127.0.0.1", ELSEWHERE], ["169.254.169.254"], [NEIGHBOUR], []])
def test_a_name_that_leads_elsewhere_is_stopped(
    name: str, addresses: list[str], looked_up: dict[str, list[str]], emulator: tuple[int, list[str]]
) -> None:
    looked_up[name] = addresses
    with pytest.raises(ReachError, match="does not lead to this machine here"):
        sqs(f"http://{name}:{emulator[0]}").list_queues()
    assert emulator[1] == []


def test_a_name_that_changes_its_mind_after_the_check_gains_nothing(
    looked_up: dict[str, list[str]], emulator: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, hosts = emulator
    looked_up["host.docker.internal"] = ["127.0.0.1"]
    checked = reach.address_of

    def then_elsewhere(host: str) -> str | None:
        address = checked(host)
        looked_up[host] = [ELSEWHERE]
        return address

    monkeypatch.setattr(reach, "address_of", then_elsewhere)
    sqs(f"http://host.docker.internal:{port}").list_queues()
    assert len(hosts) == 1, "the request went to the address that was checked"
    reach._pinned.clear()  # half a minute later
    with pytest.raises(ReachError):
        sqs(f"http://host.docker.internal:{port}").list_queues()


def test_an_address_of_this_machines_own_network_is_this_machine(
    looked_up: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up["host.docker.internal"] = ["192.168.7.20"]
    assert reach.address_of("host.docker.internal") is None
    entry = type("Entry", (), {"address": "192.168.7.20"})
    monkeypatch.setattr(reach.psutil, "net_if_addrs", lambda: {"eth0": [entry]})
    assert reach.address_of("host.docker.internal") == "192.168.7.20"


OTHER_NETWORK = "10.20.30.40"  # private, and not the container's


@pytest.mark.parametrize(
    ("name", "address", "taken"),
    [
        ("localstack", NEIGHBOUR, True),
        ("localstack", OTHER_NETWORK, False),
        ("localstack", ELSEWHERE, False),
        ("localstack", "169.254.169.254", False),
        ("localstack", "0.0.0.0", False),
        ("localhost.localstack.cloud", OTHER_NETWORK, False),
        ("host.docker.internal", "192.168.65.254", True),
        ("host.docker.internal", ELSEWHERE, False),
        ("host.docker.internal", "169.254.169.254", False),
    ],
)
def test_in_a_container_the_engines_own_network_is_this_machine(
    name: str,
    address: str,
    taken: bool,
    looked_up: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    mark = tmp_path / ".dockerenv"
    mark.touch()
    monkeypatch.setattr(reach, "_CONTAINER_MARKS", (mark,))
    interface = SimpleNamespace(family=socket.AF_INET, address="172.18.0.2", netmask="255.255.0.0")
    hardware = SimpleNamespace(family=-1, address="02:42:ac:12:00:02", netmask=None)
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": [interface, hardware]})
    looked_up[name] = [address]
    assert reach.address_of(name) == (address if taken else None)


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999", "http://localhost:port", "http://[x]:1"])
def test_what_is_no_address_is_a_sentence(url: str) -> None:
    with pytest.raises(TargetError, match=r"is no address of an emulator|is not an emulator on this machine"):
        check_endpoint_url(url)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_not_taken_with_https(name: str) -> None:
    with pytest.raises(TargetError, match="cannot be used with https"):
        check_endpoint_url(f"https://{name}:4566")


@pytest.mark.parametrize("host", ["example.localstack.cloud", "localhost.localstack.cloud.example.com", "10.0.0.1"])
def test_no_other_name_is_looked_up(host: str, looked_up: dict[str, list[str]]) -> None:
    looked_up[host] = ["127.0.0.1"]
    assert reach.address_of(host) is None


@pytest.mark.parametrize(("address", "answer"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), (ELSEWHERE, "None")])
def test_with_the_machines_own_resolver(address: str, answer: str, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{address} host.docker.internal\n")
    inside = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        'mount --bind "$1" /etc/hosts && shift && "$@"',
    ]
    if subprocess.run([*inside, "-", str(hosts), "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system of one's own here, to put another /etc/hosts into")
    program = "from lab.target import reach; print(reach.address_of('host.docker.internal'))"
    ended = subprocess.run(
        [*inside, "-", str(hosts), sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == answer
