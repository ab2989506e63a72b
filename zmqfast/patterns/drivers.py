"""Drivers: what moves messages and time into a pattern's core, in a blocking loop or in asyncio.

A core knows the protocol and does no I/O: it is told of messages and of the time, and leaves what it wants to send in
its outbox. So each pattern is written once, and its two forms differ only in which driver turns it.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import math
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
LOOK_AGAIN_S = 0.002        # where no event tells that there is room: libzmq calls an XPUB writable always
LATE_S = 0.05               # behind what was due, we have not run for a while: stopped, or others had the processor
CATCH_UP_S = 0.02           # for what came meanwhile to be read

# As plain numbers: the members of an enum cost more to combine than a message to send.
_POLLIN, _POLLOUT, _DONTWAIT = int(zmq.POLLIN), int(zmq.POLLOUT), int(zmq.DONTWAIT)
_EVENTS, _FD = int(zmq.EVENTS), int(zmq.FD)
_ALWAYS_WRITABLE = (zmq.PUB, zmq.XPUB)      # says libzmq, also where it has no room
_NEVER = math.inf
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

    def open_another(self, context: zmq.Context[Any]) -> zmq.Socket[bytes] | None:
        """A fresh socket beside the one that is open; None when there is no descriptor for it: the old one goes on then."""
        try:
            return self.open(context)
        except zmq.ZMQError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            return None


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

    hears_heartbeats = False    # whether it takes silence for death: then what came is heard before it is told of the time

    def __init__(self) -> None:
        self.outbox: dict[str, deque[Sequence[Buffer]]] = {}
        self.renewed: set[str] = set()      # ports that want a fresh socket
        self.paused: set[str] = set()       # ports from which nothing is taken for now

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

    def on_messages(self, port: str, messages: list[list[Any]], now: float) -> None:
        """Take in what came at once; a core with many small messages does better than one call for each."""
        for frames in messages:
            self.on_message(port, frames, now)

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
            sent = 0
            try:
                if len(queue) == 1:
                    socket.send_multipart(queue[0], _DONTWAIT, copy)
                    sent = 1
                else:
                    sent = socket.send_many(list(itertools.islice(queue, MESSAGES_AT_ONCE)), _DONTWAIT, copy=copy)
            except zmq.Again:
                blocked.append(port)
                break
            except zmq.ZMQError as error:
                sent = getattr(error, "sent", 0)
                if error.errno not in _UNREACHABLE:
                    raise
                core.on_unreachable(port, queue[sent])
                sent += 1
            finally:
                for _ in range(sent):
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


class Clock:
    """Tells a core the time.

    A core that takes silence for death must not do so because we ourselves were stopped: where that seems to have been,
    it is told only after a moment in which what came meanwhile is taken in.
    """

    __slots__ = ("core", "due", "_caught_up_at")

    def __init__(self, core: Core) -> None:
        self.core = core
        self.due: float | None = None       # when the core wants to be told next
        self._caught_up_at: float | None = None

    def tell(self, now: float) -> float | None:
        """Tell it that time.monotonic() is `now`; returns when to come again."""
        if self._caught_up_at is None and self.core.hears_heartbeats and self.due is not None and now > self.due + LATE_S:
            self._caught_up_at = now + CATCH_UP_S
        if self._caught_up_at is not None:
            if now < self._caught_up_at:
                return self._caught_up_at
            self._caught_up_at = None
        self.due = self.core.on_time(now)
        return self.due


def met_once(condition: Callable[[], bool]) -> Callable[[], bool]:
    """A condition that stays true once it was, as those who wait want it."""
    met = False

    def look() -> bool:
        nonlocal met
        met = met or condition()
        return met

    return look


class Waiter:
    """A thread that waits while another one steps."""

    __slots__ = ("done", "leads", "_bell")

    def __init__(self, done: Callable[[], bool], leads: bool) -> None:
        self.done = done
        self.leads = leads          # whether it steps when nobody does
        self._bell = threading.Lock()
        self._bell.acquire()

    def ring(self) -> None:
        """Let it look again."""
        try:
            self._bell.release()
        except RuntimeError:        # it is rung already
            pass

    def sleep(self, until: float) -> None:
        """Until it is rung, or time.monotonic() is `until`."""
        if until == _NEVER:
            self._bell.acquire()
        else:
            self._bell.acquire(timeout=min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX))


class Driver:
    """Turns a core in whichever thread waits: one steps, and tells the others what they wait for. For every thread.

    The thread that steps sleeps on the sockets' descriptors alone, so others may use the sockets meanwhile: hold `lock`
    to touch the core or a socket, and poke() afterwards, since a descriptor may not tell again of what came by then.

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
        self._turn = threading.Lock()           # whoever has it steps
        self._asleep_until = 0.0                # time.monotonic() at which the stepping thread wakes by itself
        self._clock = Clock(core)
        self._waiters: list[Waiter] = []
        try:
            for name in self.ports:
                self._open(name)
        except BaseException:
            self.close()
            raise

    def _open(self, name: str) -> None:
        self._use(name, self.ports[name].open(self.context))

    def _use(self, name: str, socket: zmq.Socket[bytes]) -> None:
        self.opened[name] = socket
        self.poller.register(socket.get(_FD), _POLLIN)

    def _shut(self, name: str) -> None:
        socket = self.opened.pop(name)
        self.poller.unregister(socket.get(_FD))
        socket.close(0)

    def add(self, port: Port) -> None:
        """Open one more port; whoever steps takes it up."""
        with self.lock:
            self.ports[port.name] = port
            self._open(port.name)
        self.wake()

    # stepping

    def _step(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Do what is due and serve the sockets; if nothing came of it sleep until something happens, and serve them."""
        with self.lock:
            now = time.monotonic()
            due = self._clock.tell(now)
            if self.core.renewed:
                self._renew()
            again, blocked = self.serve(now, look=True)
            if again or done():
                return
            until = now + timeout_s
            if due is not None and due < until:
                until = due
            if blocked and any(self.ports[name].socket_type in _ALWAYS_WRITABLE for name in blocked):
                until = min(until, now + LOOK_AGAIN_S)
            self._asleep_until = until
        try:
            self.poller.poll(None if until == _NEVER else max(0.0, until - now) * 1000)
        finally:
            self._asleep_until = 0.0
        with self.lock:
            self.serve(time.monotonic())

    def _renew(self) -> None:
        while self.core.renewed:
            name = self.core.renewed.pop()
            fresh = self.ports[name].open_another(self.context)
            if fresh is not None:
                self._shut(name)
                self._use(name, fresh)

    def serve(self, now: float, look: bool = False) -> tuple[bool, Sequence[str]]:
        """Send what can be sent, take in what is there, and send the answers, once. Hold `lock`.

        Args:
            look: ask each socket first whether it has anything, which costs less where it has not.
        Returns:
            whether there may be more, and the ports that have to wait for room.
        """
        core = self.core
        again = False
        blocked: Sequence[str] = ()
        if core.outbox:
            blocked = self.flush()
            look = True             # sending may have taken the edge by which the descriptor tells
        for name, socket in self.opened.items():
            paused = name in core.paused
            if look or paused:
                events: Any = socket.get(_EVENTS)
                if name in blocked and events & _POLLOUT and self.ports[name].socket_type not in _ALWAYS_WRITABLE:
                    again = True    # there was no room, and now there is
                if paused or not events & _POLLIN:
                    continue
            if messages := received(socket, self.copy):
                core.on_messages(name, messages, now)
                again = True
        if again and core.outbox:
            blocked = self.flush()
        return again, blocked

    def poke(self) -> None:
        """Send what the core wants to send and do what is due, here and now; a fresh socket is for the thread that steps."""
        with self.lock:
            if self.closed:
                return
            now = time.monotonic()
            due = self._clock.tell(now)
            if not self.core.renewed:
                again, blocked = self.serve(now, look=True)
                if self._waiters:
                    self._tell()
                if not again and not blocked and (due is None or due >= self._asleep_until):
                    return
        self.poller.wake()

    def flush(self) -> list[str]:
        """Send what can be sent; returns the ports that have to wait for room. Hold `lock`."""
        self.poller._sent = True        # it knows the descriptors alone
        return core_flush(self.core, self.opened, self.copy)

    def send_now(self, name: str, frames: Sequence[Buffer]) -> bool:
        """Send a message past the core, behind what waits; returns whether there was room. Hold `lock`.

        Raises:
            RuntimeError: closed.
        """
        if name in self.core.outbox and name in self.opened:
            self.flush()
            if name in self.core.outbox:
                return False
        try:
            socket = self.opened[name]
            socket.send_multipart(frames, _DONTWAIT, self.copy)
        except zmq.Again:
            return False
        except KeyError:
            raise RuntimeError("it is closed") from None
        if socket.get(_EVENTS) & _POLLIN:       # type: ignore[operator]
            self.serve(time.monotonic())
            self.poller.wake()                  # there may be more
        return True

    # waiting

    def wait(self, done: Callable[[], bool], timeout_s: float | None = None, *, poke: bool = False) -> bool:
        """Step until `done()`, or let another thread; returns whether it is done in time.

        Args:
            done: called with `lock` held, by any of the threads; once it was true it stays so.
            poke: the core has something to send.
        Raises:
            RuntimeError: closed meanwhile.
        """
        deadline = _NEVER if timeout_s is None else time.monotonic() + timeout_s
        if self._turn.acquire(False):
            return self._lead(done, deadline)
        if poke:
            self.poke()
        waiter = Waiter(done, leads=True)
        self._waiters.append(waiter)    # before we look: whoever changes something afterwards sees us
        try:
            while not self._looked(done):
                if self._turn.acquire(False):
                    self._waiters.remove(waiter)
                    return self._lead(done, deadline)
                if time.monotonic() >= deadline:
                    return False
                waiter.sleep(deadline)
            return True
        finally:
            self._leave(waiter)

    def stand_by(self, done: Callable[[], bool]) -> None:
        """wait(), but leave it to others to step: only when something is due and all of them are busy elsewhere, do it."""
        waiter = Waiter(done, leads=False)
        self._waiters.append(waiter)
        try:
            while not self._looked(done):
                if self._turn.acquire(False):
                    try:
                        self._step(_at_once, 0.0)
                        self._tell()
                    finally:
                        self._turn.release()
                        self._pass_on()
                due = self._clock.due
                waiter.sleep(_NEVER if due is None else max(due, time.monotonic() + LOOK_AGAIN_S))
        finally:
            self._leave(waiter)

    def _looked(self, done: Callable[[], bool]) -> bool:
        """Whether it is done; raises RuntimeError where it cannot be any more."""
        with self.lock:
            if done():
                return True
        if self.closed:
            raise RuntimeError("closed while somebody waited")
        return False

    def _lead(self, done: Callable[[], bool], deadline: float) -> bool:
        """Step until done, or until the deadline. `_turn` is ours, and given up at the end."""
        try:
            while not self._looked(done):
                left = _NEVER
                if deadline != _NEVER:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return False
                self._step(done, left)
                if self._waiters:
                    self._tell()
            return True
        finally:
            self._turn.release()
            if self._waiters:
                self._pass_on()

    def _tell(self) -> None:
        """Ring those for whom it is done."""
        with self.lock:
            for waiter in tuple(self._waiters):
                if waiter.done():
                    waiter.ring()

    def _pass_on(self) -> None:
        """Let one of those who wait take the turn."""
        for waiter in tuple(self._waiters):
            if waiter.leads:
                waiter.ring()
                return

    def _leave(self, waiter: Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            if not self._turn.locked():     # perhaps it was passed on to us
                self._pass_on()

    def wake(self) -> None:
        """Let whoever waits look again; from any thread or signal handler."""
        self.poller.wake()
        for waiter in tuple(self._waiters):
            waiter.ring()

    def close(self, linger_ms: int = 0) -> None:
        """Close the sockets, after `linger_ms` at most for what is unsent; whoever waits is told."""
        with self.lock:
            if self.closed:
                return
            self.closed = True
        self.wake()
        with self._turn:        # whoever steps has let go
            with self.lock:
                for socket in self.opened.values():
                    socket.close(linger_ms)
                self.opened.clear()
        self.wake()


def _at_once() -> bool:
    return False


class Driven:
    """What has a driver, of either kind: a pattern's blocking and asyncio forms share what they can through it."""

    _driver: Driver | AsyncDriver
    _linger_ms = LAST_WORDS_MS      # for what is unsent when it is closed

    def __init__(self, core: Core, ports: Sequence[Port], context: zmq.Context[Any] | None, *, copy: bool = True) -> None:
        raise NotImplementedError


class Attended(Driven):
    """Something with a Driver, which a thread of its own attends to from the beginning until close().

    Where it is `_alone` there is no thread; it is attended to while somebody waits.
    """

    _alone = False

    def __init__(self, core: Core, ports: Sequence[Port], context: zmq.Context[Any] | None, *, copy: bool = True) -> None:
        self._driver: Driver = Driver(core, ports, context, copy=copy)
        self._failure: list[BaseException] = []
        self._thread: threading.Thread | None = None
        if not self._alone:
            self._thread = threading.Thread(target=attend, args=(self._driver, self._failure), daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Close the sockets; what is unsent has half a second. Safe to repeat.

        Raises:
            Exception: what ended the thread that attended.
        """
        self._driver.close(self._linger_ms)
        if self._thread is not None:
            self._thread.join()
        if self._failure:
            raise self._failure.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def attend(driver: Driver, failure: list[BaseException]) -> None:
    """Step until the driver is closed."""
    try:
        driver.wait(lambda: driver.closed)
    except BaseException as error:
        failure.append(error)


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
        self._waiting: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self._paused: dict[str, asyncio.Future[None]] = {}              # what the receiving tasks wait for
        self._clock = Clock(core)
        self._timer: asyncio.TimerHandle | None = None
        self._pumping = False
        try:
            for name in self.ports:
                self._open(name)
        except BaseException:
            self._shut_all(0)
            raise

    def _open(self, name: str) -> None:
        self._use(name, self.ports[name].open(self.context))

    def _use(self, name: str, socket: zmq.Socket[bytes]) -> None:
        self.opened[name] = socket
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
                while name in self.core.paused:
                    self._paused[name] = self.loop.create_future()
                    await self._paused[name]
                await watch.poll()
                self.core.on_messages(name, received(socket, self.copy), time.monotonic())
                self.pump()
                if socket.closed:
                    return
        except Exception as error:
            self._fail(error)

    async def _flush_later(self, name: str) -> None:
        try:
            if self.ports[name].socket_type in _ALWAYS_WRITABLE:
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
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
            due = self._clock.tell(time.monotonic())
            while core.renewed:
                name = core.renewed.pop()
                fresh = self.ports[name].open_another(self.context)
                if fresh is not None:
                    self._shut(name)
                    self._use(name, fresh)
            sent = [name for name, queue in core.outbox.items() if queue]
            for name in core_flush(core, self.opened, self.copy):
                if name not in self._flushes:
                    self._flushes[name] = self.loop.create_task(self._flush_later(name))
            for name in [name for name in self._paused if name not in core.paused]:
                resumed = self._paused.pop(name)
                if not resumed.done():
                    resumed.set_result(None)
            for name in sent:
                self._watches[name].get(_EVENTS)        # a send may take the edge that the receiving task waits for
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if due is not None:
                self._timer = self.loop.call_later(max(0.0, due - time.monotonic()), self._on_timer)
            for told, done in self._waiting.items():
                if not told.done() and done():
                    told.set_result(None)
        except Exception as error:
            self._fail(error)
        finally:
            self._pumping = False

    async def wait(self, done: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Until `done()`; returns whether it is done in time.

        Raises:
            RuntimeError: closed meanwhile.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self.pump()
        while not done():
            if self.closed:
                raise RuntimeError("closed while somebody waited")
            told: asyncio.Future[None] = self.loop.create_future()
            self._waiting[told] = done
            try:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                await asyncio.wait((told, self.failed), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                del self._waiting[told]
            if self.failed.done():
                self.failed.result()
            if not told.done():
                return done()
        return True

    def send_now(self, name: str, frames: Sequence[Buffer]) -> bool:
        """Send a message past the core, behind what waits; returns whether there was room.

        Raises:
            RuntimeError: closed.
        """
        socket = self.opened.get(name)
        if socket is None:
            raise RuntimeError("it is closed")
        if name in self.core.outbox:
            self.pump()
            if name in self.core.outbox:
                return False
        try:
            socket.send_multipart(frames, _DONTWAIT, self.copy)
        except zmq.Again:
            return False
        finally:
            self._watches[name].get(_EVENTS)    # a send may take the edge that the receiving task waits for
        return True

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
        for told in self._waiting:
            if not told.done():
                told.set_result(None)
        tasks = [*self._tasks.values(), *self._flushes.values()]
        self._shut_all(linger_ms)
        mine = asyncio.current_task()
        await asyncio.gather(*(task for task in tasks if task is not mine), return_exceptions=True)


class AsyncAttended(Driven):
    """Something with an AsyncDriver, from the beginning until close(): make it in the loop."""

    def __init__(self, core: Core, ports: Sequence[Port], context: zmq.Context[Any] | None, *, copy: bool = True) -> None:
        self._driver: AsyncDriver = AsyncDriver(core, ports, context, copy=copy)
        self._driver.pump()

    async def close(self) -> None:
        """Close the sockets; what is unsent has half a second. Safe to repeat."""
        await self._driver.close(self._linger_ms)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


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


class Runner(Driven):
    """Something that runs until stop(): run() in this thread, or `with` it in one of its own."""

    def __init__(self, core: Core, ports: Sequence[Port], context: zmq.Context[Any] | None, *, copy: bool = True) -> None:
        self._driver: Driver = Driver(core, ports, context, copy=copy)
        self._stopping = False
        self._pool: Pool | None = None      # whose threads step, where there is one
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Run in this thread until stop() is called, or Ctrl-C raises KeyboardInterrupt; then close."""
        pool = self._pool
        try:
            if pool is not None:
                pool.start()
                self._driver.stand_by(lambda: self._stopping or pool.failure is not None)
                if pool.failure is not None:
                    raise pool.failure
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
        if self._pool is not None:
            self._pool.stop()
        with self._driver.lock:
            self._last_words()
            if not self._driver.closed:
                self._driver.flush()
        self._driver.close(linger_ms=LAST_WORDS_MS)

    def _last_words(self) -> None:
        """Leave in the core what is to be sent before the end."""

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


class Pool:
    """Threads that carry out a core's jobs: each takes part in waiting for them, so that a job changes no thread.

    Args:
        jobs: what waits to be carried out.
        carry_out: does one, and leaves in the core what it wants to send.
    """

    def __init__(self, driver: Driver, jobs: deque[Any], carry_out: Callable[[Any], None], threads: int, name: str) -> None:
        self._driver = driver
        self._jobs = jobs
        self._carry_out = carry_out
        self._stopping = False
        self.failure: BaseException | None = None
        self._threads = [threading.Thread(target=self._run, name=f"{name}_{number}", daemon=True)
                         for number in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads, each after the job that it has; the jobs that wait are left."""
        self._stopping = True
        self._driver.wake()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self) -> None:
        mine: list[Any] = []        # one job at most

        def claim() -> bool:
            if self._stopping:
                return True
            if not mine and self._jobs:
                mine.append(self._jobs.popleft())
            return bool(mine)

        try:
            while not self._stopping:
                self._driver.wait(claim)
                if mine:
                    self._carry_out(mine.pop())
                    self._driver.poke()
        except BaseException as error:
            self.failure = error
            self._driver.wake()


class AsyncRunner(Driven):
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
