"""Two processes, one with zmqfast and one with pyzmq, and connected sockets in them."""

from __future__ import annotations

import socket

import pytest
import zmqfast as zmq
from peer import Peer, PeerSocket, digest, frame_of

SIZES = (0, 1, 33, 34, 255, 256, 8191, 8192, 8193, 65535, 65536, 65537, 1 << 20)
SHAPES = [[size] for size in SIZES] + [[0, 0], [0, 5, 0], [1] * 17, [0] * 17, list(SIZES)]


def digests(shapes):
    """What recv_digests() gives for these messages."""
    return [[digest(frame_of(size)) for size in shape] for shape in shapes]


def ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture(params=["zmqfast → pyzmq", "pyzmq → zmqfast"])
def peers(request, peer_of) -> tuple[Peer, Peer]:
    """The process of the first socket and the process of the second; one has zmqfast, the other pyzmq."""
    pytest.importorskip("zmq")
    ours, theirs = peer_of("zmqfast"), peer_of("zmq")
    return (ours, theirs) if request.param.startswith("zmqfast") else (theirs, ours)


@pytest.fixture(params=["tcp", "tcp6", "ipc"])
def transport(request) -> str:
    if request.param == "tcp6" and not ipv6_loopback():
        pytest.skip("no IPv6 here")
    return request.param


@pytest.fixture(params=["first binds", "second binds"])
def ends(request, peers, transport, fresh_endpoint):
    """`ends(PUSH, PULL)`: two connected sockets, one in each process; either binds."""
    return Ends(peers, request.param == "first binds", fresh_endpoint, transport)


@pytest.fixture
def tcp_ends(peers, fresh_endpoint):
    """The same over tcp, where the first socket binds."""
    return Ends(peers, True, fresh_endpoint, "tcp")


class Ends:
    def __init__(self, peers, first_binds, fresh_endpoint, transport) -> None:
        self.peers = peers
        self.first_binds = first_binds
        self.fresh_endpoint = fresh_endpoint
        self.transport = transport
        self.endpoint = ""

    def __call__(self, first_type: int, second_type: int, **options) -> tuple[PeerSocket, PeerSocket]:
        if self.transport == "tcp6":
            options["ipv6"] = 1
        sockets = [peer.socket(kind, **options) for peer, kind in zip(self.peers, (first_type, second_type))]
        return self.connect(*sockets)

    def connect(self, first: PeerSocket, second: PeerSocket) -> tuple[PeerSocket, PeerSocket]:
        binding, connecting = (first, second) if self.first_binds else (second, first)
        self.endpoint = binding.bind(self.fresh_endpoint(self.transport))
        connecting.connect(self.endpoint)
        return first, second


def wait_for_subscription(publisher: PeerSocket, subscriber: PeerSocket, topic: bytes = b"") -> None:
    """PUB does not say when a subscription has come: publish until something arrives, then read it all."""
    while not subscriber.poll(10):
        publisher.send(topic + b"are you there?")
    publisher.send(topic + b"now")
    while subscriber.recv() != topic + b"now":
        pass


def subscribe(publisher: PeerSocket, subscriber: PeerSocket, topic: bytes) -> None:
    """XPUB says so."""
    subscriber.set(int(zmq.SUBSCRIBE), topic)
    wait_for_message(publisher, subscriber)
    assert publisher.recv() == b"\x01" + topic


def wait_for_message(receiver: PeerSocket, sender: PeerSocket) -> None:
    """What a socket sends by itself, its subscriptions, goes out while it is used: so use it until they are there."""
    for _ in range(1000):
        if receiver.poll(10):
            return
        sender.get(int(zmq.EVENTS))
    raise TimeoutError("no message came")
