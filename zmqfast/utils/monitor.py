"""The events of a monitor as dicts, pyzmq's form; a monitor's own recv() gives MonitorEvents."""

from __future__ import annotations

import inspect
import struct
from typing import TYPE_CHECKING, Any, TypedDict
from collections.abc import Awaitable

from zmqfast.constants import Event

if TYPE_CHECKING:
    from zmqfast.socket import Socket

__all__ = ["parse_monitor_message", "recv_monitor_message"]

_HEADER = struct.Struct("=HI")      # event, value: zmq_socket_monitor(3)


class MonitorMessage(TypedDict):
    """One event: what happened, its number (see the table of events), and where."""

    event: int
    value: int
    endpoint: bytes


def parse_monitor_message(msg: list[bytes]) -> MonitorMessage:
    """The event in a monitor's raw message.

    Raises:
        RuntimeError: not a message of a monitor.
    """
    if len(msg) != 2 or len(msg[0]) != _HEADER.size:
        raise RuntimeError(f"Invalid event message format: {msg}")
    event, value = _HEADER.unpack(msg[0])
    return {"event": Event(event), "value": value, "endpoint": msg[1]}


def recv_monitor_message(socket: Socket[Any], flags: int = 0) -> Any:
    """The next event of a monitor; with an asyncio socket an awaitable of it. Waits and raises like recv_multipart()."""
    received: Any = socket.recv_multipart(flags)
    return _parse_later(received) if inspect.isawaitable(received) else parse_monitor_message(received)


async def _parse_later(received: Awaitable[list[bytes]]) -> MonitorMessage:
    return parse_monitor_message(await received)
