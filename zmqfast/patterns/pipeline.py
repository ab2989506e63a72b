"""Pipeline: a ventilator hands out tasks, workers carry them out, a sink takes the results; none is lost.

Tasks travel in chunks, each a message, which chunks.py makes of the tasks' frames. The ventilator keeps a
chunk until the sink says that its results were taken. A worker has credit for so many chunks at once, and keeps results
until the sink has them; the ventilator is never more than `window` chunks ahead of what was taken: memory stays bounded.

Messages, each frame after the kind; a chunk's id is the stream's eight bytes and its number:
    to the ventilator       R credit (a worker is ready), S stream (a sink is there), D id (received), T id
                            (taken), L id (below it all was taken), H, B
    from the ventilator     C id chunk… (carry out), N id (to the sink: the lowest that was not taken), E stream, H, W
    worker to sink          C id failures chunk…, failures being the JSON of the places of those that raised
    sink to worker          D id
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import functools
import inspect
import itertools
import json
import multiprocessing
import os
import secrets
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import zmqfast as zmq
from zmqfast.patterns import chunks
from zmqfast.patterns.codecs import BYTES, BYTES_ONLY, BodyError, Codec, find, signed_pickle
from zmqfast.patterns.drivers import AsyncRunner, Core, Driven, Pool, Port, Runner
from zmqfast.patterns.processes import end_with_parent
from zmqfast.patterns.remote import RemoteError, described

if TYPE_CHECKING:
    from typing_extensions import Buffer

HEARTBEAT_S = 1.0
LIVENESS = 3                # heartbeats that may be missing before the other side counts as dead

_CREDIT = struct.Struct("!H")
_NUMBER = struct.Struct("!Q")
_RECONNECT = {"reconnect_ivl": 50, "reconnect_ivl_max": 1000, "sndhwm": 0, "rcvhwm": 0}
_BOUND = {"router_mandatory": 1, "sndhwm": 0, "rcvhwm": 0}

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class StreamLost(RuntimeError):
    """The stream cannot be finished: the ventilator was restarted, or a chunk ended every worker that had it."""


class TaskFailed(RemoteError):
    """The worker's function raised: `kind` (the class's name), `text`, `traceback` as text."""


_FAILURES = (TaskFailed, BodyError)
_NOTHING = object()


def failure(error: BaseException) -> bytes:
    """What TaskFailed is made of."""
    return json.dumps(described(error)).encode()


class Progress(NamedTuple):
    """How far a ventilator is: items that were handed out and that the sink took; `total` if it is known."""

    sent: int
    taken: int
    total: int | None
    rate: float
    """Items taken, a second, since the first was handed out."""
    left_s: float | None
    """Estimated seconds until the end, if the total is known and something was taken."""


# -- ventilator -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Chunk:
    """Tasks that the sink has not taken yet."""

    frames: Sequence[Buffer]
    items: int
    worker: bytes | None = None
    received: bool = False
    attempts: int = 0       # workers that went while they were at it


@dataclass(slots=True)
class Hand:
    """A worker, as the ventilator knows it."""

    credit: int
    dead_at: float
    busy: dict[int, None] = field(default_factory=dict)     # the chunk that it is at first


class VentilatorCore(Core):
    """Which chunks are where, who has credit, and how far the sink is."""

    hears_heartbeats = True

    def __init__(self, codec: Codec, window: int, attempts: int | None, heartbeat: float) -> None:
        super().__init__()
        self.codec = codec
        self.window = window
        self.attempts = attempts
        self.heartbeat = heartbeat
        self.stream = secrets.token_bytes(8)
        self.chunks: dict[int, Chunk] = {}          # the lowest number first
        self.queue: deque[int] = deque()
        self.hands: dict[bytes, Hand] = {}
        self.sink = b""
        self.session = b""
        self.next_number = 0
        self.complete = False           # no more chunks will come
        self.ended = False              # the sink knows the end
        self.error: StreamLost | None = None
        self.beat_at = 0.0
        self.started_at = 0.0
        self.total: int | None = None
        self.sent = 0
        self.taken = 0
        self.handed_out_again = 0
        self.dead_workers = 0

    def wants(self) -> bool:
        """Whether one more chunk may come."""
        if self.ended or self.error is not None:
            return True
        return (not self.queue and self.next_number - next(iter(self.chunks), self.next_number) < self.window
                and any(len(hand.busy) < hand.credit for hand in self.hands.values()))

    def finished(self) -> bool:
        return self.ended or self.error is not None

    def all_taken(self) -> bool:
        return self.complete and not self.chunks

    def offer(self, items: Sequence[Any]) -> None:
        """One more chunk."""
        frames = self.codec.dump_all(items, f"a task from number {self.sent} on")
        self.started_at = self.started_at or time.monotonic()
        self.chunks[self.next_number] = Chunk(chunks.pack(frames), len(items))
        self.queue.append(self.next_number)
        self.next_number += 1
        self.sent += len(items)
        self._hand_out()

    def end(self) -> None:
        """No more chunks will come."""
        self.complete = True
        self._end_if_done()

    def progress(self) -> Progress:
        spent = time.monotonic() - self.started_at if self.started_at else 0.0
        rate = self.taken / spent if spent else 0.0
        left_s = (self.total - self.taken) / rate if self.total is not None and rate else None
        return Progress(self.sent, self.taken, self.total, rate, left_s)

    def _end_if_done(self) -> None:
        if self.all_taken() and self.sink:
            self.send("workers", [self.sink, b"E", self.stream])

    def _id(self, number: int) -> bytes:
        return self.stream + _NUMBER.pack(number)

    def _hand_out(self) -> None:
        free = sorted((len(hand.busy), name) for name, hand in self.hands.items() if len(hand.busy) < hand.credit)
        while self.queue and free:
            _, name = free.pop(0)
            number = self.queue.popleft()
            chunk = self.chunks[number]
            chunk.worker = name
            hand = self.hands[name]
            hand.busy[number] = None
            if len(hand.busy) < hand.credit:
                free.append((len(hand.busy), name))
            self.send("workers", [name, b"C", self._id(number), *chunk.frames])

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        name, kind, *rest = frames if len(frames) > 1 else (b"", b"")
        if kind == b"S" and rest:
            self._on_sink(name, rest[0])
        elif kind == b"R" and rest and len(rest[0]) == _CREDIT.size:
            if name in self.hands:
                self._lose(name)
            self.hands[name] = Hand(_CREDIT.unpack(rest[0])[0], 0.0)
            self.send("workers", [name, b"H"])
            self._hand_out()
        elif kind == b"L" and rest and rest[0][:8] == self.stream and name == self.sink:
            lowest = _NUMBER.unpack(rest[0][8:])[0]
            for number in [number for number in self.chunks if number < lowest]:
                self._on_progress(b"T", number)
        elif kind in (b"D", b"T") and rest and rest[0][:8] == self.stream and name == self.sink:
            self._on_progress(kind, _NUMBER.unpack(rest[0][8:])[0])
        elif kind == b"B":
            if name == self.sink:
                self.ended = True
            elif name in self.hands:
                self._lose(name)
        if name in self.hands:
            self.hands[name].dead_at = now + LIVENESS * self.heartbeat
        elif kind == b"H" and name != self.sink:
            self.send("workers", [name, b"W"])

    def _on_sink(self, name: bytes, session: bytes) -> None:
        self.sink = name
        if session != self.session:
            self.session = session
            # Results died with the sink, and what it told of them may have: all that was handed out is again.
            for hand in self.hands.values():
                hand.busy.clear()
            again = [number for number, chunk in self.chunks.items() if chunk.received or chunk.worker is not None]
            for number in reversed(again):
                chunk = self.chunks[number]
                chunk.received = False
                chunk.worker = None
                chunk.attempts = 0
                self.handed_out_again += 1
                self.queue.appendleft(number)
        lowest = next(iter(self.chunks), self.next_number)
        self.send("workers", [name, b"N", self._id(lowest)])
        self._hand_out()
        self._end_if_done()

    def _on_progress(self, kind: bytes, number: int) -> None:
        chunk = self.chunks.get(number)
        if chunk is None:
            return
        if chunk.worker in self.hands:
            self.hands[chunk.worker].busy.pop(number, None)
        if not chunk.received and chunk.worker is None:
            self.queue.remove(number)           # a worker that we took for dead was not
        chunk.received = True
        if kind == b"T":
            del self.chunks[number]
            self.taken += chunk.items
            self._end_if_done()
        self._hand_out()

    def _lose(self, name: bytes) -> None:
        """The worker is gone: others get what it had."""
        busy = self.hands.pop(name).busy
        at = next(iter(busy), None)
        for number in sorted(busy, reverse=True):
            chunk = self.chunks.get(number)
            if chunk is None or chunk.received or chunk.worker != name:
                continue
            chunk.attempts += number == at
            if chunk.attempts == self.attempts:
                self.error = StreamLost(f"{chunk.attempts} workers went while they were at the same {chunk.items} tasks")
                continue
            chunk.worker = None
            self.handed_out_again += 1
            self.queue.appendleft(number)
        self._hand_out()

    def on_time(self, now: float) -> float | None:
        if now < self.beat_at:
            return self.beat_at
        self.beat_at = now + self.heartbeat
        for name, hand in list(self.hands.items()):
            if hand.dead_at and now >= hand.dead_at:
                self.dead_workers += 1
                self._lose(name)
            else:
                self.send("workers", [name, b"H"])
        if self.sink:
            self.send("workers", [self.sink, b"H"])
            self._end_if_done()
        return self.beat_at

    def on_unreachable(self, port: str, frames: Sequence[Buffer]) -> None:
        name = bytes(frames[0])
        if name in self.hands:
            self.dead_workers += 1
            self._lose(name)

    def port(self, bind: str) -> Port:
        return Port("workers", zmq.ROUTER, bind=bind, options=_BOUND)


class Distributing(Driven):
    """What Ventilator and AsyncVentilator share."""

    def __init__(self, bind: str, *, codec: str | Codec = "bytes", chunk: int = 100, window: int = 1000,
                 attempts: int | None = 3, heartbeat: float = HEARTBEAT_S, context: zmq.Context[Any] | None = None) -> None:
        if attempts is not None and attempts < 1:
            raise ValueError(f"attempts={attempts}: a number of workers from 1 on, or None")
        self._core = VentilatorCore(find(codec), window, attempts, heartbeat)
        self._chunk = chunk
        super().__init__(self._core, [self._core.port(bind)], context, copy=not self._core.codec.zero_copy)

    @property
    def endpoint(self) -> str:
        """Where workers and the sink find it."""
        return self._driver.ports["workers"].bind

    @property
    def progress(self) -> Progress:
        """How far it is; from any thread."""
        return self._core.progress()

    @property
    def statistics(self) -> dict[str, int]:
        """Workers that are there, chunks that were handed out again, and workers that died or vanished."""
        return {"workers": len(self._core.hands), "handed_out_again": self._core.handed_out_again,
                "dead_workers": self._core.dead_workers}


class Ventilator(Distributing, Runner):
    """Hands out tasks: `with Ventilator(endpoint) as ventilator: ventilator.distribute(items)`.

    Args:
        bind: the endpoint to which workers and the sink connect.
        codec: of tasks; a name or a Codec.
        chunk: tasks in a message at most. More make small tasks cheaper, fewer spread large ones better.
        window: chunks that may be under way or wait in the sink.
        attempts: workers that may go while they are at the same chunk: then it is what ends them, and the stream is over. None
            where workers come and go for reasons of their own: any number.
        heartbeat: seconds between signs of life, both ways; whoever misses three counts as dead.
    """

    def distribute(self, items: Iterable[Any]) -> None:
        """Hand out every item, one stream for each Ventilator; returns when the sink has taken every result.

        Items are taken from the iterable as workers have room.

        Raises:
            StreamLost: a chunk ended `attempts` workers.
            BodyError: the codec cannot write an item.
        """
        core, driver = self._core, self._driver
        core.total = len(items) if isinstance(items, Sequence) else None
        tasks = iter(items)
        while not core.complete:
            driver.wait(core.wants)
            if core.finished():
                break
            some = list(itertools.islice(tasks, self._chunk))
            with driver.lock:
                if some:
                    core.offer(some)
                else:
                    core.end()
            driver.poke()
        try:
            driver.wait(core.finished)
        except RuntimeError:            # closed, by somebody who has seen the sink's end
            if not core.all_taken():
                raise
        if core.error is not None:
            raise core.error


class AsyncVentilator(Distributing, AsyncRunner):
    """A Ventilator for asyncio. Arguments and errors are Ventilator's."""

    async def distribute(self, items: Iterable[Any]) -> None:
        """Hand out every item. Arguments and errors are Ventilator.distribute()'s."""
        core = self._core
        core.total = len(items) if isinstance(items, Sequence) else None
        self._start()
        tasks = iter(items)
        while not core.complete:
            await self._driver.wait(core.wants)
            if core.finished():
                break
            if some := list(itertools.islice(tasks, self._chunk)):
                core.offer(some)
            else:
                core.end()
        try:
            await self._driver.wait(core.finished)
        except RuntimeError:            # closed, by somebody who has seen the sink's end
            if not core.all_taken():
                raise
        if core.error is not None:
            raise core.error


# -- worker ---------------------------------------------------------------------------------------------------------


class WorkerCore(Core):
    """Which chunks wait for the function, and which results the sink has not got yet."""

    hears_heartbeats = True

    def __init__(self, codec: Codec, results: Codec, credit: int, heartbeat: float) -> None:
        super().__init__()
        self.codec = codec
        self.results = results
        self.credit = credit
        self.heartbeat = heartbeat
        self.jobs: deque[tuple[bytes, list[Any]]] = deque()
        self.unreceived: dict[bytes, list[Any]] = {}
        self.sink_silent_at: float | None = None    # when it will have been silent for too long
        self.patience = LIVENESS * heartbeat
        self.dead_at = 0.0
        self.beat_at = 0.0
        self.leaving = False

    def _be_ready(self, now: float) -> None:
        self.send("ventilator", [b"R", _CREDIT.pack(self.credit)])
        self.dead_at = now + self.patience

    def on_time(self, now: float) -> float | None:
        if self.leaving:
            return None
        if self.dead_at == 0.0:
            self._be_ready(now)
        elif now >= self.dead_at:
            self.patience = min(2 * self.patience, 8 * LIVENESS * self.heartbeat)
            self.renew("ventilator")
            self._be_ready(now)
        if now >= self.beat_at:
            self.beat_at = now + self.heartbeat
            self.send("ventilator", [b"H"])
        if self.sink_silent_at is not None and now >= self.sink_silent_at:
            self.renew("sink")
            for message in self.unreceived.values():
                self.send("sink", message)
            self.sink_silent_at = now + LIVENESS * self.heartbeat
        return min(self.beat_at, self.dead_at, self.sink_silent_at or self.dead_at)

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        if port == "sink":
            if frames[0] == b"D" and len(frames) == 2:
                self.unreceived.pop(frames[1], None)
                self.sink_silent_at = now + LIVENESS * self.heartbeat if self.unreceived else None
            return
        self.patience = LIVENESS * self.heartbeat
        self.dead_at = now + self.patience
        if frames[0] == b"C" and len(frames) > 2:
            with contextlib.suppress(ValueError):       # a stranger's
                self.jobs.append((frames[1], chunks.unpack(frames[2:])))
        elif frames[0] == b"W":
            self._be_ready(now)

    def carry_out(self, function: Callable[[Any], Any], frames: list[Any]) -> list[Any]:
        """Failures and results of one chunk's tasks."""
        size, load = self.codec.frames, self.codec.load
        count = len(frames) // size
        tasks = iter(frames) if self.codec is BYTES else (
            builtins.map(load, zip(*[iter(frames)] * size), itertools.repeat("task")))
        results: list[Any] = []
        failed: dict[int, Buffer] = {}      # by place
        while len(results) < count:
            try:                            # as many at once as there are without an exception
                results.extend(builtins.map(function, tasks))
                if len(results) < count:
                    raise RuntimeError("the function raised StopIteration")
            except Exception as error:
                failed[len(results)] = failure(error)
                results.append(b"")
        return self._packed(results, failed)

    async def carry_out_at_once(self, function: Callable[[Any], Any], frames: list[Any]) -> list[Any]:
        """carry_out() of a coroutine function, or of one that returns at once: all tasks of a chunk are under way together."""
        size = self.codec.frames

        async def carry_out_one(place: int) -> Any:
            result = function(self.codec.load(frames[place:place + size], "task"))
            return await result if inspect.isawaitable(result) else result

        results = await asyncio.gather(*builtins.map(carry_out_one, range(0, len(frames), size)), return_exceptions=True)
        failed: dict[int, Buffer] = {}
        for place, result in enumerate(results):
            if isinstance(result, BaseException):
                failed[place] = failure(result)
        return self._packed([b"" if place in failed else result for place, result in enumerate(results)], failed)

    def _packed(self, results: list[Any], failed: dict[int, Buffer]) -> list[Any]:
        found: list[Buffer] = results
        plain = self.results is BYTES and BYTES_ONLY.issuperset(builtins.map(type, results))
        if not plain:
            found = []
            for place, result in enumerate(results):
                if place not in failed:
                    try:
                        found += self.results.dump(result, "result")
                        continue
                    except BodyError as error:
                        failed[place] = failure(error)
                found += [b""] * self.results.frames
        for place, text in failed.items():
            found[place * self.results.frames] = text
        return [json.dumps(sorted(failed)).encode() if failed else b"", *chunks.pack(found, plain=plain)]

    def finish(self, chunk: bytes, results: list[Any]) -> None:
        """Give the sink the results of a chunk."""
        message = self.unreceived[chunk] = [b"C", chunk, *results]
        if self.sink_silent_at is None:
            self.sink_silent_at = time.monotonic() + LIVENESS * self.heartbeat
        self.send("sink", message)

    def leave(self) -> None:
        """Tell the ventilator, which gives to others what we have."""
        self.leaving = True
        self.send("ventilator", [b"B"])

    def ports(self, ventilator: str, sink: str) -> list[Port]:
        return [Port("ventilator", zmq.DEALER, connect=[ventilator], options=_RECONNECT),
                Port("sink", zmq.DEALER, connect=[sink], options=_RECONNECT)]


class Working(Driven):
    """What Worker and AsyncWorker share."""

    def __init__(self, ventilator: str, sink: str, function: Callable[[Any], Any], *, codec: str | Codec = "bytes",
                 results: str | Codec | None = None, credit: int = 2, heartbeat: float = HEARTBEAT_S,
                 context: zmq.Context[Any] | None = None) -> None:
        tasks = find(codec)
        self._core = WorkerCore(tasks, tasks if results is None else find(results), credit, heartbeat)
        self._function = function
        lent = tasks.zero_copy or self._core.results.zero_copy
        super().__init__(self._core, self._core.ports(ventilator, sink), context, copy=not lent)


class Worker(Working, Runner):
    """Carries out tasks, one after the other: `Worker(ventilator, sink, function).run()`.

    What the function raises is the sink's TaskFailed in that task's place.

    Args:
        ventilator, sink: the endpoints that they bind.
        function: task to result; it runs in a thread of its own.
        codec, results: of tasks and of results; `results` is `codec` when None.
        credit: chunks that it may have at once.
        heartbeat: seconds; the ventilator's.
    """

    def run(self) -> None:
        """Carry out tasks until stop() is called, or Ctrl-C raises KeyboardInterrupt; then close."""
        self._pool = Pool(self._driver, self._core.jobs, self._carry_out, 1, "zmqfast.worker")
        super().run()

    def _carry_out(self, job: tuple[bytes, list[Any]]) -> None:
        chunk, frames = job
        results = self._core.carry_out(self._function, frames)
        with self._driver.lock:
            self._core.finish(chunk, results)

    def _last_words(self) -> None:
        self._core.leave()


class AsyncWorker(Working, AsyncRunner):
    """A Worker for asyncio: its function is a coroutine function, or a plain one that returns at once.

    A chunk's tasks are under way together, one chunk after the other. Arguments are Worker's.
    """

    _carrying: asyncio.Task[None] | None = None

    def _start(self) -> None:
        super()._start()
        if self._carrying is None:
            self._carrying = asyncio.ensure_future(self._carry_out())

    async def _carry_out(self) -> None:
        core, driver = self._core, self._driver
        while True:
            await driver.wait(lambda: bool(core.jobs))
            chunk, frames = core.jobs.popleft()
            core.finish(chunk, await core.carry_out_at_once(self._function, frames))
            driver.pump()

    async def _finish(self) -> None:
        if self._carrying is not None:
            self._carrying.cancel()
            await asyncio.gather(self._carrying, return_exceptions=True)
        self._core.leave()
        self._driver.pump()
        await super()._finish()


# -- sink -----------------------------------------------------------------------------------------------------------


class Raising:
    """Iterates over results; one that is a failure is raised, and the next comes after it."""

    def __init__(self, results: Iterable[Any]) -> None:
        self._results = iter(results)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        result = next(self._results)
        if type(result) in _FAILURES:
            raise result
        return result


class SinkCore(Core):
    """Which results came, which were taken, and whether it is the end."""

    hears_heartbeats = True

    def __init__(self, codec: Codec, ordered: bool, heartbeat: float) -> None:
        super().__init__()
        self.codec = codec
        self.ordered = ordered
        self.heartbeat = heartbeat
        self.session = secrets.token_bytes(8)
        self.stream: bytes | None = None
        self.lowest = 0                             # below it everything was taken
        self.seen: set[int] = set()                 # what came, from there on
        self.waiting: dict[int, list[Any]] = {}     # what was not taken, in the order of coming
        self.ended = False
        self.error: StreamLost | None = None
        self.duplicates = 0
        self.patience = LIVENESS * heartbeat
        self.dead_at = 0.0
        self.beat_at = 0.0

    def on_time(self, now: float) -> float | None:
        if self.dead_at == 0.0 or now >= self.dead_at:
            if self.dead_at:
                self.patience = min(2 * self.patience, 8 * LIVENESS * self.heartbeat)
                self.renew("ventilator")
            self.send("ventilator", [b"S", self.session])
            self._tell(b"L", self.lowest)           # what it may not have heard
            for number in self.seen:
                self._tell(b"D" if number in self.waiting else b"T", number)
            self.dead_at = now + self.patience
        return self.dead_at

    def _tell(self, kind: bytes, number: int) -> None:
        if self.stream is not None:
            self.send("ventilator", [kind, self.stream + _NUMBER.pack(number)])

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        if port == "ventilator":
            self.patience = LIVENESS * self.heartbeat
            self.dead_at = now + self.patience
            if frames[0] == b"N" and len(frames) == 2:
                self._on_stream(frames[1][:8], _NUMBER.unpack(frames[1][8:])[0])
            elif frames[0] == b"E" and frames[1:] == [self.stream]:
                self.ended = True
                self.send("ventilator", [b"B"])
        elif len(frames) >= 5 and frames[1] == b"C" and len(frames[2]) == 16:
            with contextlib.suppress(ValueError):       # a stranger's
                self._on_results(frames[0], frames[2], [frames[3], *chunks.unpack(frames[4:])])

    def _on_stream(self, stream: bytes, lowest: int) -> None:
        if self.stream is not None and stream != self.stream:
            self.error = StreamLost("the ventilator was restarted: its stream ended without an end")
            return
        self.stream = stream
        self.lowest = max(self.lowest, lowest)
        self.seen = {number for number in self.seen if number >= self.lowest}

    def _on_results(self, worker: bytes, chunk: bytes, results: list[Any]) -> None:
        if self.stream is None:
            return                                  # it will be sent again
        self.send("workers", [worker, b"D", chunk])
        if chunk[:8] != self.stream:
            return
        number = _NUMBER.unpack(chunk[8:])[0]
        if number < self.lowest or number in self.seen:
            self.duplicates += 1
        else:
            self.seen.add(number)
            self.waiting[number] = results
        self._tell(b"D" if number in self.waiting else b"T", number)

    def finished(self) -> bool:
        return self.error is not None or self.ended

    def has_results(self) -> bool:
        """Whether take() has an answer."""
        if self.finished():
            return True
        return self.lowest in self.waiting if self.ordered else bool(self.waiting)

    def take(self) -> Iterable[Any] | None:
        """The next chunk's results, of which failures are raised in their places; None at the end."""
        if not (self.waiting and (not self.ordered or self.lowest in self.waiting)):
            if self.error is not None:
                raise self.error
            return None
        number = self.lowest if self.ordered else next(iter(self.waiting))
        failures, *frames = self.waiting.pop(number)
        while self.lowest in self.seen and self.lowest not in self.waiting:
            self.seen.discard(self.lowest)
            self.lowest += 1
        self._tell(b"T", number)
        if self.codec is BYTES and not failures:
            return frames
        failed = set(json.loads(bytes(failures))) if failures else ()
        size, codec = self.codec.frames, self.codec
        found: list[Any] = []
        for place in range(0, len(frames), size):
            if failed and place // size in failed:
                found.append(TaskFailed(*json.loads(bytes(frames[place]))))
                continue
            try:
                found.append(codec.load(frames[place:place + size], "result"))
            except BodyError as error:
                failed = failed or {place // size}
                found.append(error)
        return Raising(found) if failed else found

    def ports(self, bind: str, ventilator: str) -> list[Port]:
        return [Port("workers", zmq.ROUTER, bind=bind, options=_BOUND),
                Port("ventilator", zmq.DEALER, connect=[ventilator], options=_RECONNECT)]


class Collecting(Driven):
    """What Sink and AsyncSink share."""

    def __init__(self, bind: str, ventilator: str, *, codec: str | Codec = "bytes", ordered: bool = False,
                 heartbeat: float = HEARTBEAT_S, context: zmq.Context[Any] | None = None) -> None:
        core = self._core = SinkCore(find(codec), ordered, heartbeat)
        super().__init__(core, core.ports(bind, ventilator), context, copy=not core.codec.zero_copy)

    @property
    def endpoint(self) -> str:
        """Where workers find it."""
        return self._driver.ports["workers"].bind

    @property
    def duplicates(self) -> int:
        """Chunks that came more than once; each counted once only."""
        return self._core.duplicates


class Sink(Collecting, Runner):
    """Takes the results: `with Sink(endpoint, ventilator) as sink: for result in sink: …` ends with the stream.

    Each task has exactly one result. A task that failed raises its TaskFailed, one that cannot be read its BodyError;
    the next `next()` goes on behind it.

    Args:
        bind: the endpoint to which workers connect.
        ventilator: the endpoint that the ventilator binds.
        codec: of results; a name or a Codec.
        ordered: in the order of the tasks, or as they come.
        heartbeat: seconds; the ventilator's.
    """

    def __iter__(self) -> Iterator[Any]:
        return self._results

    def __next__(self) -> Any:
        return next(self._results)

    @functools.cached_property
    def _results(self) -> Iterator[Any]:
        # Results go from a chunk's list to the user without a call in Python for each.
        return itertools.chain.from_iterable(builtins.iter(self._fetch, None))

    def _fetch(self) -> Iterable[Any] | None:
        """The next chunk's results; None at the end."""
        self._driver.wait(self._core.has_results)
        with self._driver.lock:
            found = self._core.take()
        self._driver.poke()
        return found


class AsyncSink(Collecting, AsyncRunner):
    """A Sink for asyncio: `async with AsyncSink(…) as sink: async for result in sink`. Arguments are Sink's."""

    _taken: Iterator[Any] = builtins.iter(())

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while (result := next(self._taken, _NOTHING)) is _NOTHING:
            await self._driver.wait(self._core.has_results)
            found = self._core.take()
            self._driver.pump()
            if found is None:
                raise StopAsyncIteration
            self._taken = iter(found)
        return result


# -- all of it in one line ------------------------------------------------------------------------------------------


def work(ventilator: str, sink: str, function: Callable[[Any], Any], key: bytes) -> None:
    """The main function of one of map()'s processes."""
    end_with_parent()
    Worker(ventilator, sink, function, codec=signed_pickle(key)).run()


def map(function: Callable[[ItemT], ResultT], items: Iterable[ItemT], *, workers: int | None = None,
        ordered: bool = True, chunk: int = 1) -> Iterator[ResultT]:
    """The results of `function` over `items`, by worker processes on this machine; a dead one is replaced.

    Items are taken from the iterable as workers have room, in another thread. Function, items and results are pickled.

    Args:
        workers: how many processes; as many as there are processors when None.
        ordered: in the order of the items, or as they come.
        chunk: items in a message at most.
    Raises:
        TaskFailed: the function raised; the rest is given up.
        StreamLost: a chunk ended three workers.
    """
    key = secrets.token_bytes(32)
    codec = signed_pickle(key)
    spawn = multiprocessing.get_context("spawn")
    with Ventilator("tcp://127.0.0.1:*", codec=codec, chunk=chunk) as ventilator, \
            Sink("tcp://127.0.0.1:*", ventilator.endpoint, codec=codec, ordered=ordered) as sink, \
            ThreadPoolExecutor(1, "zmqfast.map") as pool:

        def start() -> Any:
            process = spawn.Process(target=work, args=(ventilator.endpoint, sink.endpoint, function, key), daemon=True)
            process.start()
            return process

        processes = [start() for _ in range(workers or os.cpu_count() or 1)]
        distributed = pool.submit(ventilator.distribute, items)
        try:
            while True:
                while not sink._driver.wait(sink._core.has_results, HEARTBEAT_S / 2):
                    if distributed.done():
                        distributed.result()
                    processes = [process if process.is_alive() else start() for process in processes]
                if (found := sink._fetch()) is None:
                    break
                yield from found
            distributed.result()
        finally:
            ventilator._core.error = ventilator._core.error or StreamLost("given up")
            ventilator._driver.wake()
            for process in processes:
                process.kill()
                process.join()
