"""What a socket tells of its peers: peers() and stats()."""

from __future__ import annotations

from typing import NamedTuple


class Peer(NamedTuple):
    """A peer that is connected: its handshake is over."""

    local: str
    """Our end's address, such as tcp://127.0.0.1:5555."""
    remote: str
    """The peer's address; empty where libzmq does not tell. Over inproc, and for a name in ipc, both are the endpoint."""


class PeerQueue(NamedTuple):
    """The queues of one connection, in messages: at most so many, as what the other end has taken is told late."""

    local: str
    remote: str
    """Empty where nobody is connected yet."""
    outgoing: int
    """Sent by us, and not yet taken by the I/O thread that writes to the peer, or over inproc by the peer."""
    incoming: int
    """Received from the peer, and not yet by us."""


class SocketStats(NamedTuple):
    """What has happened to a socket's connections since they are counted, and how long its queues are."""

    connected: int
    """Handshakes that succeeded."""
    disconnected: int
    """Of these, connections that were lost again."""
    failed: int
    """Handshakes that failed."""
    queues: tuple[PeerQueue, ...]
