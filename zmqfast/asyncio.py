"""asyncio sockets: every call returns a Future, finished at once where libzmq has an answer at once.

What must hold: after any libzmq call on a socket that has waiters, in either direction, ZMQ_EVENTS is read and served
before control returns to the loop. The descriptor of a socket is edge-triggered and any call may take the edge, so
nothing else would tell that there is something to do.

A message that was handed to a Future whose task is cancelled before it resumes goes back to the head of the socket:
cancelling a receive never takes a message with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import pickle
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, cast
from collections.abc import Callable

from zmqfast import _core
from zmqfast.async_use import AsyncContextUse, AsyncSocketUse
from zmqfast.constants import EVENTS, POLLIN, POLLOUT
from zmqfast.context import Context as SyncContext
from zmqfast.monitor import AsyncEventReader, parse_event
from zmqfast.poller import Poller as SyncPoller
from zmqfast.socket import Socket as SyncSocket

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Context", "Poller", "Socket", "ZMQEventLoop", "install"]

BUSY_LOOP_S = 0.1       # how long another thread waits for the loop to let go of what it closes

_links: weakref.WeakValueDictionary[int, LoopLink] = weakref.WeakValueDictionary()     # by id of their loop


class WaitingFuture(asyncio.Future[Any]):
    """A call that waits for its socket."""

    __slots__ = ("_waiter",)

    _waiter: _core.Waiter

    __await__ = _core.await_waiting
    __iter__ = __await__

    def cancel(self, msg: Any = None) -> bool:
        """Wait no longer. What was not finished has taken no message, and sent none."""
        cancelled = super().cancel(msg)
        if cancelled:
            self._waiter.leave()
        return cancelled


class LoopLink(_core.LoopLink):
    """An asyncio loop, or uvloop's, as the engine sees it; all sockets of a loop share one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, asyncio._get_running_loop, asyncio.Future, WaitingFuture)
        self.watch = loop.add_reader
        self.unwatch = loop.remove_reader
        self.call_soon = loop.call_soon
        self.call_soon_threadsafe = loop.call_soon_threadsafe
        self.call_later = loop.call_later
        self._pid = os.getpid()

    def is_over(self) -> bool:
        """Whether the loop is closed, or the parent's: a forked child shares what it watches with."""
        return self.loop.is_closed() or os.getpid() != self._pid

    def call_there(self, callback: Callable[[], object]) -> None:
        """Have the loop, which runs in another thread, call `callback`, and wait for that; not long if it is busy."""
        called = threading.Event()
        with contextlib.suppress(RuntimeError):     # it has been closed just now
            self.call_soon_threadsafe(callback)
            self.call_soon_threadsafe(called.set)
            called.wait(BUSY_LOOP_S)

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> LoopLink:
        """The link of a loop."""
        link = _links.get(id(loop))
        if link is None or link.loop is not loop:
            link = _links[id(loop)] = cls(loop)
        return link


class Socket(AsyncSocketUse, _core.AsyncSocket, SyncSocket[Any]):
    """A Socket whose calls return Futures. It stays with the loop in which somebody waits."""

    __slots__ = ("_io_loop",)

    def __init__(self, context: Any = None, socket_type: int = -1, io_loop: Any = None, *, _from_socket: Any = None,
                 shadow: Any = None, copy_threshold: int | None = None) -> None:
        self._io_loop: asyncio.AbstractEventLoop | None = io_loop
        if _from_socket is not None:
            shadow = _from_socket
        super().__init__(context, socket_type, shadow=shadow, copy_threshold=copy_threshold)

    @classmethod
    def from_socket(cls, socket: _core.Socket, io_loop: Any = None) -> Self:
        """An asyncio Socket that shares the libzmq socket of another one."""
        return cls(_from_socket=socket, io_loop=io_loop)

    def _link(self) -> LoopLink:
        """The link of the running loop, or where none runs of the one that we were given or had before."""
        loop = asyncio._get_running_loop()
        if loop is None:
            loop = self._io_loop
            if loop is None and self._loop_link is not None:
                loop = self._loop_link.loop
            if loop is None:
                raise RuntimeError(f"{self!r}: no running event loop")
            if loop.is_running():
                raise RuntimeError(f"{self!r} is used outside the thread of its event loop")
        return LoopLink.of(loop)

    # typed messages

    if TYPE_CHECKING:   # the blocking socket's, which return what send() and send_multipart() return
        def send_string(  # type: ignore[override]
            self, u: str | bytes, flags: int = 0, copy: bool = True, encoding: str = "utf-8", **kwargs: Any
        ) -> asyncio.Future[_core.MessageTracker | None]: ...
        def send_json(  # type: ignore[override]
            self, obj: Any, flags: int = 0, *, routing_id: Any = None, group: Any = None, timeout: float | None = None,
            **kwargs: Any,
        ) -> asyncio.Future[_core.MessageTracker | None]: ...
        def send_pyobj(  # type: ignore[override]
            self, obj: Any, flags: int = 0, protocol: int = pickle.DEFAULT_PROTOCOL, **kwargs: Any
        ) -> asyncio.Future[_core.MessageTracker | None]: ...
        def send_serialized(  # type: ignore[override]
            self, msg: Any, serialize: Callable[[Any], Any], flags: int = 0, copy: bool = True, **kwargs: Any
        ) -> asyncio.Future[_core.MessageTracker | None]: ...
        send_unicode = send_string  # type: ignore[assignment]

    def recv_string(self, flags: int = 0, encoding: str = "utf-8", **kwargs: Any) -> Any:
        """Receive one frame as text; a Future."""
        return self._recv_frame_as(lambda frame: frame.decode(encoding), flags, **kwargs)

    recv_unicode = recv_string

    def recv_json(self, flags: int = 0, *, timeout: float | None = None, **kwargs: Any) -> Any:
        """Receive one frame of JSON as an object; a Future."""
        convert = functools.partial(json.loads, **kwargs) if kwargs else json.loads
        return self._recv_frame_as(convert, flags, timeout=timeout)

    def recv_pyobj(self, flags: int = 0, **kwargs: Any) -> Any:
        """Receive one pickled object; a Future. Unpickling runs what the sender wrote: only from peers that you trust."""
        return self._recv_frame_as(pickle.loads, flags, **kwargs)

    def recv_serialized(
        self, deserialize: Callable[[list[Any]], Any], flags: int = 0, copy: bool = True, **kwargs: Any
    ) -> Any:
        """Receive one message and give `deserialize(frames)`; a Future."""
        return self._recv_message_as(deserialize, flags, copy, **kwargs)

    # peers

    def wait_connected(self, peers: int = 1, timeout: float | None = None) -> Any:
        """Wait until so many peers have finished their handshake; a Future of how many are connected."""
        return asyncio.ensure_future(self._wait_connected(peers, timeout))

    async def _wait_connected(self, peers: int, timeout: float | None) -> int:
        deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout
        while True:
            left_s = None if deadline is None else deadline - time.monotonic()
            connected, watch, look_again_s = self._look_for_peers(peers, timeout, left_s is not None and left_s <= 0)
            if connected >= peers:
                return connected
            if left_s is not None:
                look_again_s = min(left_s, look_again_s)
            if watch is None:
                await asyncio.sleep(look_again_s)
            else:
                await Socket(shadow=watch).poll(look_again_s * 1000)

    def stats(self) -> Any:
        """What has happened to the connections, and the messages in each queue; a Future of SocketStats."""
        return asyncio.get_running_loop().run_in_executor(None, SyncSocket.stats, self)

    # life

    def __del__(self) -> None:
        self._unwatch()
        super().__del__()


class MonitorSocket(AsyncEventReader, Socket):
    """The reading end of a monitor: recv() gives Futures of MonitorEvents, recv_multipart() of libzmq's raw frames.

    `async for` gives MonitorEvents, until the monitor has stopped.
    """

    __slots__ = ("_stopped",)

    def recv(self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None) -> Any:
        """The next event; a Future of a MonitorEvent."""
        return self._recv_message_as(parse_event, flags, timeout=timeout)


Socket._monitor_class = MonitorSocket


class Context(AsyncContextUse, SyncContext[Socket]):
    """A Context whose sockets are asyncio Sockets."""

    __slots__ = ()

    _instance = None
    _socket_class = Socket


class Poller(SyncPoller):
    """A Poller whose poll() returns a Future."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[Callable[[], object]] = []

    def wake(self) -> None:
        """Let those who wait in poll() return at once, or if nobody does the next one, with what is ready. From any thread."""
        super().wake()
        for rouse in tuple(self._sleepers):
            rouse()

    def poll(self, timeout: float | None = None) -> Any:
        """Wait until something is ready; a Future of (socket, events) pairs. `timeout` in ms; None waits for ever."""
        return asyncio.ensure_future(self._poll(None if timeout is None or timeout < 0 else timeout / 1000))

    async def _poll(self, timeout_s: float | None) -> list[tuple[Any, int]]:
        loop = asyncio.get_running_loop()
        deadline = None if timeout_s is None else loop.time() + timeout_s
        while True:
            woken, self._woken = self._woken, False
            ready = self._look()
            left_s = None if deadline is None else deadline - loop.time()
            if ready or woken or (left_s is not None and left_s <= 0):
                return ready
            await self._change(loop, left_s)

    def _look(self) -> list[tuple[Any, int]]:
        """What is ready now; an asyncio socket may have a message that was given back."""
        ready = dict(_core.zmq_poll(self.sockets, 0))
        for socket, flags in self.sockets:
            if isinstance(socket, Socket):
                events = cast(int, socket.get(EVENTS)) & flags
                if events:
                    ready[socket] = events
        shown = [socket if isinstance(socket, (_core.Socket, int)) else socket.fileno() for socket, _ in self.sockets]
        return [(source, ready[source]) for source in shown if source in ready]

    async def _change(self, loop: asyncio.AbstractEventLoop, timeout_s: float | None) -> None:
        """Wait until one of them may have become ready."""
        changed: asyncio.Future[None] = loop.create_future()

        def on_change(_: Any = None) -> None:
            if not changed.done():
                changed.set_result(None)

        def rouse() -> None:
            with contextlib.suppress(RuntimeError):     # the loop has been closed
                loop.call_soon_threadsafe(on_change)

        polls: list[asyncio.Future[int]] = []
        duplicates: list[int] = []      # a loop has one reader for each descriptor, which may be another's
        timer = None if timeout_s is None else loop.call_later(timeout_s, on_change)
        self._sleepers.append(rouse)
        if self._woken:
            on_change()
        try:
            for source, flags in self.sockets:
                if isinstance(source, _core.Socket):
                    socket = source if isinstance(source, Socket) else Socket.from_socket(source)
                    polls.append(socket.poll(None, flags))
                    polls[-1].add_done_callback(on_change)
                    continue
                duplicates.append(os.dup(source if isinstance(source, int) else source.fileno()))
                if flags & POLLIN:
                    loop.add_reader(duplicates[-1], on_change)
                if flags & POLLOUT:
                    loop.add_writer(duplicates[-1], on_change)
            await changed
        finally:
            self._sleepers.remove(rouse)
            if timer is not None:
                timer.cancel()
            for poll in polls:
                poll.cancel()
            for descriptor in duplicates:
                loop.remove_reader(descriptor)
                loop.remove_writer(descriptor)
                os.close(descriptor)


ZMQEventLoop = asyncio.SelectorEventLoop    # pyzmq once needed a loop of its own


def install() -> None:
    """Does nothing: every asyncio loop will do. pyzmq's name, deprecated there as well."""
