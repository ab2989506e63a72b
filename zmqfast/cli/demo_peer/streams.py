"""PUSH-PULL, PAIR, CURVE, PUB-SUB and XPUB-XSUB through a proxy: one way, as fast as it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .side import END, Side

PROBE = b"probe"
PROBE_S = 0.005         # from one probe of a publisher to the next


def push(side: Side) -> None:
    side.send(side.bind(side.open("PUSH")))


def pull(side: Side) -> None:
    side.receive(side.connect(side.open("PULL")))


def pair_sender(side: Side) -> None:
    side.send(side.bind(side.open("PAIR")))


def pair_receiver(side: Side) -> None:
    side.receive(side.connect(side.open("PAIR")))


def curve_client(side: Side) -> None:
    public, secret = side.zmq.curve_keypair()
    server = side.board.wait("server_key").encode()
    keys = {"CURVE_PUBLICKEY": public, "CURVE_SECRETKEY": secret, "CURVE_SERVERKEY": server}
    side.send(side.connect(side.open("PAIR", **keys)))


def curve_server(side: Side) -> None:
    public, secret = side.zmq.curve_keypair()
    side.board.post("server_key", public.decode())
    side.receive(side.bind(side.open("PAIR", CURVE_SERVER=1, CURVE_SECRETKEY=secret)))


def publish(side: Side) -> None:
    socket = side.bind(side.open("PUB", XPUB_NODROP=1))     # when the queue is full it waits, and loses nothing
    probe_until_subscribed(side, socket.send)
    socket.send(END)
    side.send(socket)


def subscribe(side: Side) -> None:
    socket = side.connect(side.open("SUB", SUBSCRIBE=b""))
    await_probe(side, socket)
    for _ in iter(socket.recv, END):    # the rest of the probes
        pass
    side.receive(socket)


def probe_until_subscribed(side: Side, send: Callable[[bytes], Any]) -> None:
    """A publisher does not see who listens: publish probes until somebody says that one came."""
    while not side.board.wait("subscribed", PROBE_S):
        send(PROBE)


def await_probe(side: Side, socket: Any) -> None:
    socket.recv()
    side.board.post("subscribed")


def xpub_sender(side: Side) -> None:
    socket = side.connect(side.open("XPUB", XPUB_NODROP=1), "frontend")
    socket.recv()       # the subscription, which came through the proxy: now the whole way is open
    side.send(socket)


def xsub_receiver(side: Side) -> None:
    socket = side.connect(side.open("XSUB"), "backend")
    socket.send(b"\x01")     # subscribes to every topic
    side.receive(socket)


def forwarder(side: Side) -> None:
    """Forward until the context ends."""
    frontend = side.bind(side.open("XSUB"), "frontend")
    backend = side.bind(side.open("XPUB", XPUB_NODROP=1), "backend")
    try:
        side.zmq.proxy(frontend, backend)
    except side.zmq.ContextTerminated:
        pass
