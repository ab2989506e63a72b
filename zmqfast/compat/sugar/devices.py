"""zmq.device(): libzmq 2's name for a proxy."""

from __future__ import annotations

from zmqfast._core import Socket, proxy

__all__ = ["device"]


def device(device_type: int, frontend: Socket, backend: Socket | None = None) -> None:
    """proxy(frontend, backend); the type never mattered.

    Args:
        backend: None for a proxy from a socket to itself.
    Raises:
        ContextTerminated: the context ended, which is how it ends.
    """
    proxy(frontend, frontend if backend is None else backend)
