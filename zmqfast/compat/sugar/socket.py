"""zmq.sugar.socket."""

from typing import TypeAlias

from zmqfast.socket import Socket

__all__ = ["Socket", "SyncSocket"]

SyncSocket: TypeAlias = Socket[bytes]
