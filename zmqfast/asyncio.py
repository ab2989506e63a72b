"""asyncio sockets: every call returns a Future, finished at once where libzmq has an answer at once.

What must hold: after any libzmq call on a socket that has waiters, in either direction, ZMQ_EVENTS is read and served
before control returns to the loop. The descriptor of a socket is edge-triggered and any call may take the edge, so
nothing else would tell that there is something to do.

A message that was handed to a Future whose task is cancelled before it resumes goes back to the head of the socket:
cancelling a receive never takes a message with it.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import os
import pickle
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from collections.abc import Callable

from zmqfast import _core
from zmqfast.constants import DONTWAIT, EVENTS, POLLIN, POLLOUT, RCVMORE, RCVTIMEO, SNDTIMEO
from zmqfast.context import Context as SyncContext
from zmqfast.errors import Again, ZMQError
from zmqfast.monitor import parse_event
from zmqfast.poller import Poller as SyncPoller
from zmqfast.socket import Socket as SyncSocket

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Context", "Poller", "Socket", "ZMQEventLoop", "install"]

RUN_OF_COMPLETIONS = 128    # calls that finish at once before the loop gets its turn

_RECEIVING, _SENDING, _POLLING = range(3)


class Taken(NamedTuple):
    """Frames that were taken from the socket; they sort as they came."""

    serial: int         # of the call that took them from libzmq
    place: int          # of the first frame, within what that call took
    frames: list[Any]
    more: bool          # whether the message went on, in the socket


class Waiter(asyncio.Future[Any]):
    """A call that waits for its socket."""

    def __init__(self, socket: Socket, kind: int, attempt: Callable[[], Any], convert: Callable[[Any], Any] | None,
                 loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.socket = socket
        self.kind = kind
        self.attempt = attempt          # raises Again where it would have to wait
        self.convert = convert
        self.taken: Taken | None = None # what a receive was given
        self.timer: asyncio.TimerHandle | None = None

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done():
            self._asyncio_future_blocking = True
            try:
                yield self
            except BaseException:
                # The task was cancelled after it had been told to go on: what it was told goes to somebody else.
                self.give_back()
                raise
        return self.result()

    __iter__ = __await__

    def give_back(self) -> None:
        """Put what we were given back to the head of the socket, once."""
        taken, self.taken = self.taken, None
        if taken is not None:
            self.socket._give_back(taken)

    def finish(self, value: Any) -> None:
        if self.timer is not None:
            self.timer.cancel()
        try:
            self.set_result(value if self.convert is None else self.convert(value))
        except Exception as error:      # of convert: the message was none of the kind that was asked for
            self.taken = None
            self.set_exception(error)

    def fail(self, error: BaseException) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.set_exception(error)

    def expire(self) -> None:
        """The time is over: an exception, or for a poll the answer that there is nothing."""
        if not self.done():
            if self.kind == _POLLING:
                self.set_result(0)
            else:
                self.set_exception(Again())


class Socket(SyncSocket[Any]):
    """A Socket whose calls return Futures. It stays with the loop in which somebody waits."""

    __slots__ = ("_loop", "_fd", "_waiters", "_returned", "_last", "_serial", "_run")

    def __init__(self, context: Any = None, socket_type: int = -1, io_loop: Any = None, *, _from_socket: Any = None,
                 shadow: Any = None, copy_threshold: int | None = None) -> None:
        self._loop: asyncio.AbstractEventLoop | None = io_loop
        self._fd = -1                                       # registered with the loop, or -1
        self._waiters: tuple[deque[Waiter], ...] = (deque(), deque(), deque())
        self._returned: list[Taken] = []                    # what was given back, in order
        self._last: Taken | None = None                     # what the last receive came from, if it was given back
        self._serial = 0                                    # counts receives from libzmq
        self._run = 0
        if _from_socket is not None:
            shadow = _from_socket
        super().__init__(context, socket_type, shadow=shadow, copy_threshold=copy_threshold)

    @classmethod
    def from_socket(cls, socket: _core.Socket, io_loop: Any = None) -> Self:
        """An asyncio Socket that shares the libzmq socket of another one."""
        return cls(_from_socket=socket, io_loop=io_loop)

    # receiving

    def recv(self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None) -> Any:
        """Receive one frame; a Future. Arguments and errors are the blocking socket's."""
        return self._receive_frame(flags, copy, track, timeout, None)

    def recv_multipart(
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> Any:
        """Receive one message whole; a Future. Arguments and errors are the blocking socket's."""
        return self._receive_message(flags, copy, track, timeout, None)

    def recv_into(self, buffer: Any, /, *, nbytes: int = 0, flags: int = 0, timeout: float | None = None) -> Any:
        """Receive one frame into a writable buffer; a Future of its size."""
        view = memoryview(buffer).cast("B")
        if view.readonly:
            raise BufferError("recv_into: the buffer cannot be written")
        if not 0 <= nbytes <= len(view):
            raise ValueError(f"nbytes={nbytes} does not fit a buffer of {len(view)} bytes")

        def fill(frame: _core.Frame) -> int:
            room = nbytes or len(view)
            view[:min(len(frame), room)] = frame.buffer[:room]
            return len(frame)

        return self._receive_frame(flags, False, False, timeout, fill)

    def recv_string(self, flags: int = 0, encoding: str = "utf-8", **kwargs: Any) -> Any:
        """Receive one frame as text; a Future."""
        return self._decoded(lambda frame: frame.decode(encoding), flags, **kwargs)

    recv_unicode = recv_string

    def recv_json(self, flags: int = 0, *, timeout: float | None = None, **kwargs: Any) -> Any:
        """Receive one frame of JSON as an object; a Future."""
        return self._decoded(lambda frame: json.loads(frame, **kwargs), flags, timeout=timeout)

    def recv_pyobj(self, flags: int = 0, **kwargs: Any) -> Any:
        """Receive one pickled object; a Future. Unpickling runs what the sender wrote: only from peers that you trust."""
        return self._decoded(pickle.loads, flags, **kwargs)

    def recv_serialized(
        self, deserialize: Callable[[list[Any]], Any], flags: int = 0, copy: bool = True, **kwargs: Any
    ) -> Any:
        """Receive one message and give `deserialize(frames)`; a Future."""
        return self._deserialized(deserialize, flags, copy, **kwargs)

    def _decoded(self, decode: Callable[[bytes], Any], flags: int, *, timeout: float | None = None) -> Any:
        return self._receive_frame(flags, True, False, timeout, decode)

    def _deserialized(self, deserialize: Callable[[list[Any]], Any], flags: int, copy: bool, *,
                      timeout: float | None = None) -> Any:
        return self._receive_message(flags, copy, False, timeout, deserialize)

    def _receive_frame(self, flags: int, copy: bool, track: bool, timeout: float | None,
                       convert: Callable[[Any], Any] | None) -> asyncio.Future[Any]:
        def attempt() -> Any:
            if self._returned:
                return self._take_returned_frame(copy)
            frame = _core.Socket.recv(self, DONTWAIT, copy, track)
            self._note_received()
            return frame

        return self._call(_RECEIVING, attempt, flags, timeout, convert)

    def _receive_message(self, flags: int, copy: bool, track: bool, timeout: float | None,
                         convert: Callable[[Any], Any] | None) -> asyncio.Future[Any]:
        def attempt() -> Any:
            if self._returned:
                return self._take_returned_message(copy)
            frames = _core.Socket.recv_multipart(self, DONTWAIT, copy, track)
            self._note_received()
            return frames

        return self._call(_RECEIVING, attempt, flags, timeout, convert)

    # sending

    def send(
        self, data: Any, flags: int = 0, copy: bool = True, track: bool = False, routing_id: int | None = None,
        group: str | bytes | None = None, *, timeout: float | None = None,
    ) -> Any:
        """Send one frame; a Future of the MessageTracker, or of None. Cancelled, it was not sent."""
        def attempt() -> Any:
            return _core.Socket.send(self, data, flags | DONTWAIT, copy, track, routing_id, group)

        return self._call(_SENDING, attempt, flags, timeout, None)

    def send_multipart(
        self, msg_parts: Any, flags: int = 0, copy: bool = True, track: bool = False, routing_id: int | None = None,
        group: str | bytes | None = None, *, timeout: float | None = None,
    ) -> Any:
        """Send one message whole; a Future. Cancelled, none of it was sent."""
        frames = tuple(msg_parts)

        def attempt() -> Any:
            return _core.Socket.send_multipart(self, frames, flags | DONTWAIT, copy, track, routing_id, group)

        return self._call(_SENDING, attempt, flags, timeout, None)

    # events

    def poll(self, timeout: float | None = None, flags: int = POLLIN) -> Any:
        """Wait until the socket can do one of `flags`; a Future of which, or of 0 when `timeout` ms were over."""
        def attempt() -> int:
            events = cast(int, _core.Socket.get(self, EVENTS))
            if self._returned:
                events |= POLLIN
            if not events & flags:
                raise Again
            return events & flags

        if timeout is None or timeout < 0:
            seconds = -1.0
        else:
            seconds = timeout / 1000
            if seconds == 0:
                finished = self._running_loop().create_future()
                try:
                    finished.set_result(attempt())
                except Again:
                    finished.set_result(0)
                self._serve()
                return finished
        return self._call(_POLLING, attempt, 0, seconds, None)

    def wait_connected(self, peers: int = 1, timeout: float | None = None) -> Any:
        """Wait until so many peers have finished their handshake; a Future of how many are connected."""
        loop = self._running_loop()
        return loop.run_in_executor(None, _core.Socket.wait_connected, self, peers, timeout)

    # the engine

    def _call(self, kind: int, attempt: Callable[[], Any], flags: int, timeout: float | None,
              convert: Callable[[Any], Any] | None) -> asyncio.Future[Any]:
        """Try at once, unless others wait for the same; else wait."""
        loop = self._running_loop()
        waiters = self._waiters[kind]
        while waiters and waiters[0].done():    # cancelled, or its time was over
            waiters.popleft()
        if not waiters:
            finished: asyncio.Future[Any] = loop.create_future()
            try:
                value = attempt()
            except Again as again:
                if flags & DONTWAIT:
                    finished.set_exception(again)
                    self._serve()
                    return finished
            except ZMQError as error:
                finished.set_exception(error)
                self._serve()
                return finished
            else:
                self._run += 1
                if self._run >= RUN_OF_COMPLETIONS:
                    return self._finish_in_a_turn(kind, attempt, convert, value, loop)
                try:
                    finished.set_result(value if convert is None else convert(value))
                except Exception as error:
                    finished.set_exception(error)
                if any(self._waiters):
                    self._serve()
                return finished
        elif flags & DONTWAIT:
            finished = loop.create_future()
            finished.set_exception(Again())
            return finished
        return self._wait(Waiter(self, kind, attempt, convert, loop), timeout)

    def _finish_in_a_turn(self, kind: int, attempt: Callable[[], Any], convert: Callable[[Any], Any] | None,
                          value: Any, loop: asyncio.AbstractEventLoop) -> Waiter:
        """Everything finished at once for a while: let others of the loop run before this one goes on."""
        self._run = 0
        waiter = Waiter(self, kind, attempt, convert, loop)
        self._note_taken(waiter, value)

        def finish() -> None:
            if not waiter.done():
                waiter.finish(value)
            else:
                waiter.give_back()      # cancelled meanwhile, by somebody who did not await it

        loop.call_soon(finish)
        self._serve()
        return waiter

    def _wait(self, waiter: Waiter, timeout: float | None) -> Waiter:
        self._waiters[waiter.kind].append(waiter)
        if timeout is None and waiter.kind != _POLLING:
            option_ms = cast(int, _core.Socket.get(self, RCVTIMEO if waiter.kind == _RECEIVING else SNDTIMEO))
            timeout = option_ms / 1000 if option_ms >= 0 else None
        if timeout is not None and 0 <= timeout < float("inf"):
            waiter.timer = waiter.get_loop().call_later(timeout, waiter.expire)
        self._watch(waiter.get_loop())
        self._serve()
        return waiter

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The loop of this call, which must be the loop of those who wait already."""
        loop = asyncio.get_running_loop() if self._loop is None else asyncio._get_running_loop() or self._loop
        if loop is not self._loop:
            if self._loop is not None and not self._loop.is_closed():
                if any(self._waiters):
                    raise RuntimeError(f"{self!r} is in use in another event loop")
                self._unwatch()
            self._loop = loop
            self._fd = -1
        return loop

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._fd == -1:
            fd = self.fileno()
            loop.add_reader(fd, self._on_readable)
            self._fd = fd

    def _unwatch(self) -> None:
        if self._fd != -1 and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        self._fd = -1

    def _on_readable(self) -> None:
        if not self._serve():
            self._unwatch()     # nobody waits: the descriptor would go on waking us

    def _serve(self) -> bool:
        """Give everyone who waits what there is; whether somebody still waits. Ends with ZMQ_EVENTS empty for them."""
        try:
            while any(self._waiters):
                events = 0 if self.closed else cast(int, _core.Socket.get(self, EVENTS))
                if self._returned:
                    events |= POLLIN
                served = self._serve_polls(events)
                if events & POLLIN:
                    served |= self._serve_first(_RECEIVING)
                if events & POLLOUT:
                    served |= self._serve_first(_SENDING)
                if not served:
                    break
        except ZMQError as error:
            self._fail_all(error)
        return any(self._waiters)

    def _serve_first(self, kind: int) -> bool:
        """Try for the one who has waited longest; whether anything was done."""
        waiters = self._waiters[kind]
        while waiters:
            waiter = waiters.popleft()
            if waiter.done():
                continue
            try:
                value = waiter.attempt()
            except Again:
                waiters.appendleft(waiter)
                return False
            except Exception as error:
                waiter.fail(error)
            else:
                self._note_taken(waiter, value)
                waiter.finish(value)
            return True
        return False

    def _serve_polls(self, events: int) -> bool:
        """Answer the polls that `events` answers; polls take nothing, so all of them at once."""
        waiters = self._waiters[_POLLING]
        if not waiters:
            return False
        left: list[Waiter] = []
        for waiter in waiters:
            if waiter.done():
                continue
            try:
                waiter.finish(waiter.attempt())
            except Again:
                left.append(waiter)
        waiters.clear()
        waiters.extend(left)
        return False

    def _note_received(self) -> None:
        self._serial += 1
        self._last = None

    def _note_taken(self, waiter: Waiter, value: Any) -> None:
        """Remember what a receive was given, for the case that nobody takes it."""
        if waiter.kind != _RECEIVING:
            return
        if self._last is not None:
            waiter.taken = self._last
        elif isinstance(value, list):
            waiter.taken = Taken(self._serial, 0, value, False)
        else:
            waiter.taken = Taken(self._serial, 0, [value], bool(_core.Socket.get(self, RCVMORE)))

    def _fail_all(self, error: ZMQError) -> None:
        for waiters in self._waiters:
            while waiters:
                waiter = waiters.popleft()
                if not waiter.done():
                    waiter.fail(error)

    # messages that nobody took

    def _give_back(self, taken: Taken) -> None:
        bisect.insort(self._returned, taken, key=lambda other: (other.serial, other.place))
        if self._loop is not None and not self._loop.is_closed():
            self._serve()

    def _take_returned_frame(self, copy: bool) -> Any:
        first = self._returned.pop(0)
        if len(first.frames) > 1:
            self._returned.insert(0, first._replace(place=first.place + 1, frames=first.frames[1:]))
            first = first._replace(frames=first.frames[:1], more=False)
        self._last = first
        return _as(first.frames[0], copy)

    def _take_returned_message(self, copy: bool) -> list[Any]:
        first = self._returned.pop(0)
        frames, more, serial = list(first.frames), first.more, first.serial
        while self._returned and (self._returned[0].serial == serial or more and self._returned[0].serial == serial + 1):
            following = self._returned.pop(0)
            frames += following.frames
            more, serial = following.more, following.serial
        if more and serial == self._serial:     # the rest is in the socket, and nobody has taken of it
            frames += _core.Socket.recv_multipart(self, DONTWAIT, copy)
            more = False
        self._last = first._replace(frames=frames, more=more)
        return [_as(frame, copy) for frame in frames]

    # calls that may take the edge of the descriptor

    def _serve_soon(self) -> None:
        if any(self._waiters) and self._loop is not None and not self._loop.is_closed():
            self._serve()

    def get(self, option: int) -> Any:
        """The value of a socket option. Errors are the blocking socket's."""
        try:
            value = super().get(option)
        finally:
            self._serve_soon()
        if option == EVENTS and self._returned:
            return cast(int, value) | POLLIN
        return value

    getsockopt = get

    def set(self, option: int, optval: Any) -> None:
        """Set a socket option. Errors are the blocking socket's."""
        try:
            super().set(option, optval)
        finally:
            self._serve_soon()

    setsockopt = set

    def bind(self, addr: str | bytes) -> Any:
        """Accept peers at an endpoint. Errors are the blocking socket's."""
        try:
            return super().bind(addr)
        finally:
            self._serve_soon()

    def connect(self, addr: str | bytes) -> Any:
        """Look for a peer at an endpoint. Errors are the blocking socket's."""
        try:
            return super().connect(addr)
        finally:
            self._serve_soon()

    def unbind(self, addr: str | bytes) -> None:
        """Stop accepting at an endpoint. Errors are the blocking socket's."""
        try:
            super().unbind(addr)
        finally:
            self._serve_soon()

    def disconnect(self, addr: str | bytes) -> None:
        """Leave the peer at an endpoint. Errors are the blocking socket's."""
        try:
            super().disconnect(addr)
        finally:
            self._serve_soon()

    # life

    def close(self, linger: int | None = None) -> None:
        """Close the socket; whoever waits for it is cancelled."""
        if not self.closed:
            self._unwatch()
        super().close(linger)
        for waiters in self._waiters:
            while waiters:
                waiter = waiters.popleft()
                if waiter.timer is not None:
                    waiter.timer.cancel()
                if self._loop is not None and not self._loop.is_closed():
                    waiter.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MonitorSocket(Socket):
    """The reading end of a monitor: recv() gives Futures of MonitorEvents, recv_multipart() of libzmq's raw frames."""

    __slots__ = ()

    def recv(self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None) -> Any:
        """The next event; a Future of a MonitorEvent."""
        return self._receive_message(flags, True, False, timeout, parse_event)


Socket._monitor_class = MonitorSocket


class Context(SyncContext[Socket]):
    """A Context whose sockets are asyncio Sockets."""

    __slots__ = ()

    _instance = None
    _socket_class = Socket

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()


class Poller(SyncPoller):
    """A Poller whose poll() returns a Future."""

    def poll(self, timeout: float | None = None) -> Any:
        """Wait until something is ready; a Future of (socket, events) pairs. `timeout` in ms; None waits for ever."""
        return asyncio.ensure_future(self._poll(None if timeout is None or timeout < 0 else timeout / 1000))

    async def _poll(self, timeout_s: float | None) -> list[tuple[Any, int]]:
        loop = asyncio.get_running_loop()
        deadline = None if timeout_s is None else loop.time() + timeout_s
        while True:
            ready = self._look()
            left_s = None if deadline is None else deadline - loop.time()
            if ready or (left_s is not None and left_s <= 0):
                return ready
            await self._change(loop, left_s)

    def _look(self) -> list[tuple[Any, int]]:
        """What is ready now; an asyncio socket may have a message that was given back."""
        ready = dict(_core.zmq_poll(self.sockets, 0))
        for socket, flags in self.sockets:
            if isinstance(socket, Socket):
                if socket._returned and flags & POLLIN:
                    ready[socket] = ready.get(socket, 0) | POLLIN
                socket._serve_soon()
        shown = [socket if isinstance(socket, (_core.Socket, int)) else socket.fileno() for socket, _ in self.sockets]
        return [(source, ready[source]) for source in shown if source in ready]

    async def _change(self, loop: asyncio.AbstractEventLoop, timeout_s: float | None) -> None:
        """Wait until one of the descriptors says that something may have changed.

        They are duplicated, since a loop has one reader for each, which an asyncio socket may be.
        """
        changed: asyncio.Future[None] = loop.create_future()

        def on_change() -> None:
            if not changed.done():
                changed.set_result(None)

        duplicates: list[int] = []
        timer = None if timeout_s is None else loop.call_later(timeout_s, on_change)
        try:
            for source, flags in self.sockets:
                is_socket = isinstance(source, _core.Socket)
                duplicates.append(os.dup(source if isinstance(source, int) else source.fileno()))
                if is_socket or flags & POLLIN:
                    loop.add_reader(duplicates[-1], on_change)
                if not is_socket and flags & POLLOUT:
                    loop.add_writer(duplicates[-1], on_change)
            if not self._look():
                await changed
        finally:
            if timer is not None:
                timer.cancel()
            for descriptor in duplicates:
                loop.remove_reader(descriptor)
                loop.remove_writer(descriptor)
                os.close(descriptor)


def _as(frame: Any, copy: bool) -> Any:
    """A frame that was given back, in the form that is asked for now."""
    if copy:
        return bytes(frame)
    return frame if isinstance(frame, _core.Frame) else _core.Frame(frame)


ZMQEventLoop = asyncio.SelectorEventLoop    # pyzmq once needed a loop of its own


def install() -> None:
    """Does nothing: every asyncio loop will do. pyzmq's name, deprecated there as well."""
