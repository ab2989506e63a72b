"""Serving ZAP requests at the same time, so that one slow answer keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from collections.abc import Callable

from zmqfast.errors import ContextTerminated, ZMQError

if TYPE_CHECKING:
    from zmqfast.auth.base import Authenticator

ZAP_ENDPOINT = "inproc://zeromq.zap.01"
CONCURRENT_CALLBACKS = 64       # blocking ones of an authenticator, each in a thread of its own

# The frames that lead a reply back through a ROUTER, for the request that this task handles. A REP needs none.
envelope: ContextVar[tuple[bytes, ...]] = ContextVar("envelope", default=())


async def serve(authenticator: Authenticator, zap_socket: Any) -> None:
    """Answer requests until cancelled, or until the context ends; then close the socket."""
    authenticator._callbacks = asyncio.Semaphore(CONCURRENT_CALLBACKS)      # of this loop
    tasks: set[asyncio.Task[None]] = set()
    try:
        while True:
            frames = await zap_socket.recv_multipart()
            task = asyncio.create_task(handle(authenticator, frames))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    except ContextTerminated:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        leave(zap_socket)


def leave(zap_socket: Any) -> None:
    """Close the socket; the endpoint is free at once, which close() alone leaves to libzmq's own time."""
    if zap_socket.closed:
        return
    try:
        zap_socket.unbind(ZAP_ENDPOINT)
    except ZMQError:        # the context has ended
        pass
    zap_socket.close()


async def handle(authenticator: Authenticator, frames: list[bytes]) -> None:
    """Answer one request, which came through a ROUTER."""
    if b"" not in frames:
        authenticator.log.error("Invalid ZAP message without a delimiter")
        return
    body = frames.index(b"") + 1
    envelope.set(tuple(frames[:body]))
    try:
        await authenticator.handle_zap_message(frames[body:])
    except ContextTerminated:
        pass
    except Exception as error:          # its text may hold what must not be logged
        authenticator.log.error("A ZAP request was not answered: %s", type(error).__name__)


async def call_in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns, in a thread that neither other calls nor the end of the program wait for."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: Exception | None) -> None:
        if answered.done():             # cancelled
            return
        if error is None:
            answered.set_result(value)
        else:
            answered.set_exception(error)

    def run() -> None:
        value, failed = None, None
        try:
            value = function(*arguments)
        except Exception as error:
            failed = error
        try:
            loop.call_soon_threadsafe(settle, value, failed)
        except RuntimeError:            # the loop was closed meanwhile: nobody wants to know
            pass

    threading.Thread(target=run, name="zmqfast-credentials", daemon=True).start()
    return await answered
