"""Monitors: what happens to a socket's connections, as typed events (zmq_socket_monitor)."""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from zmqfast.constants import Event
from zmqfast.errors import ContextTerminated, HandshakeFailed, ZMQError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HEADER = struct.Struct("=HI")      # event, value: zmq_socket_monitor(3)
_NUMBER = struct.Struct("=Q")       # zmq_socket_monitor_versioned(3), version 2

_WITH_ERRNO = Event.BIND_FAILED | Event.ACCEPT_FAILED | Event.CLOSE_FAILED
_WITH_DESCRIPTOR = Event.LISTENING | Event.ACCEPTED | Event.CONNECTED | Event.CLOSED | Event.DISCONNECTED


class _Triple(NamedTuple):
    event: Event
    value: int
    endpoint: str


class MonitorEvent(_Triple):
    """One event of a monitored socket: a tuple of event, value and endpoint, which tells what the value means.

    Attributes:
        event: the Event.
        value: by the event: a descriptor, an errno, ms until the next try, a protocol error or a ZAP status code.
        endpoint: the one that was bound or connected; in version 2 the peer's, where there is one.
        values: all values; PIPES_STATS has two.
        local, remote: addresses of the two ends; empty in version 1.
    """

    values: tuple[int, ...]
    local: str
    remote: str

    def __new__(
        cls, event: Event, value: int, endpoint: str, values: tuple[int, ...] = (), local: str = "", remote: str = ""
    ) -> MonitorEvent:
        self = super().__new__(cls, event, value, endpoint)
        self.values = values or (value,)
        self.local = local
        self.remote = remote
        return self

    @property
    def error(self) -> ZMQError | None:
        """What failed, as an exception to look at or to raise: a HandshakeFailed, a ZMQError, or None."""
        return error_of(self.event, self.value, self.endpoint)

    @property
    def descriptor(self) -> int | None:
        """Of the connection or the listener; None for other events. It may be another file's by now."""
        return self.value if self.event & _WITH_DESCRIPTOR else None

    @property
    def retry_ms(self) -> int | None:
        """ms until the next try to connect, of a CONNECT_RETRIED; None for other events."""
        return self.value if self.event == Event.CONNECT_RETRIED else None

    @property
    def queued(self) -> tuple[int, int] | None:
        """Messages that wait to be sent, and to be received, of a PIPES_STATS; None for other events."""
        return (self.values[0], self.values[1]) if self.event == Event.PIPES_STATS else None


class AsyncEventReader:
    """How the reading end of a monitor is iterated with `async for`; beside a Socket whose recv() is awaited."""

    __slots__ = ()

    if TYPE_CHECKING:
        _stopped: bool          # a slot of the class that is also a Socket
        recv: Callable[..., Any]

    async def __anext__(self) -> MonitorEvent:
        if getattr(self, "_stopped", False):
            raise StopAsyncIteration
        try:
            event: MonitorEvent = await self.recv()
        except ContextTerminated:
            raise StopAsyncIteration from None
        self._stopped = event.event == Event.MONITOR_STOPPED    # type: ignore[misc]
        return event


def error_of(event: int, value: int, endpoint: str) -> ZMQError | None:
    """The exception that an event and its value stand for, or None."""
    if event & _WITH_ERRNO:
        what = Event(event).name or ""
        return ZMQError(value, f"{what.lower().replace('_', ' ')} at {endpoint}: {os.strerror(value)}")
    if event == Event.HANDSHAKE_FAILED_NO_DETAIL:
        why = os.strerror(value) if value else "the peer ended it"
        return HandshakeFailed(value or errno.EPROTO, f"handshake failed with {endpoint}: {why}", endpoint)
    if event == Event.HANDSHAKE_FAILED_AUTH:
        return HandshakeFailed(errno.EACCES, f"handshake failed with {endpoint}: ZAP status {value}", endpoint, value)
    if event == Event.HANDSHAKE_FAILED_PROTOCOL:
        protocol_error = Event(value)
        return HandshakeFailed(errno.EPROTO, f"handshake failed with {endpoint}: {protocol_error.name or hex(value)}",
                               endpoint, protocol_error=protocol_error)
    return None


def parse_event(frames: Sequence[Any]) -> MonitorEvent:
    """The event in a monitor's raw message, of either version.

    Raises:
        ValueError: not a monitor's message.
    """
    if len(frames) == 2 and len(frames[0]) == _HEADER.size:
        number, value = _HEADER.unpack(frames[0])
        return MonitorEvent(Event(number), value, bytes(frames[1]).decode())
    if len(frames) > 4 and all(len(frame) == _NUMBER.size for frame in frames[:-2]):
        number, count, *values = (_NUMBER.unpack(frame)[0] for frame in frames[:-2])
        if count == len(values):
            local, remote = (bytes(frame).decode() for frame in frames[-2:])
            return MonitorEvent(Event(number), values[0], remote or local, tuple(values), local, remote)
    raise ValueError(f"not a message of a monitor: {frames!r}")
