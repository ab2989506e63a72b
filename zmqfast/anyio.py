"""ZeroMQ sockets for AnyIO, and so for trio: `from zmqfast.anyio import Context`.

Each call tries at once, and while it has to wait the other tasks run. Cancelling a receive takes no message with it: a
call is cancelled only while it waits, and what it was waiting for is still in the socket.

The descriptor of a socket is edge-triggered and any call may take the edge. So a task that waits looks at ZMQ_EVENTS
itself, one task at a time waits for the descriptor, and whoever has called libzmq on a socket with waiters wakes those
for whom there is something.
"""

from __future__ import annotations

import json
import pickle
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast
from collections.abc import Callable

import anyio
import anyio.lowlevel
import anyio.to_thread

from zmqfast import _core
from zmqfast.async_use import AsyncContextUse, AsyncSocketUse
from zmqfast.constants import DONTWAIT, EVENTS, FD, POLLIN, POLLOUT, RCVTIMEO, SNDTIMEO
from zmqfast.context import Context as PlainContext
from zmqfast.errors import Again
from zmqfast.monitor import AsyncEventReader, MonitorEvent, parse_event
from zmqfast.socket import Socket as PlainSocket

if TYPE_CHECKING:
    from zmqfast.peers import SocketStats

ResultT = TypeVar("ResultT")

__all__ = ["Context", "Socket"]

CALLS_IN_A_TURN = 64    # calls that finish at once before other tasks get their turn
LOOK_AGAIN_S = 0.005    # while wait_connected() waits


class Socket(AsyncSocketUse, PlainSocket[Any]):
    """A Socket whose calls that may wait are coroutines. Several tasks may wait for it at once, in each direction."""

    __slots__ = ("_waiters", "_watching", "_calls")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._waiters: dict[Callable[[], None], int] = {}       # what wakes a task: for which events
        self._watching = False                                  # a task waits for the descriptor
        self._calls = 0
        super().__init__(*args, **kwargs)

    # waiting

    async def _patiently(
        self, kind: int, call: Callable[[int], ResultT], flags: int, timeout: float | None
    ) -> ResultT:
        """Make `call(flags)` until it need not wait, at most `timeout` s, by default what the option says."""
        self._calls += 1
        if self._calls % CALLS_IN_A_TURN == 0:
            await anyio.lowlevel.checkpoint()       # before the call: it is cancelled here or not at all
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
                    deadline = self._deadline(kind, timeout)
                if not await self._wait(kind, deadline):
                    raise Again
        finally:
            self._serve()

    def _deadline(self, kind: int, timeout: float | None) -> float | None:
        if timeout is None:
            limit_ms = cast(int, super().get(RCVTIMEO if kind == POLLIN else SNDTIMEO))
            timeout = limit_ms / 1000
        return None if timeout < 0 else time.monotonic() + timeout

    async def _wait(self, flags: int, deadline: float | None) -> int:
        """Let others run until the socket can do one of `flags`: which; 0 when the time is over."""
        while True:
            events = cast(int, super().get(EVENTS))
            self._wake(events)                      # our look took the edge, also from others
            left_s = None if deadline is None else deadline - time.monotonic()
            if events & flags or (left_s is not None and left_s <= 0):
                return events & flags
            with anyio.move_on_after(left_s):
                if self._watching:
                    await self._wait_for_others(flags)
                else:
                    await self._wait_for_descriptor(flags)

    async def _wait_for_others(self, flags: int) -> None:
        """Another task waits for the descriptor: it wakes us when it goes, and when there is something for us."""
        woken = anyio.Event()
        self._waiters[woken.set] = flags
        try:
            await woken.wait()
        finally:
            del self._waiters[woken.set]

    async def _wait_for_descriptor(self, flags: int) -> None:
        with anyio.CancelScope() as scope:
            wake = scope.cancel
            self._waiters[wake] = flags
            self._watching = True
            try:
                await anyio.wait_readable(cast(int, super().get(FD)))
            finally:
                self._watching = False
                del self._waiters[wake]
                self._wake(-1)                      # somebody else is to wait for the descriptor

    def _wake(self, events: int) -> None:
        """Wake those who wait for one of `events`; they look for themselves."""
        for wake, flags in list(self._waiters.items()):
            if flags & events:
                wake()

    def _serve(self) -> None:
        """After a call of libzmq: wake those who wait for what can be done now."""
        if self._waiters and not self.closed:
            self._wake(cast(int, super().get(EVENTS)))

    # calls that may wait

    async def send(  # type: ignore[override]
        self, data: Any, flags: int = 0, copy: bool = True, track: bool = False, routing_id: int | None = None,
        group: str | bytes | None = None, *, timeout: float | None = None,
    ) -> _core.MessageTracker | None:
        """Send one frame. Arguments and errors are the blocking socket's; cancelled, it was not sent."""
        return await self._patiently(
            POLLOUT, lambda flags: _core.Socket.send(self, data, flags, copy, track, routing_id, group), flags, timeout)

    async def send_multipart(  # type: ignore[override]
        self, msg_parts: Any, flags: int = 0, copy: bool = True, track: bool = False, routing_id: int | None = None,
        group: str | bytes | None = None, *, timeout: float | None = None,
    ) -> _core.MessageTracker | None:
        """Send one message whole. Arguments and errors are the blocking socket's; cancelled, none of it was sent."""
        frames = tuple(msg_parts)
        return await self._patiently(
            POLLOUT, lambda flags: _core.Socket.send_multipart(self, frames, flags, copy, track, routing_id, group),
            flags, timeout)

    async def recv(  # type: ignore[override]
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> Any:
        """Receive one frame. Arguments and errors are the blocking socket's."""
        return await self._patiently(POLLIN, lambda flags: _core.Socket.recv(self, flags, copy, track), flags, timeout)

    async def recv_multipart(  # type: ignore[override]
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> Any:
        """Receive one message whole. Arguments and errors are the blocking socket's."""
        return await self._patiently(
            POLLIN, lambda flags: _core.Socket.recv_multipart(self, flags, copy, track), flags, timeout)

    async def recv_many(  # type: ignore[override]
        self, max_messages: int = 1024, flags: int = 0, *, timeout: float | None = None, multipart: bool = False,
        copy: bool = True,
    ) -> list[Any]:
        """Wait for one message, and take what else is there. As the blocking socket's."""
        def call(with_flags: int) -> list[Any]:
            received = cast(Any, _core.Socket.recv_many)(self, max_messages, with_flags, multipart=multipart, copy=copy)
            if not received and not flags & DONTWAIT:
                raise Again
            return cast("list[Any]", received)

        return await self._patiently(POLLIN, call, flags, timeout)

    async def poll(self, timeout: float | None = None, flags: int = POLLIN) -> int:  # type: ignore[override]
        """Wait until the socket can do one of `flags`; which, or 0 when `timeout` ms were over."""
        deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout / 1000
        return await self._wait(flags, deadline)

    async def wait_connected(  # type: ignore[override]
        self, peers: int = 1, timeout: float | None = None
    ) -> int:
        """Wait until so many peers have finished their handshake; how many are connected."""
        deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout
        while True:
            over = deadline is not None and time.monotonic() >= deadline
            connected, _, _ = self._look_for_peers(peers, timeout, over)
            if connected >= peers:
                return connected
            await anyio.sleep(LOOK_AGAIN_S)

    async def stats(self) -> SocketStats:  # type: ignore[override]
        """What has happened to the connections, and the messages in each queue."""
        return await anyio.to_thread.run_sync(PlainSocket.stats, self)

    # typed messages

    async def recv_string(  # type: ignore[override]
        self, flags: int = 0, encoding: str = "utf-8", **kwargs: Any
    ) -> str:
        """Receive one frame as text."""
        return cast(bytes, await self.recv(flags, **kwargs)).decode(encoding)

    async def recv_json(self, flags: int = 0, *, timeout: float | None = None, **kwargs: Any) -> Any:
        """Receive one frame of JSON as an object; other keyword arguments go to json.loads."""
        return json.loads(await self.recv(flags, timeout=timeout), **kwargs)

    async def recv_pyobj(self, flags: int = 0, **kwargs: Any) -> Any:
        """Receive one pickled object. Unpickling runs what the sender wrote: only from peers that you trust."""
        return pickle.loads(await self.recv(flags, **kwargs))

    async def recv_serialized(  # type: ignore[override]
        self, deserialize: Callable[[list[Any]], ResultT], flags: int = 0, copy: bool = True, **kwargs: Any
    ) -> ResultT:
        """Receive one message and return `deserialize(frames)`."""
        return deserialize(await self.recv_multipart(flags, copy, **kwargs))

    # life

    def close(self, linger: int | None = None) -> None:
        """Close the socket; whoever waits for it gets ENOTSOCK."""
        self._wake(-1)              # first: trio takes a descriptor out of its set at once, and wants it open for that
        super().close(linger)


class MonitorSocket(AsyncEventReader, Socket):
    """The reading end of a monitor: recv() gives MonitorEvents, recv_multipart() libzmq's raw frames.

    `async for` gives MonitorEvents, until the monitor has stopped.
    """

    __slots__ = ("_stopped",)

    async def recv(  # type: ignore[override]
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> MonitorEvent:
        """The next event."""
        return parse_event(await self.recv_multipart(flags, timeout=timeout))


Socket._monitor_class = MonitorSocket


class Context(AsyncContextUse, PlainContext[Socket]):
    """A Context whose sockets are for AnyIO."""

    __slots__ = ()

    _socket_class = Socket
