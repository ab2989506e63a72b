"""Authenticators of both kinds, and a gate: what becomes of a peer that knocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
import zmqfast as zmq
from zmqfast.auth import Authenticator
from zmqfast.auth.asyncio import AsyncioAuthenticator
from zmqfast.auth.thread import ThreadAuthenticator

OUTCOMES = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
TIMEOUT_S = 10


class LoopThread:
    """An event loop in a thread, for the authenticator that needs one."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def call(self, function: Callable[[], object]) -> None:
        async def run() -> None:
            function()
            await asyncio.sleep(0)      # what was cancelled ends

        asyncio.run_coroutine_threadsafe(run(), self.loop).result(TIMEOUT_S)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(params=["thread", "asyncio"])
def authenticator(request, context) -> Iterator[Authenticator]:
    """A running authenticator of the context."""
    if request.param == "thread":
        authenticator = ThreadAuthenticator(context)
        authenticator.start()
        yield authenticator
        authenticator.stop()
        return
    loop = LoopThread()
    authenticator = AsyncioAuthenticator(context)
    loop.call(authenticator.start)
    yield authenticator
    loop.call(authenticator.stop)
    loop.end()


class Gate:
    """A server, and what became of those who knocked: a status, 200 for those that were let in."""

    def __init__(self, context: zmq.Context, **options: object) -> None:
        self.context = context
        self.server = context.socket(zmq.PULL)
        for name, value in options.items():
            setattr(self.server, name, value)
        self.server.bind("tcp://127.0.0.1:*")

    def knock(self, **options: object) -> tuple[zmq.Socket, zmq.Socket]:
        """A client that connects, and its monitor."""
        client = self.context.socket(zmq.PUSH)
        client.linger = 0
        for name, value in options.items():
            setattr(client, name, value)
        monitor = client.get_monitor_socket(OUTCOMES)
        client.connect(self.server.last_endpoint)
        return client, monitor

    def outcome(self, **options: object) -> int:
        """The status that a client gets; one that is let in is heard, the others are not."""
        client, monitor = self.knock(**options)
        event = monitor.recv(timeout=TIMEOUT_S)
        client.disable_monitor()
        monitor.close()
        if event.event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            client.send(b"hello")
            assert self.server.recv(timeout=TIMEOUT_S) == b"hello"
        else:
            assert not self.server.poll(0)
        client.close(linger=0)
        return 200 if event.event == zmq.EVENT_HANDSHAKE_SUCCEEDED else event.value


@pytest.fixture
def gate(context) -> Callable[..., Gate]:
    return lambda **options: Gate(context, **options)


class CurveGate(Gate):
    """A Gate with CURVE; `keys()` are options of a client with keys of its own."""

    def __init__(self, context: zmq.Context, domain: str = "global") -> None:
        self.public, secret = zmq.curve_keypair()
        options = {"zap_domain": domain.encode()} if domain else {}
        super().__init__(context, curve_server=1, curve_secretkey=secret, **options)

    def keys(self, pair: tuple[bytes, bytes] | None = None) -> dict[str, bytes]:
        public, secret = pair or zmq.curve_keypair()
        return {"curve_serverkey": self.public, "curve_publickey": public, "curve_secretkey": secret}


@pytest.fixture
def curve_gate(context) -> Callable[..., CurveGate]:
    return lambda *args: CurveGate(context, *args)
