"""Links that can be cut, between those who bind and those who connect.

Two network namespaces, and for each link a pair of virtual Ethernet interfaces between them. Where those are not allowed,
everybody is on the loopback, and each link is a forwarder of TCP.
"""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from zmqfast.cli.network_namespace import Namespace, network_namespace

sys.path.append(str(Path(__file__).parents[1]))
from tcp_link import TcpLink

LOOPBACK_UP = "ip link set lo up"
CABLES_ALLOWED = "ip link add tried type veth && ip link delete tried"
LINKS = 254                         # a subnet 10.77.NUMBER.0/30 each


class Link(Protocol):
    endpoint: str                   # where who connects finds who has bound

    def set_cut(self, cut: bool) -> None: ...

    def set_silent(self, silent: bool) -> None: ...

    def close(self) -> None: ...


class Network(Protocol):
    name: str
    bind_host: str
    binding: list[str]              # words before the command of who binds
    connecting: list[str]           # and of who only connects

    def link(self, port: int) -> Link: ...


class Loopback:
    bind_host = "127.0.0.1"

    def __init__(self, obstacle: str) -> None:
        self.name = f"loopback and forwarders ({obstacle})"
        self.binding: list[str] = []
        self.connecting: list[str] = []

    def link(self, port: int) -> TcpLink:
        return TcpLink(f"tcp://{self.bind_host}:{port}")


class TwoNamespaces:
    name = "two network namespaces"
    bind_host = "0.0.0.0"

    def __init__(self, near: Namespace, far: Namespace) -> None:
        self.near, self.far = near, far
        self.binding, self.connecting = far.prefix, near.prefix
        self.numbers = iter(range(LINKS))

    def link(self, port: int) -> Cable:
        return Cable(self, next(self.numbers), port)


class Cable:
    """A pair of virtual Ethernet interfaces: one end at who connects, the other at who binds.

    Connections outlive the time that it is down, as over any cable, unless a heartbeat misses them.
    """

    def __init__(self, network: TwoNamespaces, number: int, port: int) -> None:
        self.network = network
        self.interface = f"link{number}"
        self.endpoint = f"tcp://10.77.{number}.1:{port}"
        ip(network.near, "link", "add", self.interface, "type", "veth",
           "peer", "name", self.interface, "netns", str(network.far.holder))
        for place, host in ((network.far, 1), (network.near, 2)):
            ip(place, "address", "add", f"10.77.{number}.{host}/30", "dev", self.interface)
            self.set_up(place, True)

    def set_up(self, place: Namespace, up: bool) -> None:
        ip(place, "link", "set", self.interface, "up" if up else "down")

    def set_cut(self, cut: bool) -> None:
        """Cut: who connects has no way there, and is told so."""
        self.set_up(self.network.near, not cut)

    def set_silent(self, silent: bool) -> None:
        """Silent: who connects is not told that nothing gets through."""
        self.set_up(self.network.far, not silent)

    def close(self) -> None:
        """It goes with its namespaces."""


def ip(place: Namespace, *words: str) -> None:
    subprocess.run([*place.prefix, "ip", *words], check=True)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    with contextlib.ExitStack() as stack:
        near = stack.enter_context(network_namespace(f"{LOOPBACK_UP} && {CABLES_ALLOWED}"))
        far = near if near.obstacle else stack.enter_context(network_namespace(LOOPBACK_UP, within=near))
        yield Loopback(far.obstacle) if far.obstacle else TwoNamespaces(near, far)


def free_ports() -> Iterator[int]:
    """Ports that the system gives to nobody who does not name them: who is killed finds its own free again."""
    given_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, given_from), given_from - 10_000):
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            yield port
