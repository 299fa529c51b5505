"""Which hosts are this machine, and the address that a request to one of them may go to.

A name of this machine is looked up once and its address checked; the request then goes to that very address, so that no
second look-up can lead it elsewhere.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Where people have an emulator: what LocalStack calls itself in the addresses that it gives out, what Docker calls the
# machine that it runs on, and the service of the compose file. Each is ours only if it leads to this machine.
HOST_OF_THE_ENGINE = "host.docker.internal"
_NAMES = frozenset({"localhost.localstack.cloud", HOST_OF_THE_ENGINE, "localstack"})
_BELOW = ".localhost.localstack.cloud"
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_PRIVATE: tuple[_Network, ...] = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
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

    In a container the services of its own network are this machine too, and ``host.docker.internal``, by which the
    engine means the machine it runs on, may be at any private address. The answer holds for half a minute, since a
    service that was started anew has another address.
    """
    if host in _LOOPBACK:
        return host
    if not is_known(host):
        return None
    until, address = _pinned.get(host, (0.0, ""))
    if time.monotonic() < until:
        return address
    addresses = _look_up(host)
    if not addresses or not all(map(_is_here(host), addresses)):
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


def _is_here(host: str) -> Callable[[str], bool]:
    interfaces = [entry for entries in psutil.net_if_addrs().values() for entry in entries]
    own = {entry.address for entry in interfaces}
    neighbours: list[_Network] = []
    if any(mark.exists() for mark in _CONTAINER_MARKS):
        neighbours = list(_PRIVATE) if host == HOST_OF_THE_ENGINE else list(_networks_of(interfaces))

    def is_here(address: str) -> bool:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        near = any(parsed.version == network.version and parsed in network for network in neighbours)
        return parsed.is_loopback or address in own or near

    return is_here


def _networks_of(interfaces: Iterable[Any]) -> Iterator[_Network]:
    """The private networks that this container is in."""
    for entry in interfaces:
        if entry.family in (socket.AF_INET, socket.AF_INET6) and entry.netmask:
            prefix = bin(int(ipaddress.ip_address(entry.netmask))).count("1")
            network = ipaddress.ip_network(f"{entry.address.partition('%')[0]}/{prefix}", strict=False)
            if any(network.version == private.version and network.subnet_of(private) for private in _PRIVATE):  # type: ignore[arg-type]
                yield network
