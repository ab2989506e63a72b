"""Forwarding: what stands between publishers and subscribers, so that neither need know the other's endpoints.

A Forwarder hands everything on, subscriptions one way and messages the other, so numbers and welcomes are the
publishers' own. A LastValueCache follows the publishers itself, and welcomes subscribers with the newest of each topic.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import zmqfast as zmq
from zmqfast.patterns.drivers import LOOK_AGAIN_S, AsyncRunner, Core, Driven, Port, Runner
from zmqfast.patterns.feeds import (DATA, HEADER, HEARTBEAT_S, HWM, PACKED, PATIENCE_S, PRIVATE, WELCOME, FollowerCore,
                                    Slow, SourceCore, encoded, entries, feed_port, source_port, unpacked)

if TYPE_CHECKING:
    from typing_extensions import Buffer

QUEUED_AT_MOST = 1000       # messages that wait for room before no more are taken in


class PassingCore(Core):
    """What hands messages on, and takes in no more while too many wait for room."""

    captured = False

    def __init__(self) -> None:
        super().__init__()
        self.forwarded = 0

    def forward(self, messages: Sequence[Sequence[Buffer]]) -> None:
        """To the subscribers, and to whoever captures."""
        self.forwarded += len(messages)
        self.queue("followers", messages)
        if self.captured:
            self.queue("capture", messages)

    def queue(self, port: str, messages: Sequence[Sequence[Buffer]]) -> None:
        queue = self.outbox.get(port)
        if queue is None:
            queue = self.outbox[port] = deque()
        queue.extend(messages)
        if len(queue) > QUEUED_AT_MOST:
            self.paused.add("feed")

    def on_time(self, now: float) -> float | None:
        if self.paused and len(self.outbox.get("followers", ())) < QUEUED_AT_MOST:
            self.paused.clear()
        return now + LOOK_AGAIN_S if self.paused else None


class ForwarderCore(PassingCore):
    """Messages down, subscriptions and words up."""

    def on_messages(self, port: str, messages: list[list[Any]], now: float) -> None:
        if port == "feed":
            self.forward(messages)
        elif port == "followers":
            for frames in messages:
                self.send("feed", frames)

    def statistics(self) -> dict[str, int]:
        return {"forwarded": self.forwarded}


class CacheCore(PassingCore, SourceCore):
    """The newest message of each topic, for whoever comes."""

    def __init__(self, topics: str | Sequence[str], heartbeat: float) -> None:
        super().__init__()
        self.upstream = FollowerCore(heartbeat)
        self.upstream.outbox = self.outbox              # what it says goes out with what we say
        for topic in [topics] if isinstance(topics, str) else topics:
            self.upstream.follow(encoded(topic))
        self.last: dict[bytes, Sequence[Any]] = {}      # header and frames of each topic's newest body
        self.strange = 0

    def on_messages(self, port: str, messages: list[list[Any]], now: float) -> None:
        if port != "feed":
            if port == "followers":
                super().on_messages(port, messages, now)
            return
        upstream = self.upstream
        passing: list[Sequence[Any]] = []
        for frames in messages:
            try:
                session, number, kind, size = HEADER.unpack(frames[1])
                if frames[0][:1] == PRIVATE:
                    if kind == WELCOME and upstream.is_ours(frames[0]):
                        for name, *header, body in entries(frames):
                            self._take(passing, header, [name, HEADER.pack(*header), *body])
                        upstream.join(frames[0], session)
                else:
                    self._take(passing, (session, number, kind, size), frames)
            except (IndexError, ValueError, struct.error):
                self.strange += 1
        if passing:
            self.forward(passing)

    def _take(self, passing: list[Sequence[Any]], header: Sequence[Any], frames: Sequence[Any]) -> None:
        """Keep a message and let it pass, unless it was here before."""
        session, number, kind, size = header
        has_bodies = kind in (DATA, PACKED)
        bodies = unpacked(kind, frames[2:]) if has_bodies else ()
        count = len(bodies) // size if size else 0
        if has_bodies and not count:
            self.strange += 1
        elif self.upstream.arrived(session, frames[0], number, count) < count:
            self.last[frames[0]] = (HEADER.pack(session, number + count - 1, DATA, size), *bodies[-size:])
            passing.append(frames)
        elif not count:
            passing.append(frames)

    def welcome(self, prefix: bytes) -> list[Buffer]:
        welcome: list[Buffer] = [self.header(0, WELCOME, 1)]
        for topic, newest in self.last.items():
            if topic.startswith(prefix):
                welcome += topic, *newest
        return welcome

    def on_time(self, now: float) -> float | None:
        times = super().on_time(now), self.upstream.on_time(now)
        return min((due for due in times if due is not None), default=None)

    def statistics(self) -> dict[str, int]:
        return {"forwarded": self.forwarded, "topics": len(self.last), "subscribers": len(self.followers),
                "left": self.left, "missed": self.upstream.lost_in_all, "lost": self.lost(), "strange": self.strange}


def ports_of(core: PassingCore, frontend: str | None, backend: str, publishers: str | Sequence[str],
             capture: str | None, slow: Slow, hwm: int, patience: float) -> dict[str, Port]:
    core.captured = capture is not None
    ports = {"feed": feed_port(frontend, publishers, hwm),
             "followers": source_port(backend, (), slow, hwm, patience, every=isinstance(core, SourceCore))}
    if capture is not None:
        ports["capture"] = Port("capture", zmq.XPUB, bind=capture, options={"sndhwm": hwm})
    return ports


class Between(Driven):
    """What Forwarder and LastValueCache have in common, in both forms."""

    _ports: dict[str, Port]

    @property
    def frontend(self) -> str:
        """Where publishers find it, if it binds."""
        return self._ports["feed"].bind

    @property
    def backend(self) -> str:
        """Where subscribers find it."""
        return self._ports["followers"].bind

    @property
    def capture(self) -> str:
        """Where SUB sockets get all that is published, if anywhere."""
        return self._ports["capture"].bind if "capture" in self._ports else ""


class Forwarding(Between):
    """What Forwarder and AsyncForwarder share."""

    def __init__(self, frontend: str | None, backend: str, *, publishers: str | Sequence[str] = (),
                 capture: str | None = None, slow: Slow = "drop", hwm: int = HWM, patience: float = PATIENCE_S,
                 context: zmq.Context[Any] | None = None) -> None:
        core = self._core = ForwarderCore()
        self._ports = ports_of(core, frontend, backend, publishers, capture, slow, hwm, patience)
        super().__init__(core, list(self._ports.values()), context)

    @property
    def statistics(self) -> dict[str, int]:
        """Messages that came through, not bodies."""
        return self._core.statistics()


class Forwarder(Forwarding, Runner):
    """Hands on what publishers publish to who subscribes: `Forwarder(frontend, backend).run()`, or `with` it.

    Args:
        frontend: the endpoint to bind, to which publishers connect; None where there are only `publishers`.
        backend: the endpoint to bind, to which subscribers connect.
        publishers: endpoints that publishers bind.
        capture: an endpoint to bind, where SUB sockets get all that comes through; what they have no room for is dropped.
        slow, hwm, patience: what happens to slow subscribers, as a Publisher's. "block" stops all that comes through.
    """


class AsyncForwarder(Forwarding, AsyncRunner):
    """A Forwarder for asyncio: `await run()`, or `async with` it. Arguments are Forwarder's."""


class Caching(Between):
    """What LastValueCache and AsyncLastValueCache share."""

    def __init__(self, frontend: str | None, backend: str, *, publishers: str | Sequence[str] = (),
                 topics: str | Sequence[str] = "", capture: str | None = None, slow: Slow = "drop", hwm: int = HWM,
                 patience: float = PATIENCE_S, heartbeat: float = HEARTBEAT_S,
                 context: zmq.Context[Any] | None = None) -> None:
        core = self._core = CacheCore(topics, heartbeat)
        self._ports = ports_of(core, frontend, backend, publishers, capture, slow, hwm, patience)
        super().__init__(core, list(self._ports.values()), context)


class LastValueCache(Caching, Runner):
    """A Forwarder that keeps the newest body of each topic, and begins with it for each subscriber that comes.

    When it starts, or a link comes back, it asks its publishers for what they keep.

    Args:
        topics: prefixes of what it takes from the publishers; "" is everything.
        heartbeat: seconds after which publishers hear at the earliest what it missed.
        Others: Forwarder's.
    """

    @property
    def statistics(self) -> dict[str, int]:
        """Messages that came through, topics, Subscribers that are here, that left; bodies that it missed itself, that
        its Subscribers said they lost; and messages that are no Publisher's."""
        with self._driver.lock:
            return self._core.statistics()


class AsyncLastValueCache(Caching, AsyncRunner):
    """A LastValueCache for asyncio: `await run()`, or `async with` it. Arguments are LastValueCache's."""

    @property
    def statistics(self) -> dict[str, int]:
        """As LastValueCache.statistics."""
        return self._core.statistics()
