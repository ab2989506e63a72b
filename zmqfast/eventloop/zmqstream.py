"""ZMQStream: callbacks for the messages of a socket, in tornado's event loop."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import time
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar, cast
from collections.abc import Callable

from tornado.ioloop import IOLoop
from tornado.log import gen_log

from zmqfast import _core
from zmqfast.asyncio import Socket as AsyncSocket
from zmqfast.constants import DONTWAIT, EVENTS, POLLERR, POLLIN, POLLOUT
from zmqfast.errors import Again, ZMQError
from zmqfast.poller import Poller
from zmqfast.socket import Socket

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ZMQStream"]

SOCKET_CALLS = (    # that a stream has as well
    "bind", "bind_to_random_port", "connect", "getsockopt", "getsockopt_string", "getsockopt_unicode",
    "setsockopt", "setsockopt_string", "setsockopt_unicode",
)
TURN_S = 0.002      # for so long messages are handled in one go; then the loop gets its turn

UNCAUGHT = "Uncaught exception in ZMQStream callback"

CallbackT = TypeVar("CallbackT", bound="Callable[..., Any] | None")


class ZMQStream:
    """A socket in an IOLoop: messages go to a callback when they come, and out when the socket can take them.

    Use it in the loop's thread; callbacks may be set in another. The socket itself may be used beside it.

    Args:
        socket: a Socket; of an asyncio socket, what it shares is used.
        io_loop: a tornado IOLoop; the current one when None.
    """

    def __init__(self, socket: _core.Socket, io_loop: IOLoop | None = None) -> None:
        if isinstance(socket, _core.AsyncSocket):
            warnings.warn("ZMQStream uses what this asyncio socket shares; give it a blocking Socket", RuntimeWarning,
                          stacklevel=2)
            socket = Socket(shadow=socket)
        self.socket: Any = socket
        self.io_loop = io_loop or IOLoop.current()
        self.poller = Poller()
        self._watcher = AsyncSocket.from_socket(socket, cast(Any, self.io_loop).asyncio_loop)
        self._waiting: asyncio.Future[int] | None = None
        self._wanted = 0                # events that _waiting waits for
        self._queue: deque[tuple[Sequence[Any], dict[str, Any]]] = deque()
        self._recv_callback: Callable[[Any], Any] | None = None
        self._recv_copy = True
        self._send_callback: Callable[[Any, Any], Any] | None = None
        self._error_callback: Callable[[], Any] | None = None
        self._close_callback: Callable[[], Any] | None = None
        for call in SOCKET_CALLS:
            setattr(self, call, getattr(socket, call))
        self._descriptor: int = socket.fileno()
        self._join_loop()

    def _join_loop(self) -> None:
        """Have `io_loop.close(all_fds=True)` close the socket; it is _watcher that looks at the descriptor."""
        no_events = 0
        try:
            self.io_loop.add_handler(self.socket, self._ignore, no_events)
        except ValueError:      # of a socket that was closed without its stream, or of another stream of this one
            self.io_loop.remove_handler(self._descriptor)
            self.io_loop.add_handler(self.socket, self._ignore, no_events)

    @staticmethod
    def _ignore(socket: Any, events: int) -> None:
        """Never called."""

    # callbacks

    def on_recv(self, callback: Callable[[list[Any]], Any] | None, copy: bool = True) -> None:
        """Call `callback(frames)` for each message; None stops that.

        Args:
            callback: a function, or a coroutine function, which is not waited for.
            copy: False gives Frames instead of bytes.
        """
        self._check_open()
        self._recv_callback = _checked(callback)
        self._recv_copy = copy
        self._watch()

    def on_recv_stream(self, callback: Callable[[ZMQStream, list[Any]], Any] | None, copy: bool = True) -> None:
        """on_recv() with the stream as the first argument, so that several streams can share a callback."""
        called = _checked(callback)
        self.on_recv(None if called is None else lambda frames: called(self, frames), copy)

    def stop_on_recv(self) -> None:
        """Leave messages in the socket."""
        self.on_recv(None)

    def on_send(self, callback: Callable[[Any, Any], Any] | None) -> None:
        """Call `callback(message, tracker)` after each message that was sent; the tracker is None without track."""
        self._check_open()
        self._send_callback = _checked(callback)

    def on_send_stream(self, callback: Callable[[ZMQStream, Any, Any], Any] | None) -> None:
        """on_send() with the stream as the first argument."""
        called = _checked(callback)
        self.on_send(None if called is None else lambda message, status: called(self, message, status))

    def stop_on_send(self) -> None:
        """Call nothing after a message was sent."""
        self.on_send(None)

    def on_err(self, callback: Callable[[], Any] | None) -> None:
        """Call `callback()` when the socket can be used no more: it or its context was closed."""
        self._check_open()
        self._error_callback = _checked(callback)
        self._watch()

    def stop_on_err(self) -> None:
        """Call nothing when the socket can be used no more."""
        self.on_err(None)

    def set_close_callback(self, callback: Callable[[], Any] | None) -> None:
        """Call `callback()` when the stream is closed."""
        self._close_callback = _checked(callback)

    # sending

    def send(
        self, msg: Any, flags: int = 0, copy: bool = True, track: bool = False,
        callback: Callable[[Any, Any], Any] | None = None, **kwargs: Any,
    ) -> None:
        """Send one frame as soon as the socket can take it. Other arguments: send_multipart()."""
        self.send_multipart([msg], flags, copy, track, callback, **kwargs)

    def send_multipart(
        self, msg: Sequence[Any], flags: int = 0, copy: bool = True, track: bool = False,
        callback: Callable[[Any, Any], Any] | None = None, **kwargs: Any,
    ) -> None:
        """Send one message as soon as the socket can take it, after those before it; does not wait.

        Args:
            callback: takes the place of on_send()'s.
            kwargs: passed to the socket's send_multipart().
        """
        self._check_open()
        self._queue.append((msg, {"flags": flags, "copy": copy, "track": track, **kwargs}))
        if callback is not None:
            self.on_send(callback)
        self._watch()

    def send_string(
        self, u: str, flags: int = 0, encoding: str = "utf-8", callback: Callable[[Any, Any], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Send text as one frame."""
        if not isinstance(u, str):
            raise TypeError(f"send_string takes str, not {u!r}")
        self.send(u.encode(encoding), flags, callback=callback, **kwargs)

    send_unicode = send_string

    def send_json(
        self, obj: Any, flags: int = 0, callback: Callable[[Any, Any], Any] | None = None, **kwargs: Any
    ) -> None:
        """Send an object as one frame of JSON."""
        self.send(json.dumps(obj).encode(), flags, callback=callback, **kwargs)

    def send_pyobj(
        self, obj: Any, flags: int = 0, protocol: int = -1, callback: Callable[[Any, Any], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Send an object as one frame, pickled."""
        self.send(pickle.dumps(obj, protocol), flags, callback=callback, **kwargs)

    # state

    def receiving(self) -> bool:
        """Whether messages go to a callback."""
        return self._recv_callback is not None

    def sending(self) -> bool:
        """Whether messages wait to be sent."""
        return bool(self._queue)

    def closed(self) -> bool:
        """Whether the stream, or its socket, is closed."""
        if self.socket is not None and self.socket.closed:
            self._end()
        return self.socket is None

    def flush(self, flag: int = POLLIN | POLLOUT, limit: int | None = None) -> int:
        """Handle what can be handled now, without the loop; returns how many messages that were.

        Args:
            flag: POLLIN to receive, POLLOUT to send, or both. What is received without a callback of on_recv() is
                dropped: `flush(POLLIN)` empties the socket.
            limit: at most so many messages; None or 0 for all that there are.
        """
        self._check_open()
        limit = limit or None
        count = 0
        while limit is None or count < limit:
            handled = 0
            if flag & POLLOUT and self._queue:
                handled += self._send_one()
            if flag & POLLIN and not self.closed() and (limit is None or count + handled < limit):
                handled += self._receive_one()
            count += handled
            if not handled or self.closed():
                break
        return count

    def close(self, linger: int | None = None) -> None:
        """Close the stream and its socket. Messages in the queue are dropped; those in the socket follow `linger`."""
        if self.socket is None:
            return
        self.io_loop.remove_handler(self._descriptor)       # while the number is still that of our socket
        try:
            self.socket.close(linger)
        except Exception:       # another thread is using it
            self._join_loop()
            raise
        self._end()

    # the loop

    def _check_open(self) -> None:
        if self.closed():
            raise OSError("the stream is closed")

    def _end(self) -> None:
        if self.socket is None:
            return
        self._forget_events()
        self.io_loop.remove_handler(self._descriptor)
        self.socket = None
        self._queue.clear()
        if self._close_callback is not None:
            self._run(self._close_callback)

    def _forget_events(self) -> None:
        waiting, self._waiting, self._wanted = self._waiting, None, 0
        if waiting is not None:
            waiting.remove_done_callback(self._on_events)
            waiting.cancel()

    def _watch(self) -> None:
        """Wait for what we have a use for; from another thread than the loop's, soon."""
        loop = cast(Any, self.io_loop).asyncio_loop
        if loop.is_running() and asyncio._get_running_loop() is not loop:
            loop.call_soon_threadsafe(self._watch_if_open)
            return
        wanted = self._wants()
        if wanted == self._wanted:
            return
        self._forget_events()
        self._wanted = wanted
        if wanted:
            self._waiting = self._watcher.poll(None, wanted)
            self._waiting.add_done_callback(self._on_events)

    def _wants(self) -> int:
        """The events that we have a use for."""
        wanted = 0
        if self._recv_callback is not None:
            wanted |= POLLIN
        if self._queue:
            wanted |= POLLOUT
        if self._error_callback is not None:
            wanted |= POLLERR
        return wanted

    def _watch_if_open(self) -> None:
        if not self.closed():
            self._watch()

    def _on_events(self, finished: asyncio.Future[int]) -> None:
        self._waiting, self._wanted = None, 0
        if finished.cancelled() or self.closed():
            self._end()
            return
        error = finished.exception()
        if error is not None:
            self._fail(error)
            return
        until = time.monotonic() + TURN_S
        try:
            while self.flush(self._wants(), limit=1) and time.monotonic() < until and not self.closed():
                pass
        except ZMQError as failed:
            self._fail(failed)
            return
        finally:
            if not self.closed():
                self._watch()

    def _fail(self, error: BaseException) -> None:
        """The socket can be used no more."""
        self._recv_callback = None
        self._queue.clear()
        callback, self._error_callback = self._error_callback, None
        if callback is not None:
            self._run(callback)
        else:
            gen_log.error("ZMQStream: %s", error)

    def _send_one(self) -> int:
        """Send the first message of the queue; how many were sent."""
        if not self.socket.get(EVENTS) & POLLOUT:
            return 0
        message, arguments = self._queue[0]
        try:
            status = self.socket.send_multipart(message, **{**arguments, "flags": arguments["flags"] | DONTWAIT})
        except Again:
            return 0
        except (TypeError, ValueError, BufferError, ZMQError) as error:
            if isinstance(error, ZMQError) and self.socket.closed:
                raise
            gen_log.error("ZMQStream: a message was not sent: %s", error)
            status = error
        self._queue.popleft()
        if self._send_callback is not None:
            self._run(self._send_callback, message, status)
        return 1

    def _receive_one(self) -> int:
        """Hand one message to the callback; how many there were."""
        callback = self._recv_callback
        if not self.socket.get(EVENTS) & POLLIN:    # so nobody asks a REQ for an answer before its question
            return 0
        try:
            frames = self.socket.recv_multipart(DONTWAIT, copy=self._recv_copy)
        except Again:
            return 0
        if callback is not None:
            self._run(callback, frames)
        return 1

    def _run(self, callback: Callable[..., Any], *arguments: Any) -> None:
        """Call; an exception goes to the loop, and ends nothing."""
        try:
            result = callback(*arguments)
            if inspect.isawaitable(result):
                future = asyncio.ensure_future(result, loop=cast(Any, self.io_loop).asyncio_loop)
                future.add_done_callback(_report)
        except Exception:
            gen_log.exception(UNCAUGHT)


def _checked(callback: CallbackT) -> CallbackT:
    """The callback, if it is one, or None.

    Raises:
        AssertionError: it cannot be called; the class is pyzmq's.
    """
    if callback is not None and not callable(callback):
        raise AssertionError(f"a callback is a function or None, not {callback!r}")
    return callback


def _report(finished: asyncio.Future[Any]) -> None:
    if not finished.cancelled() and finished.exception() is not None:
        gen_log.error(UNCAUGHT, exc_info=finished.exception())
