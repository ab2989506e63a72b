"""Every asyncio test runs on asyncio's own loop and on uvloop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

import zmqfast as zmq
import zmqfast.asyncio as zmq_asyncio


sys.path.append(str(Path(__file__).parent))     # helpers are imported by their name

from asyncio_loops import LOOPS, TIMEOUT_S


@pytest.fixture(params=LOOPS)
def run(request) -> Callable[[Coroutine], object]:
    """`run(coroutine)` on a loop of its own, at most TIMEOUT_S."""

    def on_a_new_loop(coroutine: Coroutine) -> object:
        loop = request.param()
        try:
            return loop.run_until_complete(asyncio.wait_for(coroutine, TIMEOUT_S))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    return on_a_new_loop


class KeepingContext(zmq_asyncio.Context):
    """Keeps its sockets until the test is over, and closes them then."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[zmq_asyncio.Socket] = []

    def socket(self, *args: object, **kwargs: object) -> zmq_asyncio.Socket:
        self.kept.append(super().socket(*args, **kwargs))
        return self.kept[-1]


@pytest.fixture
def async_context():
    context = KeepingContext()
    yield context
    context.destroy(linger=0)
    context.kept.clear()


@pytest.fixture
def async_pair(async_context, transport, fresh_endpoint):
    """Two connected asyncio sockets over inproc, ipc or tcp."""

    def make(binding: int, connecting: int, **options: object):
        sockets = async_context.socket(binding), async_context.socket(connecting)
        for socket in sockets:
            for name, value in options.items():
                setattr(socket, name, value)
        sockets[0].bind(fresh_endpoint(transport))
        sockets[1].connect(sockets[0].last_endpoint)
        for socket in sockets:
            zmq.Socket.wait_connected(socket, timeout=5)
        return sockets

    return make
