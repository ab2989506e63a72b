"""Exclusive pair: two threads or tasks with a pipe between them, and actors: an object that lives behind one.

An actor's object is made in a thread or process of its own, and its methods are called by messages, one at a time, in
the order of the calls. `Actor` is for blocking code, `AsyncActor` for asyncio; both are ActorCore behind a driver.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import pickle
import secrets
import threading
from typing import TYPE_CHECKING, Any
from collections.abc import Callable

import zmqfast as zmq
from zmqfast.patterns.codecs import BodyError, Codec, signed_pickle
from zmqfast.patterns.drivers import AsyncDriver, Core, Driver, Pending, Port, outcome_of
from zmqfast.patterns.processes import end_with_parent
from zmqfast.patterns.remote import RemoteError, described

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

STOP_TIMEOUT_S = 10.0       # for the call that runs when stop() is called
LINGER_MS = 5000            # for an actor's last answers

_numbers = itertools.count(1)


def pipe(
    context: zmq.Context[Any] | None = None,
    first: type[zmq.Socket[Any]] = zmq.Socket,
    second: type[zmq.Socket[Any]] = zmq.Socket,
    *,
    hwm: int = 1000,
) -> tuple[Any, Any]:
    """Two connected PAIR sockets within this process: give one end to another thread or task.

    Nothing is lost and nothing comes twice while both ends are open; a sender waits once 2 * `hwm` messages are unread.

    Args:
        context: the Context of both; the process's own when None.
        first, second: the classes of the ends, zmqfast.Socket or zmqfast.asyncio.Socket.
        hwm: the high-water mark of each end, in messages.
    """
    context = zmq.Context.instance() if context is None else context
    endpoint = f"inproc://zmqfast.pipe.{next(_numbers)}"
    ends: list[Any] = []
    try:
        for kind in (first, second):
            ends.append(kind(context, zmq.PAIR))
            ends[-1].hwm = hwm
        ends[0].bind(endpoint)
        ends[1].connect(endpoint)
    except BaseException:
        for end in ends:
            end.close(0)
        raise
    return ends[0], ends[1]


class ActorDied(RuntimeError):
    """The actor ended and left this call without an answer: it may have been carried out or not."""


class RemoteTraceback(Exception):
    """The cause of an exception from another process: where it was raised there."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


# -- the core: what goes through the pipe --------------------------------------------------------------------------


class ActorCore(Core):
    """The calling side: which calls are under way, and what came back."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec
        self.ready = Pending()          # the object is made
        self.ended = Pending()          # nothing more will come
        self.calls: dict[int, Pending] = {}
        self.numbers = itertools.count(1)

    def start(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Pending:
        """Send a call.

        Raises:
            BodyError: the arguments cannot be carried.
            ActorDied: the actor has ended.
        """
        if self.ended.done:
            raise ActorDied(f"{method}: the actor has ended")
        number = next(self.numbers)
        frames = self.codec.dump(("call", number, (method, args, kwargs)), method)
        call = self.calls[number] = Pending()
        self.send("pipe", frames)
        return call

    def stop(self) -> None:
        """Let the actor end after the calls that it has."""
        self.send("pipe", self.codec.dump(("stop", 0, None), "stop"))

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        try:
            kind, number, value = self.codec.load(frames, "actor")
        except BodyError as error:
            if self.calls:      # answers come in order: this was the first call's
                self.calls.pop(next(iter(self.calls))).finish(error=error)
            return
        if kind == "ready":
            self.ready.finish()
        elif kind == "unmade":
            self.ready.finish(error=carried_back(*value))
        elif kind == "ended":
            self.die("the actor has ended")
        elif number in self.calls:
            self.calls.pop(number).finish(value if kind == "done" else None,
                                          None if kind == "done" else carried_back(*value))

    def die(self, reason: str) -> None:
        """The actor is gone: no call will be answered."""
        self.ready.finish(error=ActorDied(reason))
        self.ended.finish()
        for call in self.calls.values():
            call.finish(error=ActorDied(reason))
        self.calls.clear()


def carried(error: BaseException, in_process: bool) -> tuple[BaseException, str]:
    """An exception as it is sent, with its traceback's text; a RemoteError where it cannot be pickled."""
    if not in_process:
        return error, ""
    kind, text, trace = described(error)
    try:
        return pickle.loads(pickle.dumps(error)), trace
    except Exception:
        return RemoteError(kind, text, trace), ""


def carried_back(error: BaseException, trace: str) -> BaseException:
    """The exception to raise for what carried() made."""
    if trace:
        error.__cause__ = RemoteTraceback(trace)
    return error


# -- the actor's side ----------------------------------------------------------------------------------------------


def act(socket: zmq.Socket[bytes], codec: Codec, in_process: bool, make: Callable[..., Any], args: tuple[Any, ...],
        kwargs: dict[str, Any]) -> None:
    """Make the object, carry out calls until told to stop, close it."""

    def tell(kind: str, number: int, value: Any) -> None:
        socket.send_multipart(codec.dump((kind, number, value), kind))

    try:
        try:
            actor = make(*args, **kwargs)
        except BaseException as error:
            tell("unmade", 0, carried(error, in_process))
            return
        try:
            tell("ready", 0, None)
            while True:
                try:
                    kind, number, value = codec.load(socket.recv_multipart(), "call")
                except BodyError:
                    continue        # not from our caller
                if kind == "stop":
                    break
                method, call_args, call_kwargs = value
                try:
                    result = (getattr(actor, method) if method else actor)(*call_args, **call_kwargs)
                    frames = codec.dump(("done", number, result), method)
                except zmq.ContextTerminated:
                    raise
                except BaseException as error:
                    frames = codec.dump(("raised", number, carried(error, in_process)), method)
                socket.send_multipart(frames)
        finally:
            if callable(close := getattr(actor, "close", None)):
                close()
    except zmq.ContextTerminated:
        pass
    finally:
        with contextlib.suppress(zmq.ZMQError):
            tell("ended", 0, None)
        socket.close(LINGER_MS)


def act_in_process(endpoint: str, key: bytes, make: Callable[..., Any], args: tuple[Any, ...],
                   kwargs: dict[str, Any]) -> None:
    """The main function of an actor's process."""
    end_with_parent()
    with zmq.Context() as context:
        socket = zmq.Socket(context, zmq.PAIR)
        socket.connect(endpoint)
        act(socket, signed_pickle(key), True, make, args, kwargs)


def exchange() -> Codec:
    """Objects within one process: they wait in a table, and their number goes through the pipe."""
    table: dict[bytes, Any] = {}
    numbers = itertools.count(1)

    def put(value: Any) -> tuple[bytes]:
        number = next(numbers).to_bytes(8, "big")
        table[number] = value
        return (number,)

    return Codec("object", put, lambda frames: table.pop(bytes(frames[0])))


class Host:
    """The thread or process that an actor lives in."""

    def __init__(self, make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], process: bool,
                 context: zmq.Context[Any] | None) -> None:
        self.process = process
        self.context: zmq.Context[Any] = zmq.Context.instance() if context is None else context
        self.arguments = (make, args, kwargs)
        self.key = secrets.token_bytes(32)
        self.codec = signed_pickle(self.key) if process else exchange()
        self.core = ActorCore(self.codec)
        self.port = Port("pipe", zmq.PAIR, options={"hwm": 0},
                         bind="tcp://127.0.0.1:*" if process else f"inproc://zmqfast.actor.{next(_numbers)}")
        self.life: Any = None

    def start(self, on_death: Callable[[str], None]) -> None:
        """Start it, once the driver has bound the port; `on_death(reason)` comes from another thread."""
        if not self.process:
            socket: zmq.Socket[bytes] = zmq.Socket(self.context, zmq.PAIR)
            socket.hwm = 0
            socket.connect(self.port.bind)
            self.life = threading.Thread(target=act, args=(socket, self.codec, False, *self.arguments), daemon=True)
            self.life.start()
            return
        self.life = multiprocessing.get_context("spawn").Process(
            target=act_in_process, args=(self.port.bind, self.key, *self.arguments), daemon=True)
        self.life.start()
        sentinel = self.life

        def watch() -> None:
            sentinel.join()
            on_death(f"the actor's process ended with status {sentinel.exitcode}")

        self.watcher = threading.Thread(target=watch, daemon=True)
        self.watcher.start()

    @property
    def pid(self) -> int | None:
        """The actor's process, or None for a thread's."""
        return self.life.pid if self.process and self.life is not None else None

    def kill(self) -> None:
        """End the process by force; a thread cannot be."""
        if self.process and self.life is not None:
            self.life.kill()

    def join(self, timeout_s: float) -> bool:
        """Whether it has ended in time."""
        (self.watcher if self.process else self.life).join(timeout_s)
        return not self.life.is_alive()


# -- the two forms -------------------------------------------------------------------------------------------------


class Actor:
    """An object in a thread or process of its own: `actor.call("method", *args)`.

    `make(*args, **kwargs)` is called there, and what it returns has the methods; a plain callable is called by
    `call("")`. The constructor waits until it is made, and raises what it raises. Use from any thread; calls are
    carried out one at a time, in the order in which they were made.

    Args:
        process: a process of its own, started afresh, not forked: `make`, arguments and results are pickled.
        context: the Context of the pipe; the process's own when None.
    Raises:
        ActorDied: the process ended before the object was made.
    """

    def __init__(self, make: Callable[..., Any], *args: Any, process: bool = False,
                 context: zmq.Context[Any] | None = None, **kwargs: Any) -> None:
        self._host = Host(make, args, kwargs, process, context)
        self._core = self._host.core
        self._driver = Driver(self._core, [self._host.port], self._host.context)
        try:
            self._host.start(self._on_death)
            self._driver.wait(lambda: self._core.ready.done)
            self._core.ready.outcome()
        except BaseException:
            self._end()
            raise

    @property
    def pid(self) -> int | None:
        """The actor's process; None for a thread."""
        return self._host.pid

    def _on_death(self, reason: str) -> None:
        # What it still said is read first.
        with contextlib.suppress(RuntimeError, zmq.ZMQError):
            self._driver.wait(lambda: self._core.ended.done, 0.2)
        with self._driver.lock:
            self._core.die(reason)
        self._driver.wake()

    def submit(self, method: str, *args: Any, **kwargs: Any) -> Call:
        """Start a call, and go on; its result() waits. Errors are call()'s."""
        with self._driver.lock:
            pending = self._core.start(method, args, kwargs)
        self._driver.poke()
        return Call(self._driver, pending)

    def call(self, method: str, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        """Call a method of the actor's object, and return its result.

        Args:
            timeout: seconds; None waits for ever. The call goes on when the time is over.
        Raises:
            what the method raises; where it cannot be carried over from a process, RemoteError.
            ActorDied: the actor ended without an answer.
            TimeoutError: no answer came in time.
            BodyError: the arguments cannot be pickled.
        """
        return self.submit(method, *args, **kwargs).result(timeout)

    def stop(self, timeout: float = STOP_TIMEOUT_S) -> None:
        """Let the actor finish its calls, close its object where that has a close(), and end. Safe to repeat.

        Raises:
            TimeoutError: it did not in `timeout` seconds; a process is then ended by force.
        """
        if self._driver.closed:
            return
        with self._driver.lock:
            if not self._core.ended.done:
                self._core.stop()
        ended = self._driver.wait(lambda: self._core.ended.done, timeout)
        self._end()
        if not ended:
            raise TimeoutError(f"the actor did not end in {timeout} s")

    def _end(self) -> None:
        if not self._core.ended.done:
            self._host.kill()
        self._driver.close()
        if self._core.ended.done or self._host.process:
            if self._host.life is not None:
                self._host.join(STOP_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Call:
    """A call of an Actor that is under way."""

    def __init__(self, driver: Driver, pending: Pending) -> None:
        self._driver = driver
        self._pending = pending

    @property
    def done(self) -> bool:
        """Whether the result is there; it is only looked for while somebody waits."""
        return self._pending.done

    def result(self, timeout: float | None = None) -> Any:
        """What the method returned. Arguments and errors: Actor.call()."""
        if not self._driver.wait(lambda: self._pending.done, timeout):
            raise TimeoutError(f"no answer in {timeout} s")
        return self._pending.outcome()


class AsyncActor:
    """An Actor for asyncio: `async with AsyncActor(Make, …) as actor: await actor.call("method")`.

    Arguments and errors are Actor's. Calls that are under way at once are carried out in the order in which they were
    made; cancelling one leaves it to the actor, and its result is forgotten.
    """

    def __init__(self, make: Callable[..., Any], *args: Any, process: bool = False,
                 context: zmq.Context[Any] | None = None, **kwargs: Any) -> None:
        self._host = Host(make, args, kwargs, process, context)
        self._core = self._host.core
        self._driver: AsyncDriver | None = None

    @property
    def pid(self) -> int | None:
        """The actor's process; None for a thread."""
        return self._host.pid

    async def start(self) -> Self:
        """Start the actor, and wait until its object is made."""
        driver = self._driver = AsyncDriver(self._core, [self._host.port], self._host.context)
        try:
            self._host.start(lambda reason: self._on_death(driver, reason))
            await outcome_of(self._core.ready, driver)
        except BaseException:
            await self._end()
            raise
        return self

    def _on_death(self, driver: AsyncDriver, reason: str) -> None:
        def later() -> None:
            driver.loop.call_later(0.2, self._core.die, reason)     # what it still said is read first

        with contextlib.suppress(RuntimeError):     # the loop has ended
            driver.loop.call_soon_threadsafe(later)

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the actor's object. Errors are Actor.call()'s; for a deadline, asyncio.wait_for()."""
        if self._driver is None:
            raise RuntimeError("the actor is not started: async with AsyncActor(...)")
        pending = self._core.start(method, args, kwargs)
        return await outcome_of(pending, self._driver)

    async def stop(self, timeout: float = STOP_TIMEOUT_S) -> None:
        """Let the actor finish its calls and end. Arguments and errors are Actor.stop()'s."""
        if self._driver is None or self._driver.closed:
            return
        if not self._core.ended.done:
            self._core.stop()
        try:
            await asyncio.wait_for(outcome_of(self._core.ended, self._driver), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError(f"the actor did not end in {timeout} s") from None
        finally:
            await self._end()

    async def _end(self) -> None:
        if not self._core.ended.done:
            self._host.kill()
        if self._driver is not None:
            await self._driver.close()
        if self._host.life is not None and (self._core.ended.done or self._host.process):
            await asyncio.get_running_loop().run_in_executor(None, self._host.join, STOP_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
