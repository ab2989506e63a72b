"""AsyncioAuthenticator: decides who may connect, in the running event loop."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any, ClassVar

import zmqfast.asyncio
from zmqfast.auth.base import Authenticator
from zmqfast.auth.serving import serve
from zmqfast.constants import ROUTER, SocketType
from zmqfast.context import Context

__all__ = ["AsyncioAuthenticator"]


class AsyncioAuthenticator(Authenticator):
    """An Authenticator that runs in the event loop in which start() was called. Arguments: see Authenticator."""

    _zap_socket_type: ClassVar[SocketType] = ROUTER

    def __init__(
        self, context: Context[Any] | None = None, loop: Any = None, encoding: str = "utf-8", log: Any = None
    ) -> None:
        super().__init__(context, encoding, log)
        if loop is not None:
            warnings.warn("AsyncioAuthenticator(loop) is ignored: the loop that start() is called in counts",
                          DeprecationWarning, stacklevel=2)
        self._serving: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Bind to the ZAP endpoint and answer from here on, while the loop runs.

        Raises:
            ZMQError: the context has a ZAP handler already (EADDRINUSE).
            RuntimeError: there is no event loop.
        """
        loop = asyncio.get_event_loop()
        self.zap_socket = self._open(socket_class=zmqfast.asyncio.Socket)
        self._serving = loop.create_task(serve(self, self.zap_socket))

    def stop(self) -> None:
        """Stop answering and leave the ZAP endpoint. Harmless when it does not run."""
        serving, self._serving = self._serving, None
        if serving is not None and not serving.get_loop().is_closed():
            serving.cancel()
        super().stop()
