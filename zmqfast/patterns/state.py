"""State: a dictionary that lives in one place and is mirrored in others, with values that may have a time to live.

The owner numbers its changes as one topic, the state's name, and welcomes each replica with all there is; so a replica
that was cut off, or missed a change, asks again and is whole again. How followers join is said in feeds.py. A replica's
writes go up to the owner, again and again until it has confirmed them, and come back as everybody's changes.

Messages, each after topic and header:
    change      P or D (put, delete), ms to live (0: for ever), key, body…
    welcome     the owner's next number is the header's; then ms, key, body… of each entry
    confirmed   (to the writer's private topic) the number of its write
    upstream    W, the writer's id, then packed: this write's number, the lowest that is not confirmed, ms, the change's
                kind, and the key and each frame of the body behind its length
"""

from __future__ import annotations

import heapq
import itertools
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import zmqfast as zmq
from zmqfast.patterns.codecs import BodyError, Codec, find
from zmqfast.patterns.drivers import AsyncAttended, Attended, Driven, met_once
from zmqfast.patterns.feeds import (BEAT, DATA, HEADER, HEARTBEAT_S, HWM, PRIVATE, WELCOME, FollowerCore, SourceCore,
                                    encoded, feed_port, owned, source_port)

if TYPE_CHECKING:

    from typing_extensions import Buffer

WRITERS_AT_MOST = 10_000    # replicas of which the owner keeps what they wrote last
CONFIRMED = 4               # the kind of a header, beside those of feeds.py

PUT, DELETE = b"P", b"D"
_MS = struct.Struct("!Q")
_WRITE = struct.Struct("!QQQc")
_NUMBERS = struct.Struct("!QQ")
_LENGTH = struct.Struct("!I")


class NotConfirmed(TimeoutError):
    """The owner did not confirm a write in time: it may have been made, or be made later."""


class Gone:
    """What on_change is told instead of a value when a key has gone."""

    def __repr__(self) -> str:
        return "GONE"


GONE = Gone()
Changed = Callable[[str, Any], None]


def milliseconds(ttl: float | None) -> int:
    """Of a time to live in seconds; 0 is for ever.

    Raises:
        ValueError: it is not positive.
    """
    if ttl is None:
        return 0
    if not ttl > 0:
        raise ValueError(f"a time to live is more than 0 seconds, not {ttl}")
    return max(1, int(ttl * 1000))


class Entries:
    """Keys, their values as they travel, and when they end."""

    def __init__(self) -> None:
        self.frames: dict[str, Sequence[Any]] = {}
        self.ends: dict[str, float] = {}            # time.monotonic()
        self._heap: list[tuple[float, str]] = []    # every end there ever was, the next one first

    def put(self, key: str, frames: Sequence[Any], ms: int, now: float) -> None:
        self.frames[key] = frames
        self.ends.pop(key, None)
        if ms:
            self.ends[key] = now + ms / 1000
            heapq.heappush(self._heap, (self.ends[key], key))

    def delete(self, key: str) -> bool:
        self.ends.pop(key, None)
        return self.frames.pop(key, None) is not None

    def ended(self, now: float) -> tuple[list[str], float | None]:
        """The keys whose time is over, and when the next one's will be."""
        over: list[str] = []
        while self._heap:
            end, key = self._heap[0]
            if self.ends.get(key) == end:
                if end > now:
                    return over, end
                over.append(key)
            heapq.heappop(self._heap)
        return over, None

    def left_ms(self, key: str, now: float) -> int:
        end = self.ends.get(key)
        return 0 if end is None else max(1, int((end - now) * 1000))


# -- owner ----------------------------------------------------------------------------------------------------------


class StateCore(SourceCore):
    """The entries, their changes' numbers, and which writes were made."""

    def __init__(self, name: str, codec: Codec, heartbeat: float, on_change: Changed | None) -> None:
        super().__init__()
        self.topic = encoded(name)
        self.codec = codec
        self.heartbeat = heartbeat
        self.on_change = on_change
        self.entries = Entries()
        self.next = 1
        self.written: OrderedDict[bytes, int] = OrderedDict()   # by writer, its last write
        self.beat_at = 0.0
        self.wrong = 0

    def value(self, key: str) -> Any:
        return self.codec.load(self.entries.frames[key], key)

    def put(self, key: str, value: Any, ttl: float | None) -> None:
        ms, name = milliseconds(ttl), encoded(key)
        self._put(key, name, owned(self.codec.dump(value, key)), ms)

    def _put(self, key: str, name: bytes, frames: Sequence[Any], ms: int) -> None:
        self.entries.put(key, frames, ms, time.monotonic())
        self._publish(PUT, name, ms, frames)
        if self.on_change is not None:
            self.on_change(key, self.value(key))

    def delete(self, key: str) -> None:
        if not self.entries.delete(key):
            raise KeyError(key)
        self._publish(DELETE, encoded(key), 0, ())
        if self.on_change is not None:
            self.on_change(key, GONE)

    def _publish(self, kind: bytes, name: bytes, ms: int, frames: Sequence[Buffer]) -> None:
        header = self.header(self.next, DATA, self.codec.frames)
        self.next += 1
        self.send("followers", (self.topic, header, kind, _MS.pack(ms), name, *frames))

    def welcome(self, prefix: bytes) -> list[Buffer]:
        now = time.monotonic()
        if prefix != self.topic:
            return [self.header(0, BEAT, 0)]            # another state's replica
        welcome: list[Buffer] = [self.header(self.next, WELCOME, self.codec.frames)]
        for key, frames in self.entries.frames.items():
            welcome += _MS.pack(self.entries.left_ms(key, now)), key.encode(), *frames
        return welcome

    def on_word(self, kind: bytes, name: bytes, rest: bytes) -> None:
        if kind != b"W":
            return
        try:
            number, lowest, ms, what = _WRITE.unpack_from(rest)
            key, *frames = unpacked(rest[_WRITE.size:])
            text = key.decode()
            if len(frames) != (self.codec.frames if what == PUT else 0):
                raise ValueError(f"{len(frames)} frames")
        except (struct.error, ValueError):
            self.wrong += 1
            return
        last = self.written.get(name, lowest - 1)
        if number == last + 1:                  # those behind a missing one come again
            self._write(what, text, key, frames, ms)
            last = number
            self.written[name] = number
            if len(self.written) > WRITERS_AT_MOST:
                self.written.popitem(last=False)
        if number <= last:
            for private in self.followers.get(name, ()):
                self.send("followers", (private, self.header(number, CONFIRMED, 0)))

    def _write(self, what: bytes, key: str, name: bytes, frames: Sequence[bytes], ms: int) -> None:
        if what == PUT:
            try:
                self.codec.load(frames, key)
            except BodyError:
                self.wrong += 1                 # confirmed all the same: it would not get better
            else:
                self._put(key, name, frames, ms)
        elif key in self.entries.frames:
            self.delete(key)

    def on_time(self, now: float) -> float | None:
        over, due = self.entries.ended(now)
        for key in over:
            self.delete(key)
        if now >= self.beat_at:
            self.send("followers", (self.topic, self.header(self.next, BEAT, self.codec.frames)))
            self.beat_at = now + self.heartbeat
        return self.beat_at if due is None else min(due, self.beat_at)

    def statistics(self) -> dict[str, int]:
        return {"changes": self.next - 1, "entries": len(self.entries.frames), "replicas": len(self.followers),
                "left": self.left, "wrong": self.wrong}


def packed(frames: Sequence[Buffer]) -> bytes:
    """Frames in one."""
    return b"".join(part for frame in frames for part in (_LENGTH.pack(memoryview(frame).nbytes), bytes(frame)))


def unpacked(data: bytes) -> list[bytes]:
    """What was packed().

    Raises:
        ValueError, struct.error: nothing was.
    """
    frames, place = [], 0
    while place < len(data):
        place, end = place + _LENGTH.size, place + _LENGTH.size + _LENGTH.unpack_from(data, place)[0]
        if end > len(data):
            raise ValueError("a frame is longer than its message")
        frames.append(data[place:end])
        place = end
    if not frames:
        raise ValueError("no frames")
    return frames


# -- replica --------------------------------------------------------------------------------------------------------


class ReplicaCore(FollowerCore):
    """The entries as they were last heard of, and our writes that are not confirmed."""

    def __init__(self, name: str, codec: Codec, heartbeat: float, on_change: Changed | None) -> None:
        super().__init__(heartbeat)
        self.topic = encoded(name)
        self.codec = codec
        self.on_change = on_change
        self.entries = Entries()
        self.session = b""
        self.next = 0                               # number of the next change; 0 before the first welcome
        self.asked_at = self.heard_at = time.monotonic()
        self.missed = 0
        self.strange = 0
        self.writes: dict[int, bytes] = {}          # what is not confirmed, the lowest number first
        self.numbers_of_writes = itertools.count(1)
        self.write_again_at = 0.0
        self.resynchronized = 0
        self.follow(self.topic)

    def value(self, key: str) -> Any:
        return self.codec.load(self.entries.frames[key], key)

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        try:
            session, number, kind, size = HEADER.unpack(frames[1])
            if frames[0][:1] == PRIVATE:
                if self.is_ours(frames[0]):
                    self._on_private(session, number, kind, size, frames, now)
            elif frames[0] == self.topic:
                self.heard_at = now
                if session != self.session or number > self.next:
                    self._ask_for_all(now)
                elif number == self.next and kind == DATA:
                    ms, key = _MS.unpack(frames[3])[0], bytes(frames[4]).decode()
                    self.next += 1
                    self._on_change(frames[2], ms, key, frames[5:], now)
        except (IndexError, struct.error, UnicodeDecodeError):
            self.strange += 1

    def _on_private(self, session: bytes, number: int, kind: int, size: int, frames: list[Any], now: float) -> None:
        self.heard_at = now
        if kind == CONFIRMED:
            self.writes.pop(number, None)
        elif kind == WELCOME:
            self._on_welcome(session, number, size, frames[2:], now)
            self.join(frames[0], session)

    def _ask_for_all(self, now: float) -> None:
        """Something did not come, and what comes makes no sense without it."""
        if now >= self.asked_at + self.heartbeat:
            self.resynchronized += 1
            self.asked_at = now
            self.ask_again(self.topic)

    def _on_welcome(self, session: bytes, number: int, size: int, frames: Sequence[Any], now: float) -> None:
        if session == self.session:
            if number < self.next:
                return
            self.missed += number - self.next
        old, new = self.entries, Entries()
        for place in range(0, len(frames), 2 + size):
            key = bytes(frames[place + 1]).decode()
            new.put(key, frames[place + 2:place + 2 + size], _MS.unpack(frames[place])[0], now)
        self.session = session
        self.next = number
        self.entries = new          # whole, for whoever reads it in another thread
        if self.on_change is not None:
            for key in old.frames.keys() - new.frames.keys():
                self.on_change(key, GONE)
            for key, body in new.frames.items():
                if not same(old.frames.get(key), body):
                    self._tell(key)

    def _on_change(self, what: bytes, ms: int, key: str, frames: Sequence[Any], now: float) -> None:
        if what == PUT:
            self.entries.put(key, frames, ms, now)
            if self.on_change is not None:
                self._tell(key)
        elif self.entries.delete(key) and self.on_change is not None:
            self.on_change(key, GONE)

    def _tell(self, key: str) -> None:
        try:
            value = self.value(key)
        except BodyError as error:
            value = error
        assert self.on_change is not None
        self.on_change(key, value)

    def write(self, what: bytes, key: str, value: Any = None, ttl: float | None = None) -> int:
        """Ask the owner for a change; returns its number."""
        frames = self.codec.dump(value, key) if what == PUT else ()
        ms, name = milliseconds(ttl), encoded(key)
        number = next(self.numbers_of_writes)
        self.writes[number] = _MS.pack(ms) + what + packed((name, *frames))
        self._send_write(number)
        if len(self.writes) == 1:
            self.write_again_at = time.monotonic() + self.heartbeat
        return number

    def _send_write(self, number: int) -> None:
        lowest = next(iter(self.writes))
        self.send("feed", [b"W" + self.name + _NUMBERS.pack(number, lowest) + self.writes[number]])

    def on_time(self, now: float) -> float | None:
        over, due = self.entries.ended(now)
        for key in over:
            self.entries.delete(key)
            if self.on_change is not None:
                self.on_change(key, GONE)
        if self.writes:
            if now >= self.write_again_at:
                for number in self.writes:
                    self._send_write(number)
                self.write_again_at = now + self.heartbeat
            due = self.write_again_at if due is None else min(due, self.write_again_at)
        return due

    def statistics(self) -> dict[str, int]:
        return {"entries": len(self.entries.frames), "missed": self.missed, "resynchronized": self.resynchronized,
                "unconfirmed": len(self.writes), "strange": self.strange}


def same(one: Sequence[Any] | None, other: Sequence[Any]) -> bool:
    return one is not None and [bytes(frame) for frame in one] == [bytes(frame) for frame in other]


# -- what users have of both ----------------------------------------------------------------------------------------


class View(Mapping[str, Any]):
    """Reading the entries; each value is decoded when it is read.

    Raises:
        BodyError: the codec cannot read it.
    """

    _core: StateCore | ReplicaCore

    def __getitem__(self, key: str) -> Any:
        return self._core.value(key)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._core.entries.frames))

    def __len__(self) -> int:
        return len(self._core.entries.frames)

    @property
    def statistics(self) -> dict[str, int]:
        """What there is and what happened.

        Of a state: changes, entries, replicas that are here, that left, and writes that could not be read. Of a replica:
        entries, changes that it missed, how often it asked for all of it again, its writes that are not confirmed, and
        messages that are no State's.
        """
        return self._core.statistics()


class Owner(View, Driven):
    """What State and AsyncState share."""

    _core: StateCore

    def __init__(self, bind: str | None = None, *, connect: str | Sequence[str] = (), name: str = "state",
                 codec: str | Codec = "json", initial: Mapping[str, Any] | None = None,
                 on_change: Changed | None = None, hwm: int = HWM, heartbeat: float = HEARTBEAT_S,
                 context: zmq.Context[Any] | None = None) -> None:
        core = self._core = StateCore(name, find(codec), heartbeat, on_change)
        for key, value in (initial or {}).items():
            core.put(key, value, None)
        super().__init__(core, [source_port(bind, connect, "drop", hwm, 0.0)], context, copy=not core.codec.zero_copy)

    @property
    def endpoint(self) -> str:
        """Where replicas find it, if it binds."""
        return self._driver.ports["followers"].bind


class State(Owner, Attended, MutableMapping[str, Any]):
    """The owner of a replicated dictionary: `with State(endpoint) as state: state["key"] = value`. For every thread.

    Args:
        bind, connect: endpoints: where it is, or where a proxy is.
        name: states of one endpoint differ by it.
        codec: of values; a name or a Codec.
        initial: what it begins with.
        on_change: called with the key, and the value or GONE, of every change, by the thread that makes or hears of it. It
            must not wait; what it raises ends that thread, and close() raises it.
        heartbeat: seconds until replicas are told the newest number again.
    """

    def put(self, key: str, value: Any, ttl: float | None = None) -> None:
        """Set a key; with `ttl`, it goes by itself after so many seconds unless it is set again.

        Raises:
            BodyError: the codec cannot write the value.
            ValueError: the time to live is not positive.
        """
        with self._driver.lock:
            self._core.put(key, value, ttl)
        self._driver.poke()

    def __setitem__(self, key: str, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: str) -> None:
        with self._driver.lock:
            self._core.delete(key)
        self._driver.poke()


class AsyncState(Owner, AsyncAttended, MutableMapping[str, Any]):
    """A State for asyncio: make it in the loop, and use it there. Arguments and errors are State's."""

    def put(self, key: str, value: Any, ttl: float | None = None) -> None:
        """Set a key. Arguments and errors are State.put()'s."""
        self._core.put(key, value, ttl)
        self._driver.pump()

    def __setitem__(self, key: str, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: str) -> None:
        self._core.delete(key)
        self._driver.pump()



class Mirror(View, Driven):
    """What Replica and AsyncReplica share."""

    _core: ReplicaCore

    def __init__(self, connect: str | Sequence[str] = (), *, bind: str | None = None, name: str = "state",
                 codec: str | Codec = "json", timeout: float = 5.0, on_change: Changed | None = None, hwm: int = HWM,
                 heartbeat: float = HEARTBEAT_S, context: zmq.Context[Any] | None = None) -> None:
        core = self._core = ReplicaCore(name, find(codec), heartbeat, on_change)
        self._timeout = timeout
        super().__init__(core, [feed_port(bind, connect, hwm)], context, copy=not core.codec.zero_copy)

    @property
    def silent_s(self) -> float:
        """Seconds since the owner was heard; it is at least once in each of its heartbeats."""
        return time.monotonic() - self._core.heard_at


class Replica(Mirror, Attended, MutableMapping[str, Any]):
    """A mirror of a State: read it like a dictionary; what is written goes to the owner. For every thread.

    Args:
        connect, bind: endpoints of the owner or a proxy.
        name: the state's.
        codec: of values; the owner's.
        timeout: seconds that a write waits for the owner, unless it says otherwise.
        on_change: as State's, by a thread of its own; a value that the codec cannot read is its BodyError.
        heartbeat: seconds after which something that did not come is asked for again.
    """

    def wait_ready(self, timeout: float | None = None) -> None:
        """Return once it has all that the owner has.

        Raises:
            TimeoutError: the owner was not heard within `timeout` seconds.
        """
        if not self._driver.wait(lambda: self._core.next > 0, timeout):
            raise TimeoutError(f"state {self._core.topic.decode()!r} was not there after {timeout} s")

    def wait_for(self, condition: Callable[[Mapping[str, Any]], bool], timeout: float | None = None) -> None:
        """Return once `condition(self)` was true; it is asked when changes have come, by any thread, and must not wait.

        Raises:
            TimeoutError: it was not within `timeout` seconds.
        """
        if not self._driver.wait(met_once(lambda: condition(self)), timeout):
            raise TimeoutError(f"the condition was not met after {timeout} s")

    def put(self, key: str, value: Any, ttl: float | None = None, timeout: float | None = None) -> None:
        """Let the owner set a key; returns when it has, and this replica has it as well.

        Raises:
            NotConfirmed: it did not say so in time: it may have, or will.
            BodyError, ValueError: as State.put().
        """
        self._write(timeout, PUT, key, value, ttl)

    def delete(self, key: str, timeout: float | None = None) -> None:
        """Let the owner delete a key, if it is there. Errors are put()'s."""
        self._write(timeout, DELETE, key)

    def _write(self, timeout: float | None, *change: Any) -> None:
        core = self._core
        with self._driver.lock:
            number = core.write(*change)
        self._driver.poke()
        timeout = self._timeout if timeout is None else timeout
        if not self._driver.wait(lambda: number not in core.writes, timeout):
            raise NotConfirmed(f"{change[1]}: the owner did not confirm it within {timeout} s")

    def __setitem__(self, key: str, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self.delete(key)


class AsyncReplica(Mirror, AsyncAttended):
    """A Replica for asyncio: make it in the loop, and use it there; put() and delete() are awaited.

    Arguments and errors are Replica's.
    """

    async def wait_ready(self, timeout: float | None = None) -> None:
        """Return once it has all that the owner has. Errors are Replica.wait_ready()'s."""
        if not await self._driver.wait(lambda: self._core.next > 0, timeout):
            raise TimeoutError(f"state {self._core.topic.decode()!r} was not there after {timeout} s")

    async def wait_for(self, condition: Callable[[Mapping[str, Any]], bool], timeout: float | None = None) -> None:
        """Return once `condition(self)` is true. Errors are Replica.wait_for()'s."""
        if not await self._driver.wait(met_once(lambda: condition(self)), timeout):
            raise TimeoutError(f"the condition was not met after {timeout} s")

    async def put(self, key: str, value: Any, ttl: float | None = None, timeout: float | None = None) -> None:
        """Let the owner set a key. Errors are Replica.put()'s."""
        await self._write(timeout, PUT, key, value, ttl)

    async def delete(self, key: str, timeout: float | None = None) -> None:
        """Let the owner delete a key, if it is there. Errors are Replica.put()'s."""
        await self._write(timeout, DELETE, key)

    async def _write(self, timeout: float | None, *change: Any) -> None:
        core = self._core
        number = core.write(*change)
        timeout = self._timeout if timeout is None else timeout
        if not await self._driver.wait(lambda: number not in core.writes, timeout):
            raise NotConfirmed(f"{change[1]}: the owner did not confirm it within {timeout} s")
