"""Which hosts are this machine, and the address that a request to one of them may go to.

A name of this machine is looked up once and its address checked; the request then goes to that very address, so that no
second look-up can lead it elsewhere.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Where people have an emulator: what LocalStack calls itself in the addresses that it gives out, what Docker calls the
# machine that it runs on, and the service of the compose file. Each is ours only if it leads to this machine.
_NAMES = frozenset({"localhost.localstack.cloud", "host.docker.internal", "localstack"})
_BELOW = ".localhost.localstack.cloud"
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_LOOKED_UP_FOR_S = 30.0

_pinned: dict[str, tuple[float, str]] = {}


def is_known(host: str | None) -> bool:
    """Whether ``host`` is a name or an address of this machine, as far as can be said without looking it up."""
    return host is not None and (host in _LOOPBACK or host in _NAMES or host.endswith(_BELOW))


def is_loopback(host: str | None) -> bool:
    """Whether ``host`` is this machine by definition, and needs no look-up."""
    return host in _LOOPBACK


def address_of(host: str) -> str | None:
    """The address that a request to ``host`` may go to; None when it is not this machine's, or there is none.

    In a container a private address is this machine too: there the engine puts the machine it runs on, and the other
    services. The answer holds for half a minute, since a service that was started anew has another address.
    """
    if host in _LOOPBACK:
        return host
    if not is_known(host):
        return None
    until, address = _pinned.get(host, (0.0, ""))
    if time.monotonic() < until:
        return address
    addresses = _look_up(host)
    if not addresses or not all(map(_is_here(), addresses)):
        return None
    # The address of the old kind first: it is what engines and emulators listen to.
    address = min(addresses, key=lambda one: ":" in one)
    _pinned[host] = (time.monotonic() + _LOOKED_UP_FOR_S, address)
    return address


def _look_up(host: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):
        return []


def _is_here() -> Callable[[str], bool]:
    own = {entry.address for entries in psutil.net_if_addrs().values() for entry in entries}
    in_container = any(mark.exists() for mark in _CONTAINER_MARKS)

    def is_here(address: str) -> bool:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        return (
            parsed.is_loopback
            or address in own
            or (in_container and any(parsed.version == net.version and parsed in net for net in _PRIVATE))
        )

    return is_here
