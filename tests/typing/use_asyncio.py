"""What asyncio sockets return."""

from __future__ import annotations

import asyncio

from typing_extensions import assert_type

import zmqfast as zmq
import zmqfast.asyncio as zmq_asyncio


async def use(context: zmq_asyncio.Context) -> None:
    socket = context.socket(zmq.DEALER)
    assert_type(socket, zmq_asyncio.Socket)
    assert_type(socket.recv(), asyncio.Future[bytes])
    assert_type(await socket.recv(), bytes)
    assert_type(await socket.recv(copy=False), zmq.Frame)
    assert_type(await socket.recv_multipart(), list[bytes])
    assert_type(await socket.recv_multipart(copy=False), list[zmq.Frame])
    assert_type(await socket.send(b"x", timeout=0.5), zmq.MessageTracker | None)
    assert_type(await socket.send_string("x"), zmq.MessageTracker | None)
    assert_type(await socket.send_many([b"x", [b"y", b"z"]]), int)
    assert_type(await socket.try_send(b"x"), bool)
    assert_type(await socket.poll(10), int)
    assert_type(await socket.recv_batch(), zmq.Batch)
    await socket.send("text")       # error: arg-type
    async with socket:
        pass
