"""Feeds: numbered messages under topics, and how a follower joins a source so that it knows what it misses.

A follower subscribes to a prefix, and behind it to a private topic that names itself and the prefix. Such a subscription
reaches the source also through proxies, comes again after each reconnect, and goes when the follower goes; so the
source knows who follows what, and welcomes each: to the private topic, behind which nothing is missing.

Messages:
    topic, header, body…            numbered bodies, the header tells the first one's number
    topic, header, sizes, data      the same, many small ones in one frame, which chunks.py makes of them
    topic, header                   a beat: the number that comes next
    private topic, header, …        a welcome; what follows is the pattern's
    upstream, one frame             a word: its kind, the follower's id, and what the pattern says
A header is the source's session, a number, the kind and the frames of a body; a private topic FF, the follower's id,
which try it is, and the prefix. Topics are UTF-8, in which no FF is.
"""

from __future__ import annotations

import secrets
import struct
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import zmqfast as zmq
from zmqfast.patterns import chunks
from zmqfast.patterns.drivers import Core, Port

if TYPE_CHECKING:
    from typing_extensions import Buffer

HEARTBEAT_S = 1.0
HWM = 1000                  # messages, libzmq's own high-water mark
PATIENCE_S = 10.0
SESSIONS_AT_MOST = 1000     # sources of which a follower keeps the numbers
REPORTS_AT_MOST = 10_000    # followers of which a source keeps what they lost

DATA, BEAT, WELCOME, PACKED = 0, 1, 2, 3
HEADER = struct.Struct("!8sQBB")
PRIVATE = b"\xff"
ID_SIZE = 8
_TRY = struct.Struct("!I")
_BEFORE_PREFIX = len(PRIVATE) + ID_SIZE + _TRY.size
_LOST = struct.Struct("!Q")

# A link that died without a word is found out by the system; libzmq's own heartbeats would end slow readers' as well.
_KEPT_ALIVE = {"tcp_keepalive": 1, "tcp_keepalive_idle": 10, "tcp_keepalive_intvl": 5, "tcp_keepalive_cnt": 3}
_RECONNECT = {"reconnect_ivl": 50, "reconnect_ivl_max": 1000}


Slow = Literal["drop", "block", "disconnect"]


def policy(slow: Slow, hwm: int, patience: float) -> dict[str, Any]:
    """The options of a publishing socket.

    Raises:
        ValueError: there is no such policy.
    """
    if slow not in ("drop", "block", "disconnect"):
        raise ValueError(f"slow is 'drop', 'block' or 'disconnect', not {slow!r}")
    options: dict[str, Any] = {"sndhwm": hwm}
    if slow == "block":
        options["xpub_nodrop"] = 1
    elif slow == "disconnect":
        options["tcp_maxrt"] = max(1, int(patience * 1000))
    return options


def encoded(topic: str) -> bytes:
    """A topic as it travels.

    Raises:
        TypeError: it is no str.
    """
    if not isinstance(topic, str):
        raise TypeError(f"a topic is a str, not {topic!r}")
    return topic.encode()


def owned(frames: Sequence[Buffer]) -> list[bytes]:
    """Frames that stay as they are, whatever their sender does with his buffers."""
    return [frame if type(frame) is bytes else bytes(frame) for frame in frames]


def packed(frames: Sequence[Buffer], size: int, plain: bool = False) -> tuple[int, Sequence[Buffer]]:
    """How bodies of `size` frames travel behind topic and header: the kind, and the frames; `plain` where all are bytes."""
    if len(frames) > size:
        head, *data = chunks.pack(frames, plain=plain)
        if head:
            return PACKED, (head, *data)
    return DATA, frames


def unpacked(kind: int, frames: Sequence[Any]) -> Sequence[Any]:
    """The frames of the bodies that a message holds behind topic and header.

    Raises:
        ValueError: packed() did not make them.
    """
    return chunks.unpack(frames) if kind == PACKED else frames


def source_port(bind: str | None, connect: str | Sequence[str], slow: Slow, hwm: int, patience: float,
                every: bool = True) -> Port:
    """Where followers are; with `every` it is told of each subscription, else of the first and last to each topic."""
    if slow == "disconnect":
        for endpoint in filter(None, [bind, *([connect] if isinstance(connect, str) else connect)]):
            if not endpoint.startswith("tcp://"):
                raise ValueError(f"slow='disconnect' is for tcp alone, not for {endpoint}")
    # IMMEDIATE: where it connects, who has gone has unsubscribed, as where it binds; and does not count any more.
    return Port("followers", zmq.XPUB, **ends(bind, connect),
                options={"xpub_verboser": int(every), "immediate": 1, "rcvhwm": 0, **_KEPT_ALIVE, **_RECONNECT,
                         **policy(slow, hwm, patience)})


def feed_port(bind: str | None, connect: str | Sequence[str], hwm: int) -> Port:
    """Where sources are."""
    return Port("feed", zmq.XSUB, **ends(bind, connect),
                options={"sndhwm": 0, "rcvhwm": hwm, **_KEPT_ALIVE, **_RECONNECT})


def ends(bind: str | None, connect: str | Sequence[str]) -> dict[str, Any]:
    """Of a Port: where it binds and connects.

    Raises:
        ValueError: neither.
    """
    connect = [connect] if isinstance(connect, str) else list(connect)
    if not bind and not connect:
        raise ValueError("an endpoint is missing: bind or connect to one")
    return {"bind": bind or "", "connect": connect}


class SourceCore(Core):
    """Who follows what; override welcome(), and on_word() for what followers say."""

    def __init__(self) -> None:
        super().__init__()
        self.session = secrets.token_bytes(ID_SIZE)
        self.followers: dict[bytes, dict[bytes, bytes]] = {}    # id, private topic, prefix
        self.subscriptions: Counter[bytes] = Counter()          # to prefixes, the followers' among them
        self.reported: OrderedDict[bytes, int] = OrderedDict()  # what each follower said that it lost
        self.reported_before = 0                                # by those that are forgotten
        self.left = 0

    def header(self, number: int, kind: int, size: int) -> bytes:
        return HEADER.pack(self.session, number, kind, size)

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        frame = bytes(frames[0])
        kind = frame[:1]
        if kind in (b"\0", b"\1"):
            self._on_subscription(kind == b"\1", frame[1:])
        elif kind == b"L" and len(frame) == 1 + ID_SIZE + _LOST.size:
            self.reported[frame[1:1 + ID_SIZE]] = _LOST.unpack(frame[1 + ID_SIZE:])[0]
            if len(self.reported) > REPORTS_AT_MOST:
                self.reported_before += self.reported.popitem(last=False)[1]
        else:
            self.on_word(kind, frame[1:1 + ID_SIZE], frame[1 + ID_SIZE:])

    def _on_subscription(self, added: bool, topic: bytes) -> None:
        if not topic.startswith(PRIVATE) or len(topic) < _BEFORE_PREFIX:
            self.subscriptions[topic] += 1 if added else -1
            if not self.subscriptions[topic]:
                del self.subscriptions[topic]
            return
        name, prefix = topic[1:1 + ID_SIZE], topic[_BEFORE_PREFIX:]
        if added:
            self.followers.setdefault(name, {})[topic] = prefix
            self.send("followers", [topic, *self.welcome(prefix)])
        elif name in self.followers:
            self.followers[name].pop(topic, None)
            if not self.followers[name]:
                del self.followers[name]
                self.left += 1

    def welcome(self, prefix: bytes) -> list[Buffer]:
        """Header and frames for somebody who follows `prefix` from now on."""
        raise NotImplementedError

    def on_word(self, kind: bytes, name: bytes, rest: bytes) -> None:
        """Something that a follower says."""

    def count(self, topic: bytes | None) -> int:
        """How many have subscribed to it, or to anything: followers, and plain sockets."""
        def covers(prefix: bytes) -> bool:
            return topic is None or topic.startswith(prefix)

        following = sum(any(map(covers, joined.values())) for joined in self.followers.values())
        theirs = Counter(prefix for joined in self.followers.values() for prefix in set(joined.values()))
        plain = sum(max(0, number - theirs[prefix]) for prefix, number in self.subscriptions.items() if covers(prefix))
        return following + plain

    def lost(self) -> int:
        """What all followers said that they lost."""
        return self.reported_before + sum(self.reported.values())


class FollowerCore(Core):
    """What is followed, and what was missed; override on_messages() and on_welcome()."""

    def __init__(self, heartbeat: float) -> None:
        super().__init__()
        self.heartbeat = heartbeat
        self.name = secrets.token_bytes(ID_SIZE)
        self.tries = 0
        self.followed: dict[bytes, bytes] = {}                      # prefix, private topic
        self.numbers: OrderedDict[bytes, dict[bytes, int]] = OrderedDict()  # session, topic: what comes next
        self.joined: dict[bytes, set[bytes]] = {}                   # session, prefixes
        self.lost: Counter[bytes] = Counter()
        self.lost_in_all = 0
        self.gaps = 0
        self.told = 0
        self.tell_at = 0.0

    def follow(self, prefix: bytes) -> None:
        """Subscribe to it, and ask for a welcome."""
        if prefix not in self.followed:
            self.send("feed", [b"\1" + prefix])
            self._ask(prefix)

    def _ask(self, prefix: bytes) -> None:
        self.tries += 1
        private = self.followed[prefix] = PRIVATE + self.name + _TRY.pack(self.tries) + prefix
        self.send("feed", [b"\1" + private])

    def leave(self, prefix: bytes) -> None:
        """Subscribe to it no more."""
        private = self.followed.pop(prefix, None)
        if private is None:
            return
        self.send("feed", [b"\0" + private])
        self.send("feed", [b"\0" + prefix])
        for joined in self.joined.values():
            joined.discard(prefix)
        for numbers in self.numbers.values():       # what is published from now on is not missed
            for topic in [topic for topic in numbers if not any(map(topic.startswith, self.followed))]:
                del numbers[topic]

    def ask_again(self, prefix: bytes) -> None:
        """Ask for one more welcome, because something was missed."""
        self.send("feed", [b"\0" + self.followed[prefix]])
        self._ask(prefix)

    def numbers_of(self, session: bytes) -> dict[bytes, int]:
        """By topic, what comes next from that source."""
        numbers = self.numbers.get(session)
        if numbers is None:
            numbers = self.numbers[session] = {}
            if len(self.numbers) > SESSIONS_AT_MOST:
                oldest, _ = self.numbers.popitem(last=False)
                self.joined.pop(oldest, None)
        return numbers

    def arrived(self, session: bytes, topic: bytes, number: int, count: int) -> int:
        """Account for so many bodies from `number` on; returns how many of them were here before."""
        numbers = self.numbers_of(session)
        due = numbers.get(topic)
        if due is None:         # the first one, unless we were there before the topic was
            there = any(topic.startswith(prefix) for prefix in self.joined.get(session, ()))
            due = 1 if there else number
        if number > due:
            self.lost[topic] += number - due
            self.lost_in_all += number - due
            self.gaps += 1
        numbers[topic] = max(due, number + count)
        return min(count, max(0, due - number))

    def is_ours(self, private: bytes) -> bool:
        """Whether a private topic is the last one that we asked for."""
        return self.followed.get(private[_BEFORE_PREFIX:]) == private

    def join(self, private: bytes, session: bytes) -> None:
        """Its welcome was read: whatever the source has on that prefix from now on is for us."""
        self.numbers_of(session)
        if session not in self.joined:
            self.joined[session] = set()
            self.told = 0               # it has not heard what we lost
        self.joined[session].add(private[_BEFORE_PREFIX:])

    def has_joined(self, sources: int) -> bool:
        """Whether so many sources know all that we follow."""
        return sum(joined.issuperset(self.followed) for joined in self.joined.values()) >= sources

    def on_time(self, now: float) -> float | None:
        if self.lost_in_all == self.told:
            return None
        if now < self.tell_at:
            return self.tell_at
        self.told = self.lost_in_all
        self.tell_at = now + self.heartbeat
        self.send("feed", [b"L" + self.name + _LOST.pack(self.told)])
        return None


def entries(frames: Sequence[Any]) -> Iterator[tuple[bytes, bytes, int, int, int, Sequence[Any]]]:
    """What a publisher's welcome holds: topic, session, number, kind, frames of a body, and the body, of each topic."""
    place = 2
    while place + 1 < len(frames):
        session, number, kind, size = HEADER.unpack(frames[place + 1])
        end = place + 2 + (size if kind == DATA else 0)
        yield bytes(frames[place]), session, number, kind, size, frames[place + 2:end]
        place = end
