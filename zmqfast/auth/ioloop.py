"""IOLoopAuthenticator: AsyncioAuthenticator under the name that programs for tornado know."""

from __future__ import annotations

import warnings
from typing import Any

from zmqfast.auth.asyncio import AsyncioAuthenticator
from zmqfast.context import Context

__all__ = ["IOLoopAuthenticator"]


class IOLoopAuthenticator(AsyncioAuthenticator):
    """An AsyncioAuthenticator: tornado's loop is asyncio's. `io_loop` is ignored."""

    def __init__(
        self, context: Context[Any] | None = None, encoding: str = "utf-8", log: Any = None, io_loop: Any = None
    ) -> None:
        warnings.warn("IOLoopAuthenticator is AsyncioAuthenticator: use that, it runs in tornado's loop, too",
                      DeprecationWarning, stacklevel=2)
        super().__init__(context, encoding=encoding, log=log)
