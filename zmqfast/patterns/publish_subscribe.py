"""Publish-subscribe: topics and bodies to all who want them; nothing is lost at the start, and later losses are counted.

Every topic has numbers of its own, so that a subscriber knows how many messages it missed, also the last ones: each
beat tells the numbers of what was published since the one before. How subscribers join, and what the messages are, is
said in feeds.py. A welcome holds, for each topic, a message: the newest one where last values are kept, else a beat.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal

import zmqfast as zmq
from zmqfast.patterns.codecs import BYTES, BYTES_ONLY, BodyError, Codec, find
from zmqfast.patterns.drivers import LOOK_AGAIN_S, AsyncAttended, Attended, Driven, met_once
from zmqfast.patterns.feeds import (BEAT, DATA, HEADER, HEARTBEAT_S, HWM, PACKED, PATIENCE_S, PRIVATE, WELCOME,
                                    FollowerCore, Slow, SourceCore, encoded, entries, feed_port, owned, packed,
                                    source_port, unpacked)

if TYPE_CHECKING:
    from typing_extensions import Buffer

TOLD_EACH_BEAT = 100        # topics without news whose numbers are told again, in turns
IN_A_ROW = 100              # messages sent without waiting, before the loop's other tasks get their turn
QUEUED_AT_MOST = 10_000     # messages taken from the socket that an AsyncSubscriber's user has not

Bodies = tuple[int, int, Sequence["Buffer"], Sequence["Buffer"]]      # how many, kind, frames, those of the last one
Send = Callable[[str, Sequence["Buffer"]], bool]
Keep = Literal["all", "newest", "topic"] | Callable[[str, Any], Hashable]
Item = tuple[str, Any]


# -- publisher ------------------------------------------------------------------------------------------------------


class Topic:
    """A topic as its publisher knows it."""

    __slots__ = ("name", "next", "changed", "last", "gathered")

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.next = 1
        self.changed = False
        self.last: Sequence[Buffer] | None = None
        self.gathered: list[Buffer] = []        # frames of bodies that wait for others, so that one message takes them


class PublisherCore(SourceCore):
    """The topics' numbers and last values."""

    def __init__(self, codec: Codec, keep_last: bool, chunk: int, gather: float, heartbeat: float) -> None:
        super().__init__()
        if chunk < 1:
            raise ValueError(f"chunk is at least 1, not {chunk}")
        self.codec = codec
        self.size = codec.frames
        self.plain = codec is BYTES
        self.keep_last = keep_last
        self.chunk = chunk
        self.gather_s = gather
        self.gathering: list[Topic] = []
        self.gathered_at = 0.0
        self.heartbeat = heartbeat
        self.topics: dict[str, Topic] = {}
        self.changed: list[Topic] = []
        self.turns: Iterator[Topic] = iter(())
        self.beat_at = 0.0
        self.published = 0

    def topic(self, name: str) -> Topic:
        topic = self.topics.get(name)
        if topic is None:
            topic = self.topics[name] = Topic(encoded(name))
        return topic

    def body(self, value: Any, topic: str) -> Bodies:
        """One body as it travels.

        Raises:
            BodyError: the codec cannot write it.
        """
        frames = (value,) if self.plain and type(value) is bytes else self.codec.dump(value, topic)
        return 1, DATA, frames, frames

    def bodies(self, values: Sequence[Any], topic: str) -> Bodies:
        """Some bodies as they travel. Errors are body()'s."""
        plain = self.plain and BYTES_ONLY.issuperset(map(type, values))
        return self._bodies(len(values), values if plain else self.codec.dump_all(values, topic), plain)

    def _bodies(self, count: int, frames: Sequence[Buffer], plain: bool = False) -> Bodies:
        kind, together = packed(frames, self.size, plain)
        return count, kind, together, frames[-self.size:]

    def publish(self, topic: Topic, bodies: Bodies, send: Send) -> bool:
        """Send what was gathered, then these; returns whether there was room for all of it."""
        if topic.gathered and not self.publish_gathered(topic, send):
            return False
        count, kind, frames, last = bodies
        if not send("followers", (topic.name, HEADER.pack(self.session, topic.next, kind, self.size), *frames)):
            return False
        topic.next += count
        self.published += count
        if not topic.changed:
            topic.changed = True
            self.changed.append(topic)
        if self.keep_last:
            topic.last = owned(last)
        return True

    def publish_gathered(self, topic: Topic, send: Send) -> bool:
        """Send what was gathered; returns whether there was room."""
        gathered = topic.gathered
        if gathered:
            topic.gathered = []
            if not self.publish(topic, self._bodies(len(gathered) // self.size, gathered), send):
                topic.gathered = gathered
                return False
        return True

    def owned(self, value: Any, topic: str) -> Sequence[Buffer]:
        """The frames of a body that may wait. Errors are body()'s."""
        return (value,) if self.plain and type(value) is bytes else owned(self.codec.dump(value, topic))

    def gather(self, topic: Topic, frames: Sequence[Buffer]) -> bool:
        """One more body that may wait for others; returns whether they are enough for a message."""
        if not topic.gathered:
            if not self.gathering:
                self.gathered_at = time.monotonic() + self.gather_s
            self.gathering.append(topic)
        topic.gathered += frames
        return len(topic.gathered) >= self.chunk * self.size

    def take_back(self, topic: Topic, frames: Sequence[Buffer]) -> bool:
        """Forget a body that still waits; returns whether it did."""
        for place in range(len(topic.gathered) - self.size, -1, -self.size):
            if topic.gathered[place] is frames[0]:
                del topic.gathered[place:place + self.size]
                return True
        return False

    def send_gathered(self) -> None:
        for topic in self.gathering:
            self.publish_gathered(topic, self._queue)
        self.gathering = []

    def _queue(self, port: str, frames: Sequence[Buffer]) -> bool:
        self.send(port, frames)
        return True

    def welcome(self, prefix: bytes) -> list[Buffer]:
        frames: list[Buffer] = [self.header(0, WELCOME, self.size)]
        for topic in self.topics.values():
            if topic.name.startswith(prefix):
                if topic.last is None:
                    frames += topic.name, self.header(topic.next, BEAT, self.size)
                else:
                    frames += topic.name, self.header(topic.next - 1, DATA, self.size), *topic.last
        return frames

    def beat(self) -> None:
        """Tell the numbers of what was published since the last beat, and of some other topics in turns."""
        if self.outbox.get("followers"):
            return                          # there is no room for messages, so none for beats
        told = self.changed
        self.changed = []
        for topic in told:
            topic.changed = False
        turns = list(itertools.islice(self.turns, TOLD_EACH_BEAT))
        if len(turns) < TOLD_EACH_BEAT:
            self.turns = iter(list(self.topics.values()))
        for topic in itertools.chain(told, turns):
            self.send("followers", (topic.name, self.header(topic.next, BEAT, self.size)))

    def on_time(self, now: float) -> float | None:
        if self.gathering and now >= self.gathered_at:
            if self.outbox.get("followers"):
                self.gathered_at = now + max(LOOK_AGAIN_S, self.gather_s)
            else:
                self.send_gathered()
        if now >= self.beat_at:
            if self.beat_at:
                self.beat()
            self.beat_at = now + self.heartbeat
        return min(self.beat_at, self.gathered_at) if self.gathering else self.beat_at

    def last_words(self) -> None:
        """What is told at the end."""
        self.send_gathered()
        self.beat()

    def statistics(self) -> dict[str, int]:
        return {"published": self.published, "topics": len(self.topics), "subscribers": len(self.followers),
                "left": self.left, "lost": self.lost()}


class Publishing(Driven):
    """What Publisher and AsyncPublisher share."""

    def __init__(self, bind: str | None = None, *, connect: str | Sequence[str] = (), codec: str | Codec = "bytes",
                 keep_last: bool = False, slow: Slow = "drop", hwm: int = HWM, patience: float = PATIENCE_S,
                 chunk: int = 100, gather: float = 0.0, heartbeat: float = HEARTBEAT_S,
                 context: zmq.Context[Any] | None = None) -> None:
        core = self._core = PublisherCore(find(codec), keep_last, chunk, gather, heartbeat)
        port = source_port(bind, connect, slow, hwm, patience)
        super().__init__(core, [port], context, copy=not core.codec.zero_copy)

    @property
    def endpoint(self) -> str:
        """Where subscribers find it, if it binds."""
        return self._driver.ports["followers"].bind


class Publisher(Publishing, Attended):
    """Publishes bodies under topics. Use from any thread: `with Publisher(endpoint) as publisher: publisher.publish(…)`.

    Args:
        bind, connect: endpoints: where it is, or where a proxy is.
        codec: of bodies; a name or a Codec.
        keep_last: whoever joins gets the newest message of each of its topics.
        slow: what happens to a subscriber for which `hwm` messages wait: "drop" what it has no room for, which it
            counts; "block" until it has room, and everybody else with it; "disconnect" it (tcp only) once it has taken
            nothing for `patience` seconds, until which it loses as with "drop".
        hwm: messages that may wait for each subscriber here; more are in the system's buffers, and on its own side.
        patience: seconds.
        chunk: bodies in one message at most.
        gather: seconds; a body of publish() may wait so long for others of its topic, which makes many small ones far
            cheaper. With 0 each goes at once, and only publish_many() has several in a message.
        heartbeat: seconds until the newest numbers are told.
    """

    @property
    def statistics(self) -> dict[str, int]:
        """Bodies published, topics, Subscribers that are here, that left, and what they said that they lost."""
        with self._driver.lock:
            return self._core.statistics()

    def publish(self, topic: str, body: Any, *, timeout: float | None = None) -> None:
        """Send one body, at once unless the publisher gathers.

        Args:
            timeout: seconds, with slow="block"; None is for ever.
        Raises:
            TimeoutError: somebody had no room in time; nobody got it.
            BodyError: the codec cannot write it.
            RuntimeError: closed.
        """
        core, driver = self._core, self._driver
        if not core.gather_s:
            self._publish(topic, core.body(body, topic), timeout)
            return
        with driver.lock:
            idle = not core.gathering
            entry = core.topics.get(topic) or core.topic(topic)
            frames = core.owned(body, topic)
            full = core.gather(entry, frames)
            if full and core.publish_gathered(entry, driver.send_now):
                return
        if full:
            try:
                self._wait_for_room(topic, partial(core.publish_gathered, entry, driver.send_now), timeout)
            except TimeoutError:
                with driver.lock:
                    if not core.take_back(entry, frames):
                        return          # it went at the last moment
                raise
        elif idle:
            driver.wake()               # its thread has to come back sooner than it meant to

    def publish_many(self, topic: str, bodies: Iterable[Any], *, timeout: float | None = None) -> None:
        """Send many bodies, `chunk` of them in a message, which costs far less. Arguments and errors: publish().

        Each chunk is published or not; `timeout` is for each.
        """
        for some in chunks(bodies, self._core.chunk):
            self._publish(topic, self._core.bodies(some, topic), timeout)

    def _publish(self, topic: str, bodies: Bodies, timeout: float | None) -> None:
        core, driver = self._core, self._driver
        driver.lock.acquire()       # not by `with`, which costs twice as much
        try:
            entry = core.topics.get(topic) or core.topic(topic)
            if core.publish(entry, bodies, driver.send_now):
                return
        finally:
            driver.lock.release()
        self._wait_for_room(topic, partial(core.publish, entry, bodies, driver.send_now), timeout)

    def _wait_for_room(self, topic: str, publish: Callable[[], bool], timeout: float | None) -> None:
        driver = self._driver
        if not driver.wait(met_once(lambda: not driver.closed and publish()), timeout):
            raise TimeoutError(f"{topic}: a subscriber has no room after {timeout} s")

    def wait_for_subscribers(self, count: int = 1, topic: str | None = None,
                             timeout: float | None = None) -> None:
        """Return once so many have subscribed to the topic, or to any: what is published then reaches them all.

        Subscribers count once each, also behind proxies; plain SUB sockets of this publisher count, too.

        Raises:
            TimeoutError: not so many within `timeout` seconds.
        """
        name = None if topic is None else encoded(topic)
        if not self._driver.wait(met_once(lambda: self._core.count(name) >= count), timeout):
            raise TimeoutError(missing(self._core, name, count, timeout))

    def close(self) -> None:
        """Tell the last numbers and close; what is unsent has half a second. Safe to repeat."""
        with self._driver.lock:
            if not self._driver.closed:
                self._core.last_words()
                self._driver.flush()
        super().close()


class AsyncPublisher(Publishing, AsyncAttended):
    """A Publisher for asyncio: make it in the loop. Arguments and errors are Publisher's."""

    _in_a_row = 0

    @property
    def statistics(self) -> dict[str, int]:
        """As Publisher.statistics."""
        return self._core.statistics()

    async def publish(self, topic: str, body: Any, *, timeout: float | None = None) -> None:
        """Send one body. Arguments and errors: Publisher.publish()."""
        core = self._core
        entry = core.topics.get(topic) or core.topic(topic)
        if not core.gather_s:
            await self._publish(topic, partial(core.publish, entry, core.body(body, topic), self._driver.send_now), timeout)
            return
        idle = not core.gathering
        frames = core.owned(body, topic)
        if core.gather(entry, frames):
            try:
                await self._publish(topic, partial(core.publish_gathered, entry, self._driver.send_now), timeout)
            except TimeoutError:
                if core.take_back(entry, frames):
                    raise
        elif idle:
            self._driver.pump()         # sets the timer

    async def publish_many(self, topic: str, bodies: Iterable[Any], *, timeout: float | None = None) -> None:
        """Send many bodies, `chunk` of them in a message. Arguments and errors: Publisher.publish_many()."""
        core = self._core
        for some in chunks(bodies, core.chunk):
            entry = core.topics.get(topic) or core.topic(topic)
            await self._publish(topic, partial(core.publish, entry, core.bodies(some, topic), self._driver.send_now), timeout)

    async def _publish(self, topic: str, publish: Callable[[], bool], timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not publish():
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"{topic}: a subscriber has no room after {timeout} s")
            await asyncio.sleep(LOOK_AGAIN_S)
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)

    async def wait_for_subscribers(self, count: int = 1, topic: str | None = None,
                                   timeout: float | None = None) -> None:
        """Return once so many have subscribed. Arguments and errors: Publisher.wait_for_subscribers()."""
        name = None if topic is None else encoded(topic)
        if not await self._driver.wait(met_once(lambda: self._core.count(name) >= count), timeout):
            raise TimeoutError(missing(self._core, name, count, timeout))

    async def close(self) -> None:
        """Tell the last numbers and close; what is unsent has half a second. Safe to repeat."""
        if not self._driver.closed:
            self._core.last_words()
            self._driver.pump()
        await super().close()


def chunks(bodies: Iterable[Any], size: int) -> Iterator[Sequence[Any]]:
    if isinstance(bodies, (list, tuple)):
        for place in range(0, len(bodies), size):
            yield bodies[place:place + size]
        return
    items = iter(bodies)
    while some := list(itertools.islice(items, size)):
        yield some


def missing(core: SourceCore, topic: bytes | None, count: int, timeout: float | None) -> str:
    to = "" if topic is None else f" to {topic.decode()!r}"
    return f"{core.count(topic)} of {count} subscribers{to} were there after {timeout} s"


# -- subscriber -----------------------------------------------------------------------------------------------------


class SubscriberCore(FollowerCore):
    """What came and was not taken yet: all of it in `ready`, or the newest of each key in `newest`."""

    def __init__(self, codec: Codec, keep: Keep, on_wrong: Callable[[BodyError], None] | None, enough: int,
                 heartbeat: float) -> None:
        super().__init__(heartbeat)
        if not (keep in ("all", "newest", "topic") or callable(keep)):
            raise ValueError(f"keep is 'all', 'newest', 'topic' or a function, not {keep!r}")
        self.codec = codec
        self.keep = keep
        self.plain = codec is BYTES and keep == "all"           # what comes is what is taken
        self.on_wrong = on_wrong
        self.names: dict[bytes, str] = {}
        self.ready: deque[list[Item] | BodyError] = deque()
        self.current: Iterator[Item] = iter(())                 # of what was in `ready`
        self.newest: OrderedDict[Hashable, tuple[str, Any]] = OrderedDict()
        self.received = 0
        self.conflated = 0
        self.wrong = 0
        self.repeated = 0
        self.enough = enough                                    # items, after which nothing more is read for now
        self.queued = 0
        self.unsorted = False                                   # errors are among what was taken

    def follow_all(self, topics: str | Sequence[str]) -> None:
        for topic in [topics] if isinstance(topics, str) else topics:
            self.follow(encoded(topic))

    def has_ready(self) -> bool:
        return bool(self.ready or self.newest)

    def statistics(self) -> dict[str, int]:
        return {"received": self.received, "lost": self.lost_in_all, "gaps": self.gaps, "conflated": self.conflated,
                "wrong": self.wrong, "repeated": self.repeated, "publishers": len(self.numbers)}

    # what comes in

    def on_messages(self, port: str, messages: list[list[Any]], now: float) -> None:
        taken: list[Any] = []
        add, unpack, names = taken.append, HEADER.unpack, self.names
        last: bytes | None = None
        numbers: dict[bytes, int] = {}
        for frames in messages if self.plain else ():       # one body that is due, with as little as can be done
            try:
                topic, header, body = frames
                session, number, kind, size = unpack(header)
                if session != last:
                    last, numbers = session, self.numbers_of(session)
                if kind == DATA and size == 1 and numbers[topic] == number:
                    add((names[topic], body))
                    numbers[topic] = number + 1
                    continue
            except (ValueError, KeyError, struct.error):    # anything else
                pass
            self._take_any(taken, frames)
        for frames in () if self.plain else messages:
            self._take_any(taken, frames)
        if taken:
            self._put(taken)

    def _take_any(self, taken: list[Any], frames: list[Any]) -> None:
        """Take a message of any kind."""
        try:
            topic = frames[0]
            session, number, kind, size = HEADER.unpack(frames[1])
            bodies = unpacked(kind, frames[2:])
        except (IndexError, ValueError, struct.error):
            self._refuse(taken, frames[0], "it is not a Publisher's message")
            return
        if topic[:1] == PRIVATE:
            if kind == WELCOME and self.is_ours(topic):
                self._on_welcome(taken, frames, session)
        elif kind == BEAT:
            self.arrived(session, topic, number, 0)
        elif kind in (DATA, PACKED):
            self.repeated += self._take_counted(taken, topic, session, number, bodies, size)

    def _on_welcome(self, taken: list[Any], frames: list[Any], source: bytes) -> None:
        try:
            for topic, session, number, kind, size, body in entries(frames):
                if kind == DATA:
                    self._take_counted(taken, topic, session, number, body, size)
                else:
                    self.arrived(session, topic, number, 0)
        except struct.error:
            self._refuse(taken, frames[0], "it is not a Publisher's welcome")
        self.join(frames[0], source)

    def _take_counted(self, taken: list[Any], topic: bytes, session: bytes, number: int, frames: Sequence[Any],
                      size: int) -> int:
        """Take bodies of which some may have been missed, or here before; returns how many were."""
        name = self.names.get(topic)
        if name is None:
            name = self.names[topic] = topic.decode(errors="backslashreplace")
        before = self.arrived(session, topic, number, len(frames) // size if size else 0)
        if size == self.codec.frames:
            self._take(taken, name, frames[before * size:])
        else:
            self._refuse(taken, topic, f"{size} frames, not {self.codec.frames}")
        return before

    def _take(self, taken: list[Any], name: str, frames: Sequence[Any]) -> None:
        size, keep, load = self.codec.frames, self.keep, self.codec.load
        if keep in ("newest", "topic"):
            count = len(frames) // size
            if count:
                self.received += count
                self.conflated += count - 1
                self._replace(None if keep == "newest" else name, name, frames[-size:])
            return
        if self.plain:
            taken += zip(repeat(name), frames)
            return
        for place in range(0, len(frames), size):
            try:
                value = load(frames[place:place + size], name)
            except BodyError as error:
                taken.append(error)
                self.unsorted = True
                continue
            if callable(keep):
                self.received += 1
                self._replace(keep(name, value), name, value)
            else:
                taken.append((name, value))

    def _replace(self, key: Hashable, name: str, value: Any) -> None:
        if key in self.newest:
            self.conflated += 1
        self.newest[key] = name, value

    def _refuse(self, taken: list[Any], topic: bytes, reason: str) -> None:
        taken.append(BodyError(bytes(topic).decode(errors="backslashreplace"), self.codec.name, reason))
        self.unsorted = True

    def _put(self, taken: list[Any]) -> None:
        """Let the user have some items, errors among them."""
        self.received += len(taken)
        self.queued += len(taken)
        if not self.unsorted:
            self.ready.append(taken)
        else:
            self.unsorted = False
            for wrong, some in itertools.groupby(taken, lambda item: type(item) is BodyError):
                if wrong:
                    for error in some:
                        self._put_error(error)
                else:
                    self.ready.append(list(some))
        if not self.ready:
            self.queued = 0             # on_wrong has got them all: nobody will come for them
        elif self.queued >= self.enough:
            self.paused.add("feed")

    def _put_error(self, error: BodyError) -> None:
        self.wrong += 1
        if self.on_wrong is None:
            self.ready.append(error)
        else:
            self.on_wrong(error)

    # what goes out; without the lock, for each step is atomic

    def fetch(self) -> bool:
        """Make the next batch the current one; returns whether there is one.

        Raises:
            BodyError: one came before it; the next call goes on behind.
        """
        if not self.ready:
            self.queued = 0
            self.paused.discard("feed")
            return False
        batch = self.ready.popleft()
        if isinstance(batch, BodyError):
            raise batch
        self.current = iter(batch)
        return True

    def take(self, most: int) -> list[Item]:
        """Some of what is there; none only if nothing is.

        Raises:
            BodyError: where one was; the next call goes on behind it.
        """
        some = list(itertools.islice(self.current, most))
        while not some and self.fetch():
            some = list(itertools.islice(self.current, most))
        while self.newest and len(some) < most:
            _, (name, value) = self.newest.popitem(last=False)
            try:
                some.append((name, value if callable(self.keep) else self.codec.load(value, name)))
            except BodyError as error:
                self._put_error(error)
                if self.ready:
                    break
        return some or (self.take(most) if self.has_ready() else [])


class Subscribing(Driven):
    """What Subscriber and AsyncSubscriber share."""

    _core: SubscriberCore

    @property
    def endpoint(self) -> str:
        """Where publishers find it, if it binds."""
        return self._driver.ports["feed"].bind

    @property
    def statistics(self) -> dict[str, int]:
        """Bodies received, lost in so many gaps, conflated, wrong, repeated (by another way); publishers heard."""
        return self._core.statistics()

    @property
    def lost(self) -> dict[str, int]:
        """How many bodies of each topic were published while this was there, and did not come."""
        return {topic.decode(errors="backslashreplace"): count for topic, count in list(self._core.lost.items())}


class Subscriber(Subscribing, Attended):
    """Takes what is published under some topics: `for topic, body in Subscriber(endpoint, "prices."): …`

    A body that the codec cannot read raises its BodyError where it was; whoever goes on gets what comes behind it. Use
    it from one thread at a time.

    Args:
        connect, bind: endpoints of publishers or proxies: one or several, or where they connect.
        topics: prefixes, one or several; "" is every topic.
        codec: of bodies; a name or a Codec.
        keep: "all", or what is enough: the "newest" body, the newest of each "topic", or of each key that a function
            of topic and body gives. Then a thread reads all the time, and what was replaced is counted.
        on_wrong: gets BodyErrors instead of raising them.
        hwm: messages that may wait on this side; more wait on the publisher's.
        heartbeat: seconds after which the publisher hears at the earliest what was lost.
    """

    def __init__(self, connect: str | Sequence[str] = (), topics: str | Sequence[str] = "", *, bind: str | None = None,
                 codec: str | Codec = "bytes", keep: Keep = "all",
                 on_wrong: Callable[[BodyError], None] | None = None, hwm: int = HWM,
                 heartbeat: float = HEARTBEAT_S, context: zmq.Context[Any] | None = None) -> None:
        core = self._core = SubscriberCore(find(codec), keep, on_wrong, 1, heartbeat)
        core.follow_all(topics)
        self._alone = keep == "all"
        super().__init__(core, [feed_port(bind, connect, hwm)], context, copy=not core.codec.zero_copy)
        self._driver.poke()

    def subscribe(self, topic: str) -> None:
        """One more prefix."""
        with self._driver.lock:
            self._core.follow(encoded(topic))
        self._driver.poke()

    def unsubscribe(self, topic: str) -> None:
        """One prefix less; what has come is still there."""
        with self._driver.lock:
            self._core.leave(encoded(topic))
        self._driver.poke()

    def wait_joined(self, publishers: int = 1, timeout: float | None = None) -> None:
        """Return once so many publishers, or caches before them, know what is subscribed to.

        Raises:
            TimeoutError: not so many within `timeout` seconds.
        """
        if not self._driver.wait(lambda: self._core.has_joined(publishers), timeout):
            raise TimeoutError(f"not {publishers} publishers were there after {timeout} s")

    def recv(self, timeout: float | None = None) -> Item:
        """The next topic and body.

        Raises:
            TimeoutError: nothing came within `timeout` seconds.
            BodyError: the codec cannot read it.
            RuntimeError: closed.
        """
        for item in self._core.current:
            return item
        return self.recv_many(1, timeout)[0]

    def recv_many(self, most: int = 1024, timeout: float | None = None) -> list[Item]:
        """Wait for one, and take what else is there, at most `most`. Errors are recv()'s."""
        while not (some := self._core.take(most)):
            if not self._driver.wait(self._core.has_ready, timeout):
                raise TimeoutError(f"nothing was published within {timeout} s")
        return some

    def __iter__(self) -> Iterator[Item]:
        core, wait = self._core, self._driver.wait
        while True:
            yield from core.current             # a part of this loop that runs at C's speed
            if core.newest:
                yield from core.take(1)
            elif not core.fetch():
                wait(core.has_ready)


class AsyncSubscriber(Subscribing, AsyncAttended):
    """A Subscriber for asyncio: make it in the loop; `async for topic, body in …`. Arguments and errors: Subscriber's.

    With keep="all" it reads ahead as far as 10000 bodies.
    """

    def __init__(self, connect: str | Sequence[str] = (), topics: str | Sequence[str] = "", *, bind: str | None = None,
                 codec: str | Codec = "bytes", keep: Keep = "all",
                 on_wrong: Callable[[BodyError], None] | None = None, hwm: int = HWM,
                 heartbeat: float = HEARTBEAT_S, context: zmq.Context[Any] | None = None) -> None:
        core = self._core = SubscriberCore(find(codec), keep, on_wrong, QUEUED_AT_MOST, heartbeat)
        core.follow_all(topics)
        super().__init__(core, [feed_port(bind, connect, hwm)], context, copy=not core.codec.zero_copy)

    def subscribe(self, topic: str) -> None:
        """One more prefix."""
        self._core.follow(encoded(topic))
        self._driver.pump()

    def unsubscribe(self, topic: str) -> None:
        """One prefix less; what has come is still there."""
        self._core.leave(encoded(topic))
        self._driver.pump()

    async def wait_joined(self, publishers: int = 1, timeout: float | None = None) -> None:
        """Return once so many publishers know of it. Errors: Subscriber.wait_joined()."""
        if not await self._driver.wait(lambda: self._core.has_joined(publishers), timeout):
            raise TimeoutError(f"not {publishers} publishers were there after {timeout} s")

    async def recv(self, timeout: float | None = None) -> Item:
        """The next topic and body. Errors: Subscriber.recv()."""
        for item in self._core.current:
            return item
        return (await self.recv_many(1, timeout))[0]

    async def recv_many(self, most: int = 1024, timeout: float | None = None) -> list[Item]:
        """Wait for one, and take what else is there, at most `most`. Errors: Subscriber.recv()."""
        while not (some := self._core.take(most)):
            if not await self._driver.wait(self._core.has_ready, timeout):
                raise TimeoutError(f"nothing was published within {timeout} s")
        return some

    async def __aiter__(self) -> AsyncIterator[Item]:
        core = self._core
        while True:
            for item in core.current:
                yield item
            if core.newest:
                for item in core.take(1):
                    yield item
            elif not core.fetch():
                await self._driver.wait(core.has_ready)
