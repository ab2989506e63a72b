"""Drivers: what moves messages and time into a pattern's core, in a blocking loop or in asyncio.

A core knows the protocol and does no I/O: it is told of messages and of the time, and leaves what it wants to send in
its outbox. So each pattern is written once, and its two forms differ only in which driver turns it.
"""

from __future__ import annotations

import asyncio
import errno
import socket as sockets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from collections.abc import Callable, Sequence

import zmqfast as zmq
import zmqfast.asyncio

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer, Self

MESSAGES_AT_ONCE = 256      # taken from one socket before the others get their turn

LAST_WORDS_MS = 500         # for what is unsent when a runner ends

# As plain numbers: the members of an enum cost more to combine than a message to send.
_POLLIN, _POLLOUT, _DONTWAIT = int(zmq.POLLIN), int(zmq.POLLOUT), int(zmq.DONTWAIT)
_UNREACHABLE = (errno.EHOSTUNREACH, zmq.EHOSTUNREACH)


@dataclass
class Port:
    """A socket as a core sees it: a name, and how to open it, again when it is renewed."""

    name: str
    socket_type: int
    bind: str = ""
    connect: Sequence[str] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, context: zmq.Context[Any]) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = zmq.Socket(context, self.socket_type)
        try:
            socket.linger = 0
            for name, value in self.options.items():
                setattr(socket, name, value)
            if self.bind:
                socket.bind(self.bind)
                self.bind = socket.last_endpoint.rstrip(b"\0").decode()     # a `*` keeps its port when it is renewed
            for endpoint in self.connect:
                socket.connect(endpoint)
        except BaseException:
            socket.close(0)
            raise
        return socket


class Pending:
    """The outcome of something that was asked for, once it is known."""

    __slots__ = ("done", "value", "error", "on_done")

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.on_done: Callable[[], None] | None = None

    def finish(self, value: Any = None, error: BaseException | None = None) -> None:
        """Tell the outcome; only the first counts."""
        if self.done:
            return
        self.value = value
        self.error = error
        self.done = True
        if self.on_done is not None:
            self.on_done()

    def outcome(self) -> Any:
        """The value, or the exception raised."""
        if self.error is not None:
            raise self.error
        return self.value


class Core:
    """What a driver needs of a pattern: override on_message() and on_time()."""

    def __init__(self) -> None:
        self.outbox: dict[str, deque[Sequence[Buffer]]] = {}
        self.renewed: set[str] = set()      # ports that want a fresh socket

    def send(self, port: str, frames: Sequence[Buffer]) -> None:
        """Leave a message for the driver to send."""
        queue = self.outbox.get(port)
        if queue is None:
            queue = self.outbox[port] = deque()
        queue.append(frames)

    def renew(self, port: str) -> None:
        """Ask for a fresh socket: what was unsent on this one is forgotten."""
        self.outbox.pop(port, None)
        self.renewed.add(port)

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        """Take in one message; `now` is time.monotonic()."""
        raise NotImplementedError

    def on_time(self, now: float) -> float | None:
        """Do what is due, and return when the next thing will be; None when nothing will."""
        return None

    def on_unreachable(self, port: str, frames: Sequence[Buffer]) -> None:
        """The peer that a message was for is gone."""


def core_flush(core: Core, opened: dict[str, zmq.Socket[bytes]], copy: bool) -> list[str]:
    """Send what can be sent; returns the ports that have to wait for room."""
    blocked: list[str] = []
    if not core.outbox:
        return blocked
    for port, queue in list(core.outbox.items()):
        socket = opened[port]
        while queue:
            try:
                socket.send_multipart(queue[0], _DONTWAIT, copy)
            except zmq.Again:
                blocked.append(port)
                break
            except zmq.ZMQError as error:
                if error.errno not in _UNREACHABLE:
                    raise
                core.on_unreachable(port, queue[0])
            queue.popleft()
        if not queue:
            core.outbox.pop(port, None)
    return blocked


def received(socket: zmq.Socket[bytes], copy: bool) -> list[list[Any]]:
    """The messages that are there; without `copy` a large frame stays a Frame."""
    if copy:
        return socket.recv_many(MESSAGES_AT_ONCE, _DONTWAIT, multipart=True)
    messages = socket.recv_many(MESSAGES_AT_ONCE, _DONTWAIT, multipart=True, copy=False)
    return [[frame if len(frame) >= zmq.COPY_THRESHOLD else bytes(frame) for frame in frames] for frames in messages]


class Driver:
    """Turns a core in whichever thread waits; wait(), poke() and wake() are for every thread.

    One thread at a time steps; the others that wait are told when it has. Hold `lock` to touch the core.

    Args:
        copy: False lends large buffers to libzmq, and hands large frames to the core as Frames.
    """

    def __init__(self, core: Core, ports: Sequence[Port], context: zmq.Context[Any] | None = None, *,
                 copy: bool = True) -> None:
        self.core = core
        self.copy = copy
        self.context: zmq.Context[Any] = zmq.Context.instance() if context is None else context
        self.ports = {port.name: port for port in ports}
        self.opened: dict[str, zmq.Socket[bytes]] = {}
        self.poller = zmq.Poller()
        self.closed = False
        self.lock = threading.RLock()
        self._stepped = threading.Condition()
        self._stepping = False
        self._woken, self._waking = sockets.socketpair()
        self._woken.setblocking(False)
        self._waking.setblocking(False)
        self.poller.register(self._woken.fileno(), _POLLIN)
        self._names: dict[Any, str] = {}
        try:
            for name in self.ports:
                self._open(name)
        except BaseException:
            self.close()
            raise

    def _open(self, name: str) -> None:
        socket = self.opened[name] = self.ports[name].open(self.context)
        self._names[socket] = name
        self.poller.register(socket, _POLLIN)

    def _shut(self, name: str) -> None:
        socket = self.opened.pop(name)
        del self._names[socket]
        self.poller.unregister(socket)
        socket.close(0)

    def add(self, port: Port) -> None:
        """Open one more port."""
        self.ports[port.name] = port
        self._open(port.name)

    def _step(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Send, wait until something happens or the time is over, and tell the core. In one thread at a time."""
        core = self.core
        with self.lock:
            due = core.on_time(time.monotonic())
            blocked = self.flush()
        if done():      # the time has done it
            return
        if due is not None:
            left = max(0.0, due - time.monotonic())
            timeout_s = left if timeout_s is None else min(timeout_s, left)
        for name in blocked:
            self.poller.modify(self.opened[name], _POLLIN | _POLLOUT)
        ready = self.poller.poll(None if timeout_s is None else timeout_s * 1000)
        for name in blocked:
            self.poller.modify(self.opened[name], _POLLIN)
        if not ready:
            return
        now = time.monotonic()
        with self.lock:
            for source, events in ready:
                name = self._names.get(source, "")
                if not name:
                    self._woken.recv(4096)
                elif events & _POLLIN:
                    for frames in received(source, self.copy):
                        core.on_message(name, frames, now)
            if core.outbox:
                self.flush()

    def wait(self, done: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Step until `done()`, or let another thread; returns whether it is done in time.

        Raises:
            RuntimeError: closed meanwhile.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not done():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            with self._stepped:
                if self._stepping:
                    if not done():
                        self._stepped.wait(left)
                    continue
                if self.closed:
                    raise RuntimeError("closed while somebody waited")
                self._stepping = True
            try:
                self._step(done, left)
            finally:
                with self._stepped:
                    self._stepping = False
                    self._stepped.notify_all()
        return True

    def poke(self) -> None:
        """Send what the core wants to send: here and now, or by the thread that steps."""
        with self._stepped:
            if self._stepping or self.closed:
                self.wake()
                return
            self._stepping = True
        try:
            with self.lock:
                self.flush()
        finally:
            with self._stepped:
                self._stepping = False
                self._stepped.notify_all()

    def flush(self) -> list[str]:
        core = self.core
        while core.renewed:
            name = core.renewed.pop()
            self._shut(name)
            self._open(name)
        return core_flush(core, self.opened, self.copy)

    def wake(self) -> None:
        """Let whoever waits look again; from any thread or signal handler."""
        try:
            self._waking.send(b"\0")
        except (BlockingIOError, OSError):      # woken already, or closed
            pass

    def close(self, linger_ms: int = 0) -> None:
        """Close the sockets, after `linger_ms` at most for what is unsent; whoever waits is told."""
        with self._stepped:
            if self.closed:
                return
            self.closed = True
            self.wake()
            while self._stepping:
                self._stepped.wait()
        for socket in self.opened.values():
            socket.close(linger_ms)
        self.opened.clear()
        self._names.clear()
        self._woken.close()
        self._waking.close()


class AsyncDriver:
    """Turns a core in an event loop, in tasks of its own, from the first pump() until close()."""

    def __init__(self, core: Core, ports: Sequence[Port], context: zmq.Context[Any] | None = None, *,
                 copy: bool = True) -> None:
        self.core = core
        self.copy = copy
        self.context: zmq.Context[Any] = zmq.Context.instance() if context is None else context
        self.ports = {port.name: port for port in ports}
        self.opened: dict[str, zmq.Socket[bytes]] = {}
        self.closed = False
        self.loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[None] = self.loop.create_future()   # ends with the exception that ended a task
        self._watches: dict[str, zmqfast.asyncio.Socket] = {}           # share the sockets, to wait for them
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._flushes: dict[str, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._pumping = False
        try:
            for name in self.ports:
                self._open(name)
        except BaseException:
            self._shut_all(0)
            raise

    def _open(self, name: str) -> None:
        self.opened[name] = self.ports[name].open(self.context)
        self._watches[name] = zmqfast.asyncio.Socket.from_socket(self.opened[name])
        self._tasks[name] = self.loop.create_task(self._receive(name))

    def _shut(self, name: str, linger_ms: int = 0) -> None:
        self._tasks.pop(name).cancel()
        if name in self._flushes:
            self._flushes.pop(name).cancel()
        self._watches.pop(name).close()
        self.opened.pop(name).close(linger_ms)

    def add(self, port: Port) -> None:
        """Open one more port."""
        self.ports[port.name] = port
        self._open(port.name)

    async def _receive(self, name: str) -> None:
        socket, watch = self.opened[name], self._watches[name]
        try:
            while True:
                await watch.poll()
                now = time.monotonic()
                for frames in received(socket, self.copy):
                    self.core.on_message(name, frames, now)
                self.pump()
                if socket.closed:
                    return
        except Exception as error:
            self._fail(error)

    async def _flush_later(self, name: str) -> None:
        try:
            await self._watches[name].poll(flags=_POLLOUT)
        except Exception as error:
            self._fail(error)
        self._flushes.pop(name, None)
        self.pump()

    def _fail(self, error: Exception) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()     # seen: close() need not be told again

    def pump(self) -> None:
        """Send what can be sent and do what is due; after every change from outside. In the loop's thread."""
        if self.closed or self._pumping:
            return
        self._pumping = True
        try:
            core = self.core
            due = core.on_time(time.monotonic())
            while core.renewed:
                name = core.renewed.pop()
                self._shut(name)
                self._open(name)
            sent = [name for name, queue in core.outbox.items() if queue]
            for name in core_flush(core, self.opened, self.copy):
                if name not in self._flushes:
                    self._flushes[name] = self.loop.create_task(self._flush_later(name))
            for name in sent:
                self._watches[name].get(zmq.EVENTS)     # a send may take the edge that the receiving task waits for
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if due is not None:
                self._timer = self.loop.call_later(max(0.0, due - time.monotonic()), self._on_timer)
        except Exception as error:
            self._fail(error)
        finally:
            self._pumping = False

    def _on_timer(self) -> None:
        self._timer = None
        self.pump()

    def wake(self) -> None:
        """pump() soon; from any thread."""
        self.loop.call_soon_threadsafe(self.pump)

    def _shut_all(self, linger_ms: int) -> None:
        for name in list(self.opened):
            self._shut(name, linger_ms)

    async def close(self, linger_ms: int = 0) -> None:
        """End the tasks and close the sockets, which may take `linger_ms` for what is unsent."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = [*self._tasks.values(), *self._flushes.values()]
        self._shut_all(linger_ms)
        mine = asyncio.current_task()
        await asyncio.gather(*(task for task in tasks if task is not mine), return_exceptions=True)


async def outcome_of(pending: Pending, driver: AsyncDriver) -> Any:
    """Wait for the outcome; raises it where it is an exception, and what ended the driver where that did."""
    driver.pump()
    if not pending.done:
        told: asyncio.Future[None] = driver.loop.create_future()

        def tell() -> None:
            if not told.done():
                told.set_result(None)

        pending.on_done = tell
        await asyncio.wait((told, driver.failed), return_when=asyncio.FIRST_COMPLETED)
        if not pending.done:
            driver.failed.result()
    return pending.outcome()


class Runner:
    """Something that runs until stop(): run() in this thread, or `with` it in one of its own."""

    def __init__(self, core: Core, ports: Sequence[Port], context: zmq.Context[Any] | None, *, copy: bool = True) -> None:
        self._driver = Driver(core, ports, context, copy=copy)
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Run in this thread until stop() is called, or Ctrl-C raises KeyboardInterrupt; then close."""
        try:
            while not self._stopping:
                self._driver.wait(self._has_work)
                self._work()
        finally:
            self._finish()

    def stop(self) -> None:
        """End run(); from any thread or signal handler, more than once if need be."""
        self._stopping = True
        self._driver.wake()

    def _has_work(self) -> bool:
        return self._stopping

    def _work(self) -> None:
        """Do what _has_work() told of."""

    def _finish(self) -> None:
        self._driver.close(linger_ms=LAST_WORDS_MS)

    def _run_in_thread(self) -> None:
        try:
            self.run()
        except BaseException as error:
            self._failure = error

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run_in_thread, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure


class AsyncRunner:
    """A Runner for asyncio: `await run()`, or `async with` it."""

    _driver: AsyncDriver

    def __init__(self, core: Core, ports: Sequence[Port], context: zmq.Context[Any] | None, *, copy: bool = True) -> None:
        self._core_and_ports = (core, ports, context, copy)
        self._task: asyncio.Task[None] | None = None
        self._stopped: asyncio.Event | None = None

    def _start(self) -> None:
        if self._stopped is None:
            core, ports, context, copy = self._core_and_ports
            self._stopped = asyncio.Event()
            self._driver = AsyncDriver(core, ports, context, copy=copy)

    async def run(self) -> None:
        """Run until stop() is called or the task is cancelled; then close."""
        self._start()
        assert self._stopped is not None
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            self._driver.pump()
            await asyncio.wait((stopped, self._driver.failed), return_when=asyncio.FIRST_COMPLETED)
            if self._driver.failed.done():
                self._driver.failed.result()
        finally:
            stopped.cancel()
            await self._finish()

    def stop(self) -> None:
        """End run(); in the loop's thread."""
        if self._stopped is not None:
            self._stopped.set()

    async def _finish(self) -> None:
        await self._driver.close(linger_ms=LAST_WORDS_MS)

    async def __aenter__(self) -> Self:
        self._start()
        self._task = asyncio.ensure_future(self.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._task is not None:
            await self._task
