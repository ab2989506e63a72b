"""Context and Socket for gevent: a call tries at once, and while it has to wait other greenlets run.

The descriptor of a socket is edge-triggered and any call may take the edge. So a greenlet that waits looks at
ZMQ_EVENTS itself, and whoever has called libzmq on a socket with waiters wakes those for whom there is something.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar, cast
from collections.abc import Callable

import gevent
from gevent.event import Event

from zmqfast import _core
from zmqfast.constants import DONTWAIT, EVENTS, FD, POLLIN, POLLOUT, RCVTIMEO, SNDTIMEO
from zmqfast.context import Context as PlainContext
from zmqfast.errors import Again
from zmqfast.socket import EventReader
from zmqfast.socket import Socket as PlainSocket

if TYPE_CHECKING:
    from zmqfast.peers import SocketStats

ResultT = TypeVar("ResultT")

LOOK_AGAIN_S = 0.005    # while wait_connected() waits


class Waiters:
    """The greenlets that wait for one socket, and the watcher of its descriptor while there are any."""

    def __init__(self) -> None:
        self.flags: dict[Event, int] = {}
        self.watcher: Any = None

    def add(self, event: Event, flags: int, descriptor: int) -> None:
        """Set `event` when the socket may be able to do one of `flags`."""
        if not self.flags:
            self.watcher = gevent.get_hub().loop.io(descriptor, 1)      # 1: readable
            self.watcher.start(self.wake)
        self.flags[event] = flags

    def remove(self, event: Event) -> None:
        """Let go of `event`."""
        self.flags.pop(event, None)
        if not self.flags and self.watcher is not None:
            self.watcher.stop()
            self.watcher.close()
            self.watcher = None

    def wake(self, events: int = -1) -> None:
        """Wake those who wait for one of `events`; they look for themselves."""
        for event, flags in list(self.flags.items()):
            if flags & events:
                event.set()


class Socket(PlainSocket[Any]):
    """A Socket that other greenlets need not wait for. Several may wait for it at once, in each direction."""

    __slots__ = ("_waiters",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._waiters = Waiters()
        super().__init__(*args, **kwargs)

    # waiting

    def _patiently(
        self, kind: int, call: Callable[[int], ResultT], flags: int, timeout: float | None
    ) -> ResultT:
        """Make `call(flags)` until it need not wait, at most `timeout` s, by default what the option says."""
        deadline: float | None = None
        timed = False
        try:
            while True:
                try:
                    return call(flags | DONTWAIT)
                except Again:
                    if flags & DONTWAIT:
                        raise
                if not timed:
                    timed = True
                    if timeout is None:
                        limit_ms = cast(int, super().get(RCVTIMEO if kind == POLLIN else SNDTIMEO))
                        timeout = None if limit_ms < 0 else limit_ms / 1000
                    elif timeout < 0:
                        timeout = None
                    deadline = None if timeout is None else time.monotonic() + timeout
                if not self._wait(kind, deadline):
                    raise Again
        finally:
            self._serve()

    def _wait(self, flags: int, deadline: float | None) -> int:
        """Let others run until the socket can do one of `flags`: which; 0 when the time is over."""
        event = Event()
        self._waiters.add(event, flags, cast(int, super().get(FD)))
        try:
            while True:
                event.clear()
                events = cast(int, super().get(EVENTS))
                if events & flags:
                    return events & flags
                self._waiters.wake(events)      # our look took the edge, also from others
                left_s = None if deadline is None else deadline - time.monotonic()
                if left_s is not None and left_s <= 0:
                    return 0
                event.wait(left_s)
        finally:
            self._waiters.remove(event)

    def _serve(self) -> None:
        """After a call of libzmq: wake those who wait for what can be done now."""
        if self._waiters.flags and not self.closed:
            self._waiters.wake(cast(int, super().get(EVENTS)))

    # calls that may wait

    def send(
        self, data: Any, flags: int = 0, copy: bool = True, track: bool = False, routing_id: int | None = None,
        group: str | bytes | None = None, *, timeout: float | None = None,
    ) -> _core.MessageTracker | None:
        """Send one frame. Arguments and errors are the blocking socket's."""
        return self._patiently(
            POLLOUT, lambda flags: _core.Socket.send(self, data, flags, copy, track, routing_id, group), flags, timeout)

    def send_multipart(
        self, msg_parts: Any, flags: int = 0, copy: bool = True, track: bool = False, routing_id: int | None = None,
        group: str | bytes | None = None, *, timeout: float | None = None,
    ) -> _core.MessageTracker | None:
        """Send one message whole. Arguments and errors are the blocking socket's."""
        frames = tuple(msg_parts)
        return self._patiently(
            POLLOUT, lambda flags: _core.Socket.send_multipart(self, frames, flags, copy, track, routing_id, group),
            flags, timeout)

    def send_many(
        self, messages: Any, flags: int = 0, *, timeout: float | None = None, copy: bool = True
    ) -> int:
        """Send messages one after the other; returns how many went out. As the blocking socket's."""
        all_messages = list(messages)
        deadline = None if timeout is None else time.monotonic() + timeout
        sent = 0

        def call(with_flags: int) -> int:
            return _core.Socket.send_many(self, all_messages[sent:], with_flags, copy=copy)

        while sent < len(all_messages):
            left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                sent += self._patiently(POLLOUT, call, flags, left_s)
            except Again:
                if not sent:
                    raise
                break
            if flags & DONTWAIT:
                break
        return sent

    def recv(
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> Any:
        """Receive one frame. Arguments and errors are the blocking socket's."""
        return self._patiently(POLLIN, lambda flags: _core.Socket.recv(self, flags, copy, track), flags, timeout)

    def recv_multipart(
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> Any:
        """Receive one message whole. Arguments and errors are the blocking socket's."""
        return self._patiently(
            POLLIN, lambda flags: _core.Socket.recv_multipart(self, flags, copy, track), flags, timeout)

    def recv_into(self, buffer: Any, /, *, nbytes: int = 0, flags: int = 0, timeout: float | None = None) -> int:
        """Receive one frame into a writable buffer; returns its size. As the blocking socket's."""
        return self._patiently(
            POLLIN, lambda flags: _core.Socket.recv_into(self, buffer, nbytes=nbytes, flags=flags), flags, timeout)

    def recv_many(
        self, max_messages: int = 1024, flags: int = 0, *, timeout: float | None = None, multipart: bool = False,
        copy: bool = True,
    ) -> list[Any]:
        """Wait for one message, and take what else is there. As the blocking socket's."""
        def call(with_flags: int) -> list[Any]:
            received = cast(Any, _core.Socket.recv_many)(self, max_messages, with_flags, multipart=multipart, copy=copy)
            if not received and not flags & DONTWAIT:
                raise Again
            return cast("list[Any]", received)

        return self._patiently(POLLIN, call, flags, timeout)

    def recv_batch(
        self, batch: _core.Batch | None = None, max_messages: int = 1024, flags: int = 0, *,
        timeout: float | None = None,
    ) -> _core.Batch:
        """recv_many() into one buffer. As the blocking socket's."""
        def call(with_flags: int) -> _core.Batch:
            received = _core.Socket.recv_batch(self, batch, max_messages, with_flags)
            if not len(received) and not flags & DONTWAIT:
                raise Again
            return received

        return self._patiently(POLLIN, call, flags, timeout)

    def poll(self, timeout: float | None = None, flags: int = POLLIN) -> int:
        """Wait until the socket can do one of `flags`; which, or 0 when `timeout` ms were over."""
        deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout / 1000
        return self._wait(flags, deadline)

    def wait_connected(self, peers: int = 1, timeout: float | None = None) -> int:
        """Wait until so many peers have finished their handshake. Arguments and errors are the blocking socket's."""
        deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout
        while True:
            over = deadline is not None and time.monotonic() >= deadline
            connected, _, _ = self._look_for_peers(peers, timeout, over)
            if connected >= peers:
                return connected
            gevent.sleep(LOOK_AGAIN_S)

    def stats(self) -> SocketStats:
        """What has happened to the connections, and the messages in each queue. As the blocking socket's."""
        return cast("SocketStats", gevent.get_hub().threadpool.apply(super().stats))

    # calls that may take the edge of the descriptor

    def get(self, option: int) -> Any:
        """The value of a socket option. Errors are the blocking socket's."""
        value = super().get(option)
        if option == EVENTS:
            self._waiters.wake(cast(int, value))
        return value

    getsockopt = get

    def close(self, linger: int | None = None) -> None:
        """Close the socket; whoever waits for it gets ENOTSOCK."""
        if self._waiters.watcher is not None:
            self._waiters.watcher.stop()
        super().close(linger)
        self._waiters.wake()


class MonitorSocket(EventReader, Socket):  # type: ignore[misc]   # its recv() gives another type
    """The reading end of a monitor: recv() gives MonitorEvents, recv_multipart() libzmq's raw frames.

    Iterating gives MonitorEvents, until the monitor has stopped.
    """

    __slots__ = ("_stopped",)


Socket._monitor_class = MonitorSocket


class Context(PlainContext[Socket]):
    """A Context whose sockets let other greenlets run while they wait."""

    __slots__ = ()

    _socket_class = Socket

    def term(self) -> None:
        """Terminate; other greenlets run while libzmq waits for linger."""
        if not self.closed:
            gevent.get_hub().threadpool.apply(super().term)
