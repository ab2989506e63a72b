"""Monitors: what happens to a socket's connections, as typed events (zmq_socket_monitor)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from zmqfast.constants import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER = struct.Struct("=HI")      # event, value: zmq_socket_monitor(3)


class MonitorEvent(NamedTuple):
    """One event of a monitored socket."""

    event: Event
    value: int
    """By the event: a descriptor, an errno, ms until the next try, a protocol error or a ZAP status code."""
    endpoint: str


def parse_event(frames: Sequence[Any]) -> MonitorEvent:
    """The event in a monitor's raw message of two frames.

    Raises:
        ValueError: not a monitor's message.
    """
    if len(frames) != 2 or len(frames[0]) != _HEADER.size:
        raise ValueError(f"not a message of a monitor: {frames!r}")
    number, value = _HEADER.unpack(frames[0])
    return MonitorEvent(Event(number), value, bytes(frames[1]).decode())
