"""A device for gevent: messages from either socket go to the other."""

from __future__ import annotations

from typing import Any

from zmqfast.constants import POLLIN
from zmqfast.green.poller import Poller


def device(device_type: int, isocket: Any, osocket: Any = None) -> None:
    """Pass messages on between two sockets, both ways, until the context ends; other greenlets run meanwhile.

    Args:
        device_type: QUEUE, FORWARDER or STREAMER; all do the same.
        osocket: the other socket; None or -1 for `isocket` itself.
    """
    if osocket is None or osocket == -1:
        osocket = isocket
    poller = Poller()
    poller.register(isocket, POLLIN)
    poller.register(osocket, POLLIN)
    other = {isocket: osocket, osocket: isocket}
    while True:
        for socket, _ in poller.poll():
            other[socket].send_multipart(socket.recv_multipart(copy=False), copy=False)
