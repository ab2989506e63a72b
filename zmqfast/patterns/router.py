"""Router: asynchronous request-reply by routing id: sessions that outlive connections, a queue for each peer, notices.

A session is a Router and a Peer, whatever connects them meanwhile. Messages are numbered, and each end keeps what it sent
until the other end's user has taken it: what a broken link swallowed is sent again, and what comes twice is dropped.

Messages, each frame after the kind; numbers are eight bytes, `taken` the highest that the sender's user has taken:
    to the router       O life token received (the peer is there, and has got so many of that session's), B taken
    to the peer         W token received (the session, so many were got), U (who are you?), B reason (it is over)
    both ways           M number taken request body…, the number and `taken` in one frame; H taken
    `request` is empty, or Q and a number for a question, or A and the same number for its answer.
The router learns of a lost connection by an empty message (ZMQ_ROUTER_NOTIFY), the peer by X (ZMQ_DISCONNECT_MSG).
"""

from __future__ import annotations

import secrets
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import zmqfast as zmq
from zmqfast.patterns.codecs import BodyError, Codec, find
from zmqfast.patterns.drivers import AsyncAttended, Attended, Core, Driven, Pending, Port

if TYPE_CHECKING:

    from typing_extensions import Buffer

HEARTBEAT_S = 1.0
LIVENESS = 3                # heartbeats that may be missing before the other side counts as gone
SESSION_TIMEOUT_S = 30.0
QUEUE_LIMIT = 1000          # messages
LINGER_S = 5.0
TAKEN = -1                  # an event's epoch once it was counted as taken

_NUMBER = struct.Struct("!Q")
_HEADER = struct.Struct("!QQ")
_RECONNECT = {"reconnect_ivl": 50, "reconnect_ivl_max": 1000, "sndhwm": 0, "rcvhwm": 0}


class QueueFull(TimeoutError):
    """The peer has not taken as many messages as its queue holds, and took none in time; this one was not sent."""


class NoSession(LookupError):
    """The session is over, or never was: the message was not sent."""


class NoAnswer(TimeoutError):
    """No answer came in time; the question may have been taken or not."""


# -- what both ends are made of -------------------------------------------------------------------------------------


class Link:
    """One end's view of a session: what was sent and not taken, what came, and who waits for an answer."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.up = False             # messages go out at once
        self.epoch = 0              # changes when numbers begin anew
        self.sent = 0
        self.kept: deque[tuple[int, bytes, Sequence[Buffer]]] = deque()     # number, request, body
        self.received = 0
        self.waiting: deque[int] = deque()      # numbers that our user has not taken
        self.taken = 0
        self.told = 0                           # `taken`, as the other end knows it
        self.heard_at = 0.0
        self.asked: dict[bytes, tuple[Pending, Sequence[Buffer]]] = {}      # by their number; and the question's body

    def took(self, epoch: int) -> None:
        """Our user has taken the message that waited longest."""
        if epoch == self.epoch:
            self.waiting.popleft()
            self.taken = self.waiting[0] - 1 if self.waiting else self.received

    def give_up(self, reason: str) -> list[Sequence[Buffer]]:
        """It is over: the bodies that were not taken."""
        self.up = False
        undelivered = [body for _, _, body in self.kept]
        self.kept.clear()
        for pending, _ in self.asked.values():
            pending.finish(error=NoSession(reason))
        self.asked.clear()
        return undelivered

    def begin_anew(self) -> None:
        """The other end has forgotten us: what it did not take or answer is sent again, under new numbers."""
        self.epoch += 1
        kept = {request for _, request, _ in self.kept}
        taken = [(b"Q" + number, body) for number, (_, body) in self.asked.items() if b"Q" + number not in kept]
        again = [*taken, *((request, body) for _, request, body in self.kept)]
        self.kept = deque((number, request, body) for number, (request, body) in enumerate(again, 1))
        self.sent = len(self.kept)
        self.received = self.taken = self.told = 0
        self.waiting.clear()


class Session(Link):
    """A peer, as the Router knows it. `name` is its routing id; `data` is yours."""

    def __init__(self, name: bytes, life: bytes) -> None:
        super().__init__(name.decode(errors="backslashreplace"))
        self.name = name
        self.life = life
        self.token = secrets.token_bytes(8)
        self.data: dict[Any, Any] = {}
        self.over = False
        self.lost_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether it can be reached now; else messages wait in its queue."""
        return self.up

    @property
    def queued(self) -> int:
        """Messages that the peer's user has not taken."""
        return len(self.kept)

    def __repr__(self) -> str:
        state = "over" if self.over else "connected" if self.up else "disconnected"
        return f"<Session {self.title} {state}, {self.queued} queued>"


@dataclass(slots=True)
class Event:
    """What a Router or a Peer receives: a message, or a notice. `kind` is one of these.

    message: `body`; where `wants_reply`, give it to reply().
    joined: the session has begun. resumed: it can be reached again.
    disconnected: its connection is lost; the session goes on, and messages wait in its queue.
    left: it is over; `reason` says why, and `undelivered` has the bodies that the peer's user did not take.
    """

    kind: str
    session: Session | None = None
    body: Any = None
    request: bytes = b""
    reason: str = ""
    undelivered: list[Any] = field(default_factory=list)
    epoch: int = 0

    @property
    def wants_reply(self) -> bool:
        """Whether somebody waits for an answer, by ask()."""
        return bool(self.request)


@dataclass(slots=True)
class Question:
    """One that was asked, and waits for its answer."""

    link: Link
    number: bytes
    answer: Pending

    def forget(self) -> None:
        """Nobody waits for the answer any more."""
        self.link.asked.pop(self.number, None)


class EndCore(Core):
    """What both ends do: number messages, keep them until they are taken, and put in order what comes."""

    hears_heartbeats = True

    def __init__(self, codec: Codec, heartbeat: float, queue_limit: int) -> None:
        super().__init__()
        self.codec = codec
        self.heartbeat = heartbeat
        self.queue_limit = queue_limit
        self.events: deque[Event] = deque()
        self.asking = 0
        self.beat_at = 0.0
        self.statistics = {"sent": 0, "received": 0, "sent_again": 0, "duplicates": 0, "late_answers": 0,
                           "disconnects": 0, "undelivered": 0}

    def transmit(self, link: Link, frames: list[Any]) -> None:
        """Send to the other end of a link."""
        raise NotImplementedError

    def resync(self, link: Link) -> None:
        """Something is missing: let the two ends tell each other how far they are."""
        raise NotImplementedError

    def link_of(self, event: Event) -> Link:
        """What a message came through."""
        raise NotImplementedError

    def has_event(self) -> bool:
        return bool(self.events)

    # sending

    def has_room(self, link: Link) -> bool:
        return len(link.kept) < self.queue_limit

    def put(self, link: Link, body: Any, request: bytes = b"") -> None:
        """Send a message, or keep it for when the other end is there.

        Raises:
            BodyError: the codec cannot write it.
        """
        self._put(link, self.codec.dump(body, link.title), request)

    def _put(self, link: Link, frames: Sequence[Buffer], request: bytes) -> None:
        link.sent += 1
        self.statistics["sent"] += 1
        link.kept.append((link.sent, request, frames))
        if link.up:
            self._send(link, link.sent, request, frames)

    def ask(self, link: Link, body: Any) -> Question:
        """put() a question."""
        frames = self.codec.dump(body, link.title)
        self.asking += 1
        question = Question(link, _NUMBER.pack(self.asking), Pending())
        link.asked[question.number] = question.answer, frames
        self._put(link, frames, b"Q" + question.number)
        return question

    def _send(self, link: Link, number: int, request: bytes, frames: Sequence[Buffer]) -> None:
        link.told = link.taken
        self.transmit(link, [b"M", _HEADER.pack(number, link.taken), request, *frames])

    def beat(self, link: Link) -> None:
        """A sign of life, which says how much was taken."""
        link.told = link.taken
        self.transmit(link, [b"H", _NUMBER.pack(link.taken)])

    def resume(self, link: Link, received: int) -> None:
        """The other end is there, and has got so many messages: the rest is sent again."""
        link.up = True
        for number, request, frames in link.kept:
            if number > received:
                self.statistics["sent_again"] += 1
                self._send(link, number, request, frames)

    # receiving

    def on_numbered(self, link: Link, frames: list[Any]) -> None:
        """A message (M) of the other end."""
        number, taken = _HEADER.unpack(frames[1])
        self.on_taken(link, taken)
        if number != link.received + 1:
            if number <= link.received:
                self.statistics["duplicates"] += 1
            else:
                self.resync(link)
            return
        link.received = number
        self.statistics["received"] += 1
        request = bytes(frames[2])
        body: Any
        try:
            body = self.codec.load(frames[3:], link.title)
        except BodyError as error:
            body = error
        if request[:1] != b"A":
            link.waiting.append(number)
            self.events.append(Event("message", link if isinstance(link, Session) else None, body, request, epoch=link.epoch))
            return
        if not link.waiting:
            link.taken = number
        asked = link.asked.pop(request[1:], None)
        if asked is None:
            self.statistics["late_answers"] += 1
        elif isinstance(body, BodyError):
            asked[0].finish(error=body)
        else:
            asked[0].finish(body)
        self._tell_taken(link)

    def on_taken(self, link: Link, taken: int) -> None:
        """The other end's user has taken so many messages."""
        kept = link.kept
        while kept and kept[0][0] <= taken:
            kept.popleft()

    def take(self) -> Event:
        """The next event."""
        event = self.events.popleft()
        if event.kind == "message":
            link = self.link_of(event)
            link.took(event.epoch)
            self._tell_taken(link)
        return event

    def _tell_taken(self, link: Link) -> None:
        if link.up and link.taken - link.told >= max(1, self.queue_limit // 4):
            self.beat(link)

    def reply_to(self, event: Event) -> bytes:
        """The request's name in its answer."""
        if not event.request:
            raise ValueError("nobody waits for a reply to this message: it was not asked by ask()")
        return b"A" + event.request[1:]


# -- router ---------------------------------------------------------------------------------------------------------


class RouterCore(EndCore):
    """Which sessions there are, and which of them can be reached."""

    def __init__(self, codec: Codec, heartbeat: float, queue_limit: int, session_timeout: float) -> None:
        super().__init__(codec, heartbeat, queue_limit)
        self.session_timeout = session_timeout
        self.sessions: dict[bytes, Session] = {}

    def transmit(self, link: Link, frames: list[Any]) -> None:
        assert isinstance(link, Session)
        self.send("peers", [link.name, *frames])

    def resync(self, link: Link) -> None:
        link.up = False
        self.transmit(link, [b"U"])

    def find(self, session: Link | bytes) -> Session:
        """The session, or that of a name.

        Raises:
            NoSession: there is none, or it is over.
        """
        if isinstance(session, bytes):
            found = self.sessions.get(session)
            if found is None:
                raise NoSession(f"no session is called {session!r}")
            return found
        assert isinstance(session, Session)
        if session.over:
            raise NoSession(f"the session {session.title} is over")
        return session

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        name, kind = frames[0], frames[1] if len(frames) > 1 else b""
        session = self.sessions.get(name)
        if kind == b"M":
            if session is None or not session.up:
                self.send("peers", [name, b"U"])
            elif len(frames) >= 4 and len(frames[2]) == _HEADER.size:
                session.heard_at = now
                self.on_numbered(session, frames[1:])
        elif kind == b"O" and len(frames) == 5 and len(frames[4]) == _NUMBER.size:
            self._on_open(name, session, frames[2], frames[3], _NUMBER.unpack(frames[4])[0], now)
        elif kind == b"H" and len(frames) == 3 and len(frames[2]) == _NUMBER.size:
            if session is None or not session.up:
                self.send("peers", [name, b"U"])
            else:
                session.heard_at = now
                self.on_taken(session, _NUMBER.unpack(frames[2])[0])
        elif kind == b"B" and session is not None and len(frames) == 3 and len(frames[2]) == _NUMBER.size:
            self.on_taken(session, _NUMBER.unpack(frames[2])[0])
            self._end(session, "the peer has closed it")
        elif kind == b"" and session is not None:
            self.disconnect(session, now)

    def _on_open(self, name: bytes, session: Session | None, life: bytes, token: bytes, received: int,
                 now: float) -> None:
        if session is not None and session.life != life:
            self._end(session, "the peer was restarted")
            session = None
        if session is None:
            session = self.sessions[name] = Session(name, life)
            self.events.append(Event("joined", session))
        elif session.lost_at:
            session.lost_at = 0.0
            self.events.append(Event("resumed", session))
        session.heard_at = now
        self.send("peers", [name, b"W", session.token, _NUMBER.pack(session.received)])
        self.resume(session, received if token == session.token else 0)

    def disconnect(self, session: Session, now: float) -> None:
        """Its connection is lost."""
        session.up = False
        if not session.lost_at:
            session.lost_at = now
            self.statistics["disconnects"] += 1
            self.events.append(Event("disconnected", session))

    def close_session(self, session: Session) -> None:
        """End it, and tell the peer."""
        self.transmit(session, [b"B", b"the router has closed the session"])
        self._end(session, "it was closed here")

    def _end(self, session: Session, reason: str) -> None:
        session.over = True
        del self.sessions[session.name]
        undelivered = session.give_up(f"the session {session.title} is over: {reason}")
        self.statistics["undelivered"] += len(undelivered)
        self.events.append(Event("left", session, reason=reason,
                                 undelivered=[self._loaded(frames, session.title) for frames in undelivered]))

    def _loaded(self, frames: Sequence[Buffer], title: str) -> Any:
        try:
            return self.codec.load(frames, title)
        except BodyError as error:
            return error

    def link_of(self, event: Event) -> Link:
        assert event.session is not None
        return event.session

    def on_time(self, now: float) -> float | None:
        if now < self.beat_at:
            return self.beat_at
        self.beat_at = now + self.heartbeat
        for session in list(self.sessions.values()):
            if not session.up or now - session.heard_at >= LIVENESS * self.heartbeat:
                self.disconnect(session, now)
                if now - session.lost_at >= self.session_timeout:
                    self._end(session, f"it was disconnected for {self.session_timeout:g} s")
            else:
                self.beat(session)
        return self.beat_at

    def on_unreachable(self, port: str, frames: Sequence[Buffer]) -> None:
        session = self.sessions.get(bytes(frames[0]))
        if session is not None:
            self.disconnect(session, time.monotonic())

    def ports(self, bind: str) -> list[Port]:
        options = {"router_mandatory": 1, "router_handover": 1, "sndhwm": 0, "rcvhwm": 0}
        if zmq.DRAFT_API:
            options["router_notify"] = int(zmq.NOTIFY_DISCONNECT)      # else it takes until heartbeats are missed
        return [Port("peers", zmq.ROUTER, bind=bind, options=options)]


# -- peer -----------------------------------------------------------------------------------------------------------


class PeerCore(EndCore):
    """The link to the router, and whether it is there."""

    def __init__(self, name: bytes, codec: Codec, heartbeat: float, queue_limit: int) -> None:
        super().__init__(codec, heartbeat, queue_limit)
        self.name = name
        self.life = secrets.token_bytes(8)
        self.link = Link(name.decode(errors="backslashreplace"))
        self.token = b""
        self.closed_reason = ""
        self.patience = LIVENESS * heartbeat
        self.dead_at = 0.0
        self.statistics["router_restarts"] = 0

    def transmit(self, link: Link, frames: list[Any]) -> None:
        self.send("router", frames)

    def resync(self, link: Link) -> None:
        link.up = False
        self._open()

    def link_of(self, event: Event) -> Link:
        return self.link

    def find(self) -> Link:
        """What messages go through.

        Raises:
            NoSession: the router has closed it.
        """
        if self.closed_reason:
            raise NoSession(self.closed_reason)
        return self.link

    def has_event(self) -> bool:
        return bool(self.events) or bool(self.closed_reason)

    def take(self) -> Event:
        if not self.events:
            self.find()
        return super().take()

    def _open(self) -> None:
        self.send("router", [b"O", self.life, self.token, _NUMBER.pack(self.link.received)])

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        kind = frames[0]
        link = self.link
        if self.closed_reason:
            return
        if kind == b"X":            # from our own socket
            if link.up:
                self.statistics["disconnects"] += 1
                self.resync(link)   # libzmq keeps what we send until it has connected again
            return
        self.patience = LIVENESS * self.heartbeat
        self.dead_at = now + self.patience
        if kind == b"M" and len(frames) >= 3 and len(frames[1]) == _HEADER.size:
            if link.up:             # else it will come again, once the two have agreed
                self.on_numbered(link, frames)
        elif kind == b"H" and len(frames) == 2 and len(frames[1]) == _NUMBER.size:
            if link.up:
                self.on_taken(link, _NUMBER.unpack(frames[1])[0])
        elif kind == b"W" and len(frames) == 3 and len(frames[2]) == _NUMBER.size:
            self._on_welcome(frames[1], _NUMBER.unpack(frames[2])[0])
        elif kind == b"U":
            self.resync(link)
        elif kind == b"B":
            self.closed_reason = bytes(frames[-1]).decode(errors="replace")
            self.statistics["undelivered"] += len(link.give_up(self.closed_reason))

    def _on_welcome(self, token: bytes, received: int) -> None:
        if token != self.token:
            if self.token:
                self.statistics["router_restarts"] += 1
            self.link.begin_anew()
            self.token = token
        self.resume(self.link, received)

    def on_time(self, now: float) -> float | None:
        if self.closed_reason:
            return None
        if self.dead_at == 0.0:
            self._open()
            self.dead_at = now + self.patience
        elif now >= self.dead_at:
            self.patience = min(2 * self.patience, 8 * LIVENESS * self.heartbeat)
            self.dead_at = now + self.patience
            if self.link.up:
                self.statistics["disconnects"] += 1
                self.link.up = False
            self.renew("router")
            self._open()
        if now >= self.beat_at:
            self.beat_at = now + self.heartbeat
            if self.link.up:
                self.beat(self.link)
        return min(self.beat_at, self.dead_at)

    def leave(self) -> None:
        """Tell the router; what it has not taken is counted."""
        if not self.closed_reason:
            self.send("router", [b"B", _NUMBER.pack(self.link.taken)])
            self.closed_reason = "it was closed here"
            self.statistics["undelivered"] += len(self.link.give_up(self.closed_reason))

    def ports(self, endpoint: str) -> list[Port]:
        options: dict[str, Any] = {**_RECONNECT, "routing_id": self.name}
        if zmq.DRAFT_API:
            options["disconnect_msg"] = b"X"        # else it takes until heartbeats are missed
        return [Port("router", zmq.DEALER, connect=[endpoint], options=options)]


def name_of(name: bytes | str | None) -> bytes:
    """A routing id.

    Raises:
        ValueError: it is empty, has more than 255 bytes, or begins with a zero byte.
    """
    if name is None:
        return b"peer-" + secrets.token_hex(8).encode()
    name = name.encode() if isinstance(name, str) else name
    if not 0 < len(name) <= 255 or name[0] == 0:
        raise ValueError(f"name: 1 to 255 bytes of which the first is not zero, not {name!r}")
    return name


# -- what the blocking and the asyncio forms share --------------------------------------------------------------------


class Attempt:
    """Something that needs room in a queue: a `done` for the drivers, which does it, once, as soon as it can be done."""

    def __init__(self, core: EndCore, find: Callable[[], Link], act: Callable[[Link], Any]) -> None:
        self.core = core
        self.find = find
        self.act = act
        self.over = False
        self.value: Any = None
        self.error: Exception | None = None

    def __call__(self) -> bool:
        if not self.over:
            try:
                link = self.find()
                if not self.core.has_room(link):
                    return False
                self.value = self.act(link)
            except (NoSession, BodyError) as error:
                self.error = error
            self.over = True
        return True

    def outcome(self, timeout: float | None) -> Any:
        if not self.over:
            raise QueueFull(f"the peer has not taken {self.core.queue_limit} messages, and took none in {timeout} s")
        if self.error is not None:
            raise self.error
        return self.value


class Claim:
    """The next event: a `done` for the drivers, which takes it for one who waits."""

    def __init__(self, core: EndCore) -> None:
        self.core = core
        self.event: Event | None = None
        self.error: NoSession | None = None

    def __call__(self) -> bool:
        if self.event is None and self.error is None:
            if not self.core.has_event():
                return False
            try:
                self.event = self.core.take()
            except NoSession as error:
                self.error = error
        return True

    def give_back(self) -> None:
        """Nobody has seen it: the next one takes it again, though the other end may know already that it was taken."""
        if self.event is not None:
            self.event.epoch = TAKEN
            self.core.events.appendleft(self.event)

    def outcome(self, timeout: float | None) -> Event:
        if self.error is not None:
            raise self.error
        if self.event is None:
            raise TimeoutError(f"nothing came in {timeout} s")
        if isinstance(self.event.body, BodyError):
            raise self.event.body
        return self.event


class Both(Driven):
    """What Router and Peer share, in both forms."""

    _core: EndCore

    @property
    def statistics(self) -> dict[str, int]:
        """Messages sent, received, sent again, that came twice; answers too late; connections lost; left untaken."""
        return dict(self._core.statistics)


class End(Both, Attended):
    """A blocking Router or Peer."""

    def receive(self, timeout: float | None = None) -> Event:
        """The next message; a Router's notices, too.

        Args:
            timeout: seconds; None waits for ever.
        Raises:
            TimeoutError: none came in time.
            NoSession: the router has closed this peer's session.
            BodyError: a message that the codec cannot read; the next receive() goes on behind it.
        """
        claim = Claim(self._core)
        with self._driver.lock:
            claim()
        if claim.event is None:
            try:
                self._driver.wait(claim, timeout)
            except BaseException:
                with self._driver.lock:
                    claim.give_back()
                raise
        if self._core.outbox:
            self._driver.poke()
        return claim.outcome(timeout)

    def __iter__(self) -> Iterator[Event]:
        while True:
            yield self.receive()

    def _attempt(self, find: Callable[[], Link], act: Callable[[Link], Any], timeout: float | None) -> Any:
        attempt = Attempt(self._core, find, act)
        with self._driver.lock:
            attempt()
        if not attempt.over:
            self._driver.wait(attempt, timeout)
        self._driver.poke()
        return attempt.outcome(timeout)

    def _ask(self, find: Callable[[], Link], body: Any, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        question = self._attempt(find, lambda link: self._core.ask(link, body), timeout)
        try:
            self._driver.wait(lambda: question.answer.done, max(0.0, deadline - time.monotonic()))
        finally:
            with self._driver.lock:
                question.forget()
        if not question.answer.done:
            raise NoAnswer(f"{question.link.title}: no answer in {timeout:g} s")
        return question.answer.outcome()


class AsyncEnd(Both, AsyncAttended):
    """A Router or Peer of asyncio."""

    async def receive(self, timeout: float | None = None) -> Event:
        """The next message; a router's notices, too. Arguments and errors are Router.receive()'s."""
        claim = Claim(self._core)
        if not claim():
            try:
                await self._driver.wait(claim, timeout)
            except BaseException:
                claim.give_back()
                raise
        if self._core.outbox:
            self._driver.pump()
        return claim.outcome(timeout)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            yield await self.receive()

    async def _attempt(self, find: Callable[[], Link], act: Callable[[Link], Any], timeout: float | None) -> Any:
        attempt = Attempt(self._core, find, act)
        if not attempt():
            await self._driver.wait(attempt, timeout)
        self._driver.pump()
        return attempt.outcome(timeout)

    async def _ask(self, find: Callable[[], Link], body: Any, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        question = await self._attempt(find, lambda link: self._core.ask(link, body), timeout)
        try:
            await self._driver.wait(lambda: question.answer.done, max(0.0, deadline - time.monotonic()))
        finally:
            question.forget()
        if not question.answer.done:
            raise NoAnswer(f"{question.link.title}: no answer in {timeout:g} s")
        return question.answer.outcome()



# -- the two forms of both --------------------------------------------------------------------------------------------


class Routing(Both):
    """What Router and AsyncRouter share."""

    _core: RouterCore

    def __init__(self, bind: str, *, codec: str | Codec = "bytes", queue_limit: int = QUEUE_LIMIT,
                 heartbeat: float = HEARTBEAT_S, session_timeout: float = SESSION_TIMEOUT_S,
                 context: zmq.Context[Any] | None = None) -> None:
        core = self._core = RouterCore(find(codec), heartbeat, queue_limit, session_timeout)
        super().__init__(core, core.ports(bind), context, copy=not core.codec.zero_copy)

    @property
    def endpoint(self) -> str:
        """Where peers find it."""
        return self._driver.ports["peers"].bind


class Router(Routing, End):
    """Talks with any number of peers: `with Router(endpoint) as router: for event in router: …`. Use from any thread.

    Args:
        bind: the endpoint to which peers connect.
        codec: of bodies, both ways; a name or a Codec.
        queue_limit: messages that each peer may leave untaken; send() waits then, for this peer only.
        heartbeat: seconds between signs of life, both ways; whoever misses three counts as disconnected.
        session_timeout: seconds for which the session of a disconnected peer is kept.
    """

    @property
    def sessions(self) -> dict[bytes, Session]:
        """Those that are not over, by name."""
        with self._driver.lock:
            return dict(self._core.sessions)

    def send(self, session: Session | bytes, body: Any, *, timeout: float | None = None) -> None:
        """Send to a peer, by its session or name: now, or once it is connected again.

        Args:
            timeout: seconds, for room in its queue; None waits for ever.
        Raises:
            QueueFull: the peer's queue had no room in time.
            NoSession: it is over, or there is none of that name.
            BodyError: the codec cannot write the body.
        """
        core = self._core
        self._attempt(lambda: core.find(session), lambda link: core.put(link, body), timeout)

    def reply(self, event: Event, body: Any, *, timeout: float | None = None) -> None:
        """Answer a message that wants_reply. Arguments and errors: send()'s; ValueError where nobody waits for it."""
        core, request = self._core, self._core.reply_to(event)
        self._attempt(lambda: core.find(core.link_of(event)), lambda link: core.put(link, body, request), timeout)

    def ask(self, session: Session | bytes, body: Any, *, timeout: float = 5.0) -> Any:
        """Send to a peer, and return the body of its reply, within `timeout` seconds.

        Raises:
            NoAnswer: no reply in time.
            NoSession, QueueFull, BodyError: as send().
        """
        return self._ask(lambda: self._core.find(session), body, timeout)

    def close_session(self, session: Session | bytes) -> None:
        """End a session, and tell the peer. What its user did not take is in the notice that it left.

        Raises:
            NoSession: it is over already.
        """
        with self._driver.lock:
            self._core.close_session(self._core.find(session))
        self._driver.poke()


class Joining(Both):
    """What Peer and AsyncPeer share."""

    _core: PeerCore

    def __init__(self, endpoint: str, *, name: bytes | str | None = None, codec: str | Codec = "bytes",
                 queue_limit: int = QUEUE_LIMIT, heartbeat: float = HEARTBEAT_S, linger: float = LINGER_S,
                 context: zmq.Context[Any] | None = None) -> None:
        core = self._core = PeerCore(name_of(name), find(codec), heartbeat, queue_limit)
        self._linger = linger
        super().__init__(core, core.ports(endpoint), context, copy=not core.codec.zero_copy)

    @property
    def name(self) -> bytes:
        """Its routing id."""
        return self._core.name

    @property
    def connected(self) -> bool:
        """Whether the router can be reached now; else messages wait."""
        return self._core.link.up


class Peer(Joining, End):
    """Talks with a Router: `with Peer(endpoint) as peer: peer.send(body)`. Use from any thread.

    Args:
        endpoint: the router's.
        name: the routing id by which the router knows it, the same after a restart; made up when None. Two peers with one
            name take each other's session.
        codec, queue_limit, heartbeat: as the Router's.
        linger: seconds for which close() waits until the router's user has taken everything.
    Raises:
        ValueError: the name cannot be a routing id.
    """

    def send(self, body: Any, *, timeout: float | None = None) -> None:
        """Send to the router: now, or once it is there again. Arguments and errors are Router.send()'s."""
        core = self._core
        self._attempt(core.find, lambda link: core.put(link, body), timeout)

    def reply(self, event: Event, body: Any, *, timeout: float | None = None) -> None:
        """Answer a message that wants_reply. Arguments and errors are Router.reply()'s."""
        core, request = self._core, self._core.reply_to(event)
        self._attempt(core.find, lambda link: core.put(link, body, request), timeout)

    def ask(self, body: Any, *, timeout: float = 5.0) -> Any:
        """Send to the router, and return the body of its reply. Arguments and errors are Router.ask()'s."""
        return self._ask(self._core.find, body, timeout)

    def close(self) -> None:
        """Wait until everything is taken, `linger` seconds at most, and end the session. Safe to repeat."""
        if not self._driver.closed:
            self._driver.wait(lambda: not self._core.link.kept, self._linger)
            with self._driver.lock:
                self._core.leave()
            self._driver.poke()
        super().close()


class AsyncRouter(Routing, AsyncEnd):
    """A Router for asyncio: `async with AsyncRouter(…) as router: async for event in router`. Arguments are Router's."""

    @property
    def sessions(self) -> dict[bytes, Session]:
        """Those that are not over, by name."""
        return dict(self._core.sessions)

    async def send(self, session: Session | bytes, body: Any, *, timeout: float | None = None) -> None:
        """Send to a peer. Arguments and errors are Router.send()'s."""
        core = self._core
        await self._attempt(lambda: core.find(session), lambda link: core.put(link, body), timeout)

    async def reply(self, event: Event, body: Any, *, timeout: float | None = None) -> None:
        """Answer a message that wants_reply. Arguments and errors are Router.reply()'s."""
        core, request = self._core, self._core.reply_to(event)
        await self._attempt(lambda: core.find(core.link_of(event)), lambda link: core.put(link, body, request), timeout)

    async def ask(self, session: Session | bytes, body: Any, *, timeout: float = 5.0) -> Any:
        """Send to a peer, and return the body of its reply. Arguments and errors are Router.ask()'s."""
        return await self._ask(lambda: self._core.find(session), body, timeout)

    async def close_session(self, session: Session | bytes) -> None:
        """End a session. Errors are Router.close_session()'s."""
        self._core.close_session(self._core.find(session))
        self._driver.pump()


class AsyncPeer(Joining, AsyncEnd):
    """A Peer for asyncio. Arguments are Peer's."""

    async def send(self, body: Any, *, timeout: float | None = None) -> None:
        """Send to the router. Arguments and errors are Router.send()'s."""
        core = self._core
        await self._attempt(core.find, lambda link: core.put(link, body), timeout)

    async def reply(self, event: Event, body: Any, *, timeout: float | None = None) -> None:
        """Answer a message that wants_reply. Arguments and errors are Router.reply()'s."""
        core, request = self._core, self._core.reply_to(event)
        await self._attempt(core.find, lambda link: core.put(link, body, request), timeout)

    async def ask(self, body: Any, *, timeout: float = 5.0) -> Any:
        """Send to the router, and return the body of its reply. Arguments and errors are Router.ask()'s."""
        return await self._ask(self._core.find, body, timeout)

    async def close(self) -> None:
        """As Peer.close()."""
        if not self._driver.closed:
            await self._driver.wait(lambda: not self._core.link.kept, self._linger)
            self._core.leave()
            self._driver.pump()
        await super().close()
