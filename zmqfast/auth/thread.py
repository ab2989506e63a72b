"""ThreadAuthenticator: decides who may connect, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, ClassVar

import zmqfast.asyncio
from zmqfast.auth.base import Authenticator
from zmqfast.auth.serving import serve
from zmqfast.constants import ROUTER, SocketType

__all__ = ["ThreadAuthenticator"]


class AuthenticationThread(threading.Thread):
    """Serves an authenticator's requests in an event loop of its own."""

    def __init__(self, authenticator: Authenticator) -> None:
        super().__init__(name="zmqfast-auth", daemon=True)
        self.authenticator = authenticator
        self.loop = asyncio.SelectorEventLoop()     # the one that watches descriptors on every system
        self._serving: asyncio.Task[None] = self.loop.create_task(serve(authenticator, authenticator.zap_socket))

    def run(self) -> None:
        """Serve until stop(), or until the context ends."""
        try:
            self.loop.run_until_complete(self._serving)
        except asyncio.CancelledError:
            pass
        finally:
            self.loop.close()

    def stop(self) -> None:
        """End the thread, and wait for that."""
        try:
            self.loop.call_soon_threadsafe(self._serving.cancel)
        except RuntimeError:        # it has ended by itself
            pass
        self.join()


class ThreadAuthenticator(Authenticator):
    """An Authenticator that runs in a thread of its own: for programs without an event loop.

    Configure it from any thread, before or after start(). Arguments: see Authenticator.
    """

    thread: AuthenticationThread | None = None

    _zap_socket_type: ClassVar[SocketType] = ROUTER

    def start(self) -> None:
        """Bind to the ZAP endpoint and start the thread. From here on nobody gets in unasked.

        Raises:
            ZMQError: the context has a ZAP handler already (EADDRINUSE).
        """
        self.log.debug("Starting")
        self.zap_socket = self._open(socket_class=zmqfast.asyncio.Socket)
        self.thread = AuthenticationThread(self)
        self.thread.start()

    def stop(self) -> None:
        """End the thread and leave the ZAP endpoint. Harmless when it does not run."""
        thread, self.thread = self.thread, None
        if thread is not None:
            thread.stop()
        super().stop()

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self.thread is not None and self.thread.is_alive()

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
