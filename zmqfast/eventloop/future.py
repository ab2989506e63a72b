"""Sockets whose calls return tornado's Futures, which are asyncio's: zmqfast.asyncio under pyzmq's other name."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any

from tornado.concurrent import Future
from tornado.ioloop import IOLoop

import zmqfast.asyncio as zmq_asyncio

__all__ = ["CancelledError", "Context", "Future", "IOLoop", "Poller", "Socket"]


class Socket(zmq_asyncio.Socket):
    """An asyncio Socket that also takes a tornado IOLoop as its `io_loop`."""

    __slots__ = ()

    def __init__(self, context: Any = None, socket_type: int = -1, io_loop: Any = None, **kwargs: Any) -> None:
        super().__init__(context, socket_type, getattr(io_loop, "asyncio_loop", io_loop), **kwargs)


class Context(zmq_asyncio.Context):
    """A Context whose sockets return Futures."""

    __slots__ = ()

    _socket_class = Socket


class Poller(zmq_asyncio.Poller):
    """A Poller whose poll() returns a Future."""
