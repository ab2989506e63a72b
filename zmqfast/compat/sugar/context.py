"""zmq.sugar.context."""

from typing import TypeAlias

from zmqfast.context import Context
from zmqfast.socket import Socket

__all__ = ["Context", "SyncContext"]

SyncContext: TypeAlias = Context[Socket[bytes]]
