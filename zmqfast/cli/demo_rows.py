"""The rows of the demo's table: which pattern goes over which transport, from which library to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import zmqfast
from zmqfast.cli.transports import TRANSPORTS, kernel_lacks

ZMQFAST, PYZMQ = "zmqfast", "zmq"


@dataclass(frozen=True)
class Pattern:
    """A pattern as `demo_peer.process.ROLES` has it, and what its messages are."""

    name: str
    block_bytes: int        # a message is as many lines as fit into that; 0: one line
    capability: str = ""    # beyond the transport's

    @property
    def roles(self) -> tuple[str, ...]:
        return ("sender", "receiver", "proxy") if "proxy" in self.name else ("sender", "receiver")


@dataclass(frozen=True)
class Row:
    """One exchange: from a sender to a receiver, and what speaks against it."""

    pattern: Pattern
    transport: str
    sender: str             # the library: "zmqfast" or "zmq"
    receiver: str
    peer: str               # as the table says it
    obstacle: str = ""      # why it cannot run

    @property
    def title(self) -> str:
        return f"{self.pattern.name.removesuffix(' multicast')} over {self.transport} {self.peer}"

    @property
    def needs_namespace(self) -> bool:
        return self.pattern is MULTICAST


STREAM_PATTERNS = (
    Pattern("PUB-SUB", 0),
    Pattern("REQ-REP", 4096),
    Pattern("PUSH-PULL", 0),
    Pattern("ROUTER-DEALER", 1024),
    Pattern("PAIR", 0),
    Pattern("XPUB-XSUB proxy", 0),
    Pattern("CURVE PAIR", 0, "curve"),
    Pattern("asyncio PUSH-PULL", 1024),
)
STREAM_TRANSPORTS = ("tcp", "ipc", "inproc", "ws", "tipc", "vsock")
DATAGRAM = Pattern("RADIO-DISH", 1024, "draft")
MULTICAST = Pattern("PUB-SUB multicast", 1024)      # over norm, 2038 at most: libzmq issue 3501
MULTICAST_TRANSPORTS = ("pgm", "epgm", "norm")
NORM_PUSH_SINCE = (4, 3, 6)     # without it each window waits a second or more


def rows(own: Mapping[str, bool], peer: Mapping[str, bool] | None) -> list[Row]:
    """Every row for a zmqfast with the capabilities `own`, and a pyzmq with `peer`, or None where there is none."""
    found: list[Row] = []
    for transport in STREAM_TRANSPORTS:
        if obstacle := obstacle_to(transport, own):
            found.append(Row(STREAM_PATTERNS[0], transport, ZMQFAST, ZMQFAST, "to zmqfast", obstacle))
        else:
            for pattern in STREAM_PATTERNS:
                found += both_ways(pattern, transport, own, peer)
    found += both_ways(DATAGRAM, "udp", own, peer)
    for transport in MULTICAST_TRANSPORTS:
        found += both_ways(MULTICAST, transport, own, peer)
    return found


def both_ways(
    pattern: Pattern, transport: str, own: Mapping[str, bool], peer: Mapping[str, bool] | None
) -> list[Row]:
    """To pyzmq and from pyzmq; where pyzmq cannot, to zmqfast; over inproc, to a thread."""
    obstacle = obstacle_to(transport, own) or missing_words(missing_in(own, pattern.capability))
    if transport == "inproc":
        if pattern.capability == "curve":
            obstacle = "inproc stays inside the process: there is nothing to secure"
        return [Row(pattern, transport, ZMQFAST, ZMQFAST, "to a zmqfast thread", obstacle)]
    if obstacle or peer is None:
        return [Row(pattern, transport, ZMQFAST, ZMQFAST, "to zmqfast", obstacle)]
    if missing := missing_in(peer, TRANSPORTS[transport]) or missing_in(peer, pattern.capability):
        return [Row(pattern, transport, ZMQFAST, ZMQFAST, f"to zmqfast (pyzmq has no {missing})")]
    return [Row(pattern, transport, ZMQFAST, PYZMQ, "to pyzmq"), Row(pattern, transport, PYZMQ, ZMQFAST, "from pyzmq")]


def obstacle_to(transport: str, own: Mapping[str, bool]) -> str:
    """Why zmqfast cannot use a transport here; empty if it can."""
    if transport == "norm" and own["norm"] and zmqfast.zmq_version_info() < NORM_PUSH_SINCE:
        return "too slow before libzmq 4.3.6"
    return missing_words(missing_in(own, TRANSPORTS[transport])) or kernel_lacks(transport)


def missing_in(has: Mapping[str, bool], capability: str) -> str:
    """The capability, as users know it, if it is not there; empty if it is, or if none is needed."""
    return "" if not capability or has[capability] else {"draft": "draft API"}.get(capability, capability.lower())


def missing_words(missing: str) -> str:
    return f"this libzmq was built without {missing}" if missing else ""
