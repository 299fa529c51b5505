"""Ports of this machine: which one an emulator gets, who holds one, and where a process listens."""

from __future__ import annotations

import socket
from collections.abc import Callable

import psutil

from lab.emulator.health import answers
from lab.emulator.processes import everyone
from lab.errors import UnavailableError

USUAL_PORT = 4566


class PortTakenError(UnavailableError):
    """A port that was asked for by name is in use."""


class PortForbiddenError(UnavailableError):
    """A port that was asked for by name is not for this user."""


def port_owner(port: int) -> str:
    """Who listens on a loopback port, in words; empty when it is free."""
    if port_free(port):
        return ""
    for emulator in everyone():
        if emulator.port == port:
            return f"the lab '{emulator.name}' (process {emulator.pid})"
    if answers(port, 1.0):
        return "another LocalStack"
    return "another program"


def choose_port(wanted: int | None, say: Callable[[str], None], *, avoid_usual: bool) -> int:
    if wanted is not None:
        if not port_free(wanted):
            raise port_taken(wanted)
        return wanted
    if not avoid_usual and port_free(USUAL_PORT):
        return USUAL_PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    say(f"Port {USUAL_PORT} is taken by {port_owner(USUAL_PORT) or 'another program'}; this lab uses port {port}.")
    return port


def port_taken(port: int) -> PortTakenError:
    return PortTakenError(
        f"Port {port} is taken by {port_owner(port) or 'another program'}.",
        next_step="unset LAB_PORT, and the lab chooses a free one: lab up",
    )


def port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            # LocalStack in Docker or another one may listen on all addresses; binding both ways finds either.
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise PortForbiddenError(
                f"Port {port} cannot be used: {error.strerror}.",
                cause="ports below 1024 belong to the system.",
                next_step="unset LAB_PORT, and the lab chooses a free one: lab up",
            ) from None
        except OSError:
            return False
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def listening_addresses(process: psutil.Process, port: int) -> set[str] | None:
    """The addresses on which the process listens at a port; None where the system does not tell."""
    try:
        connections = process.net_connections(kind="tcp")
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return None
    return {entry.laddr.ip for entry in connections if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port}
