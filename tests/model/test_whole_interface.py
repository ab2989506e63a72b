"""The whole interface, driven at random, against a model of what must arrive.

A Link is two connected sockets and, for each direction, the messages under way: whatever form a message is sent in, it
arrives in whatever form it is asked for, in order, unchanged, and nothing else does. Between that, endpoints are left and
taken again, options set, sockets polled, watched, proxied, closed in the wrong moment, and contexts ended.

Some seconds here, the same each time; ZMQFAST_FUZZ_SECONDS=3600 for as long as that, different each time (`make soak`).
"""

from __future__ import annotations

import collections
import contextlib
import os
import threading
import time

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import zmqfast as zmq

WAIT_S = 20                 # for what must come; never for what must not
LINKS = 5                   # at a time
UNDER_WAY = 60              # messages of a direction
GROUP = "group"
FUZZ_S = float(os.environ.get("ZMQFAST_FUZZ_SECONDS", "0"))

# sender, receiver, whether answers go back, whether messages have several frames
KINDS = {
    "pipeline": ("PUSH", "PULL", False, True),
    "pair": ("PAIR", "PAIR", True, True),
    "dealers": ("DEALER", "DEALER", True, True),
    "router": ("DEALER", "ROUTER", True, True),
    "publish": ("XPUB", "SUB", False, True),
    "xsub": ("PUB", "XSUB", False, True),
    **({"client": ("CLIENT", "SERVER", True, False), "radio": ("RADIO", "DISH", False, False),
        "scatter": ("SCATTER", "GATHER", False, False), "channel": ("CHANNEL", "CHANNEL", True, False)}
       if zmq.DRAFT_API else {}),
}
THREAD_SAFE = ("client", "radio", "scatter", "channel")     # these have neither batches nor frames

sizes = st.one_of(st.integers(0, 40), st.sampled_from([0, 33, 34, 255, 256, 8192, 65535, 65536, 70_000, 200_000]))
SINGLE = ("send", "uncopied", "tracked", "bytearray", "memoryview", "Frame", "try_send", "send_many", "timeout")
SEVERAL = ("send_multipart", "uncopied", "tracked", "one by one", "Frames", "send_many", "try_send")
RECEIVING = ("recv", "uncopied", "recv_into", "recv_multipart", "uncopied multipart", "recv_many", "uncopied many",
             "recv_batch", "try_recv", "next", "poll", "Poller")

numbers = iter(range(1 << 62))


def body(number: int, size: int) -> bytes:
    """Different for each number, checkable at each byte."""
    return (b"%d," % number * (size // 2 + 1))[:size]


class Way:
    """One direction of a link: from `out` to `into`, and what is under way between them."""

    def __init__(self, link: Link, out: zmq.Socket, into: zmq.Socket) -> None:
        self.link, self.out, self.into = link, out, into
        self.expected: collections.deque[list[bytes]] = collections.deque()
        self.trackers: list[tuple[zmq.MessageTracker, bytearray | None]] = []

    # -- sending

    def envelope(self) -> list[bytes]:
        return [self.link.routing_id] if self.out.type == zmq.ROUTER else []

    def extra(self) -> dict:
        if self.link.kind == "client" and self.out is self.link.sockets[1]:
            return {"routing_id": self.link.routing_number}
        return {"group": GROUP} if self.link.kind == "radio" else {}

    def send(self, form: str, frames: list[bytes]) -> None:
        message = [*self.envelope(), *frames]
        if len(message) == 1:
            self.send_single(form, message[0], self.extra())
        else:
            self.send_several(form, message)
        self.expected.append(frames)

    def send_single(self, form: str, data: bytes, extra: dict) -> None:
        out = self.out
        if form in ("try_send", "send_many") and extra:
            form = "send"
        match form:
            case "uncopied" | "tracked":
                buffer = bytearray(data)
                tracker = out.send(buffer, copy=False, track=form == "tracked", **extra)
                if tracker is not None:
                    self.trackers.append((tracker, buffer))
            case "bytearray":
                buffer = bytearray(data)
                out.send(buffer, **extra)
                buffer[:] = b"changed when it was sent"
            case "memoryview":
                out.send(memoryview(b"." + data + b".")[1:-1], **extra)
            case "Frame":
                frame = zmq.Frame(data)
                out.send(frame, **extra)
                assert frame.bytes == data
            case "try_send":
                assert out.poll(WAIT_S * 1000, zmq.POLLOUT)     # who bound may be waiting for its peer
                assert out.try_send(data)
            case "send_many":
                assert out.send_many([data]) == 1
            case "timeout":
                out.send(data, timeout=WAIT_S, **extra)
            case _:
                out.send(data, **extra)

    def send_several(self, form: str, message: list[bytes]) -> None:
        out = self.out
        match form:
            case "uncopied" | "tracked":
                tracker = out.send_multipart(message, copy=False, track=form == "tracked")
                if tracker is not None:
                    self.trackers.append((tracker, None))
            case "one by one":
                for frame in message[:-1]:
                    out.send(frame, zmq.SNDMORE)
                out.send(message[-1])
            case "Frames":
                out.send_multipart([zmq.Frame(frame) for frame in message])
            case "try_send":
                assert out.poll(WAIT_S * 1000, zmq.POLLOUT)     # who bound may be waiting for its peer
                assert out.try_send(message)
            case "send_many":
                assert out.send_many([message]) == 1
            case _:
                out.send_multipart(message)

    # -- receiving

    def receive(self, form: str) -> None:
        """The next message in that form, or several; then what the model says must have come."""
        came = self.taken(form)
        for frames in came:
            wanted = self.expected.popleft()
            if self.into.type == zmq.ROUTER:
                frames = frames[1:]
            assert frames == wanted, (form, [frame[:30] for frame in frames], [frame[:30] for frame in wanted])

    def taken(self, form: str) -> list[list[bytes]]:
        into, first = self.into, self.expected[0]
        envelope = into.type == zmq.ROUTER
        several = envelope or len(first) > 1
        most = len(self.expected)
        match form:
            case "recv_into" if not several:
                buffer = bytearray(max(len(first[0]), 1))
                size = into.recv_into(buffer, timeout=WAIT_S)
                return [[bytes(buffer[:size])]]
            case "uncopied" if not several:
                return [[into.recv(copy=False, timeout=WAIT_S).bytes]]
            case "recv":
                frames = [into.recv(timeout=WAIT_S)]
                while self.link.frames and into.get(zmq.RCVMORE):
                    frames.append(into.recv())
                return [frames]
            case "uncopied multipart":
                frames = into.recv_multipart(copy=False, timeout=WAIT_S)
                return [[frame.bytes for frame in frames]]
            case "recv_many" if self.link.frames:
                return into.recv_many(most, timeout=WAIT_S, multipart=True)
            case "uncopied many" if self.link.frames:
                messages = into.recv_many(most, timeout=WAIT_S, multipart=True, copy=False)
                return [[frame.bytes for frame in frames] for frames in messages]
            case "recv_batch" if all(len(frames) == 1 for frames in self.expected) and self.link.frames and not envelope:
                batch = into.recv_batch(max_messages=most, timeout=WAIT_S)
                return [[bytes(batch[i])] for i in range(len(batch))]
            case "try_recv" if not several:
                assert into.poll(WAIT_S * 1000) == zmq.POLLIN
                return [[into.try_recv()]]
            case "next" if self.link.frames:
                return [next(into)]
            case "poll":
                assert into.poll(WAIT_S * 1000) == zmq.POLLIN
                return [into.recv_multipart(zmq.DONTWAIT)]
            case "Poller":
                poller = zmq.Poller()
                poller.register(into, zmq.POLLIN)
                assert poller.poll(WAIT_S * 1000) == [(into, zmq.POLLIN)]
                return [into.recv_multipart(zmq.DONTWAIT)]
            case _:
                return [into.recv_multipart(timeout=WAIT_S)]

    def finish(self) -> None:
        """Everything arrives, and then nothing more does."""
        while self.expected:
            self.receive("recv_multipart")
        assert self.into.try_recv() is None
        with pytest.raises(zmq.Again):
            self.into.recv(zmq.DONTWAIT)
        for tracker, buffer in self.trackers:
            tracker.wait(WAIT_S)
            if buffer is not None:
                buffer += b"may be resized again"
        self.trackers.clear()


class Link:
    def __init__(self, context: zmq.Context, kind: str, transport: str, folder: str, proxied: bool) -> None:
        self.kind, self.transport = kind, transport
        names = KINDS[kind]
        self.frames = names[3]
        self.sockets = tuple(context.socket(getattr(zmq, name)) for name in names[:2])
        self.proxy: threading.Thread | None = None
        self.routing_id, self.routing_number = b"", 0
        sender, receiver = self.sockets
        for socket in self.sockets:
            socket.linger = 0
            socket.sndhwm = socket.rcvhwm = 0           # the model has no queue that is full
            socket.rcvtimeo = socket.sndtimeo = WAIT_S * 1000
        if kind == "router":
            self.routing_id = sender.routing_id = b"r%d" % next(numbers)
        if kind == "publish":
            receiver.subscribe(b"")
        if kind == "radio":
            receiver.join(GROUP)
        self.wildcard = {"inproc": f"inproc://{next(numbers)}", "ipc": f"ipc://{folder}/{next(numbers)}",
                         "tcp": "tcp://127.0.0.1:*"}[transport]
        receiver.bind(self.wildcard)
        if proxied:
            self.put_proxy(context, receiver)
        else:
            self.endpoint = receiver.last_endpoint.rstrip(b"\0").decode()
        sender.connect(self.endpoint)
        self.greet()
        self.ways = [Way(self, sender, receiver)] + ([Way(self, receiver, sender)] if names[2] else [])

    def put_proxy(self, context: zmq.Context, receiver: zmq.Socket) -> None:
        front, back = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        for socket in (front, back):
            socket.linger = socket.sndhwm = socket.rcvhwm = 0
        back.connect(receiver.last_endpoint.rstrip(b"\0").decode())
        self.endpoint = f"inproc://{next(numbers)}"
        front.bind(self.endpoint)

        def forward() -> None:
            try:
                zmq.proxy(front, back)
            except zmq.ContextTerminated:
                pass
            front.close(0)
            back.close(0)

        self.proxy = threading.Thread(target=forward)
        self.proxy.start()

    def greet(self) -> None:
        """Until the first message has come through, so that none is lost for want of a subscriber, nor sent to nobody."""
        sender, receiver = self.sockets
        if self.kind == "publish":
            deadline = time.monotonic() + WAIT_S
            while not sender.poll(5):
                assert time.monotonic() < deadline, "nobody subscribed"
                receiver.get(zmq.EVENTS)        # who bound sees the new peer only when it is used, and subscribes then
            assert sender.recv() == b"\1"
        if self.kind == "xsub":
            receiver.send(b"\1")
        if self.kind in ("xsub", "radio"):
            extra = {"group": GROUP} if self.kind == "radio" else {}
            deadline = time.monotonic() + WAIT_S
            sent = 0
            while not receiver.poll(5):
                assert time.monotonic() < deadline, "nothing was published"
                sender.send(b"greeting", **extra)
                sent += 1
            sender.send(b"last greeting", **extra)
            while receiver.recv() != b"last greeting":
                pass
        if self.kind in ("router", "client"):
            sender.send(b"greeting")
            if self.kind == "router":
                assert receiver.recv_multipart() == [self.routing_id, b"greeting"]
            else:
                self.routing_number = receiver.recv(copy=False).routing_id

    def move(self) -> None:
        """Meet elsewhere: the old place is left by both, a new one is taken."""
        sender, receiver = self.sockets
        for way in self.ways:
            way.finish()
        sender.disconnect(self.endpoint)
        receiver.unbind(self.endpoint)
        if self.transport != "tcp":
            self.wildcard += "+"
        receiver.bind(self.wildcard)
        self.endpoint = receiver.last_endpoint.rstrip(b"\0").decode()
        sender.connect(self.endpoint)

    def close(self) -> None:
        for socket in self.sockets:
            socket.close(0)
            with pytest.raises(zmq.ZMQError) as caught:
                socket.recv(zmq.DONTWAIT)
            assert caught.value.errno == zmq.ENOTSOCK


class WholeInterface(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.context = zmq.Context()
        self.links: list[Link] = []
        self.monitors: list[zmq.Socket] = []

    @precondition(lambda self: len(self.links) < LINKS)
    @rule(kind=st.sampled_from(sorted(KINDS)), transport=st.sampled_from(["inproc", "inproc", "tcp", "ipc"]),
          proxied=st.booleans())
    def open(self, kind, transport, proxied):
        self.links.append(Link(self.context, kind, transport, FOLDER[0], proxied and kind == "pipeline"))

    @precondition(lambda self: self.links)
    @rule(data=st.data(), form=st.integers(0, 100), lengths=st.lists(sizes, min_size=1, max_size=4), times=st.integers(1, 4))
    def send(self, data, form, lengths, times):
        way = data.draw(self.ways())
        if not way.link.frames:
            lengths = lengths[:1]
        for _ in range(times):
            if len(way.expected) < UNDER_WAY:
                frames = [body(next(numbers), length) for length in lengths]
                forms = SINGLE if len(frames) == 1 else SEVERAL
                way.send(forms[form % len(forms)], frames)

    @precondition(lambda self: any(way.expected for link in self.links for way in link.ways))
    @rule(data=st.data(), form=st.sampled_from(RECEIVING))
    def receive(self, data, form):
        data.draw(self.ways(busy=True)).receive(form)

    @precondition(lambda self: self.links)
    @rule(data=st.data())
    def receive_all(self, data):
        data.draw(self.ways()).finish()

    @precondition(lambda self: self.links)
    @rule(timeout_ms=st.sampled_from([0, WAIT_S * 1000]))
    def poll_all(self, timeout_ms):
        """Every socket that has something is told, if there is one to wait for; none is that has not."""
        poller = zmq.Poller()
        sockets = {way.into: way for link in self.links for way in link.ways}
        for socket in sockets:
            poller.register(socket, zmq.POLLIN)
        busy = {socket for socket, way in sockets.items() if way.expected}
        told = dict(poller.poll(timeout_ms if busy else 0))
        assert set(told) <= busy
        assert told or not (busy and timeout_ms)

    @precondition(lambda self: self.links)
    @rule(data=st.data(),
          option=st.sampled_from(["linger", "rcvhwm", "sndhwm", "immediate", "ipv6", "tcp_keepalive", "backlog"]),
          value=st.sampled_from([0, 1, -1, 1000, "x", None, 2**40, b"1"]))
    def set_option(self, data, option, value):
        """Right or wrong, it changes nothing for connections there are, except that these count at once: put back."""
        socket = data.draw(self.ways()).out
        before = getattr(socket, option)
        try:
            setattr(socket, option, value)
        except (zmq.ZMQError, TypeError, OverflowError, ValueError):
            pass
        setattr(socket, option, before)
        assert getattr(socket, option) == before

    @precondition(lambda self: self.links)
    @rule(data=st.data())
    def misuse(self, data):
        """Each is refused, and the messages under way do not notice."""
        way = data.draw(self.ways())
        for call in (
            lambda: way.out.send("text"), lambda: way.out.send(None), lambda: way.out.send_multipart([b"a", 1]),
            lambda: way.into.recv_into(b"read-only"), lambda: way.out.bind("nonsense"), lambda: way.out.connect("tcp://x:y:z"),
            lambda: way.out.disconnect("inproc://never-connected"), lambda: way.out.get(987654), lambda: way.out.set(987654, 1),
            lambda: way.out.send_many(b"bytes" if way.link.frames else None), lambda: way.out.send(memoryview(b"abcd")[::2]),
        ):
            with pytest.raises((zmq.ZMQError, TypeError, ValueError, BufferError)):
                call()

    @precondition(lambda self: any(link.kind == "pipeline" and not link.proxy for link in self.links))
    @rule(data=st.data())
    def move(self, data):
        """Not what answers: who bound would send to the peer that has left, until it knows."""
        movable = [link for link in self.links if link.kind == "pipeline" and not link.proxy]
        data.draw(st.sampled_from(movable)).move()

    @precondition(lambda self: any(link.kind not in THREAD_SAFE for link in self.links) and len(self.monitors) < 4)
    @rule(data=st.data())
    def watch(self, data):
        watched = data.draw(st.sampled_from([link for link in self.links if link.kind not in THREAD_SAFE])).sockets[0]
        if watched._monitor_socket is None:
            self.monitors.append(watched.get_monitor_socket())

    @precondition(lambda self: self.monitors)
    @rule()
    def read_what_was_watched(self):
        for monitor in self.monitors:
            while not monitor.closed and monitor.poll(0):
                monitor.recv_multipart(zmq.DONTWAIT)

    @precondition(lambda self: any(not link.proxy for link in self.links))
    @rule(data=st.data())
    def close(self, data):
        """With messages under way, or without."""
        link = data.draw(st.sampled_from([link for link in self.links if not link.proxy]))
        self.links.remove(link)
        link.close()

    @rule(how=st.sampled_from(["destroy", "term"]))
    def end_context(self, how):
        self.end(how)
        self.context = zmq.Context()

    @invariant()
    def the_context_is_open(self):
        assert not self.context.closed

    def ways(self, busy: bool = False) -> st.SearchStrategy[Way]:
        return st.sampled_from([way for link in self.links for way in link.ways if way.expected or not busy])

    def end(self, how: str) -> None:
        for link in self.links:
            for way in link.ways:
                way.finish()
        for monitor in self.monitors:
            monitor.close(0)
        for link in self.links:
            link.close()
        if how == "destroy" and not any(link.proxy for link in self.links):
            self.context.destroy(linger=0)
        else:
            self.context.term()             # ends the proxies, whose threads close what is theirs
        for link in self.links:
            if link.proxy:
                link.proxy.join(WAIT_S)
                assert not link.proxy.is_alive()
        self.links.clear()
        self.monitors.clear()

    def teardown(self) -> None:
        self.end("destroy")


FOLDER: list[str] = []      # for ipc endpoints; a rule knows no fixtures


@pytest.mark.timeout(FUZZ_S + 300)
def test_what_is_sent_arrives_whatever_else_is_done(ipc_folder):
    FOLDER[:] = [ipc_folder]
    until_s = time.monotonic() + FUZZ_S
    settings = hypothesis.settings(
        max_examples=100, stateful_step_count=40, deadline=None, database=None, print_blob=True, derandomize=not FUZZ_S,
        phases=[hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if FUZZ_S else [])],
        suppress_health_check=list(hypothesis.HealthCheck))
    while True:
        # How many messages one call takes is for the system to say, and what can be done next depends on it. Who fails besides
        # is told of by FlakyFailure.
        with contextlib.suppress(hypothesis.errors.FlakyStrategyDefinition):
            run_state_machine_as_test(WholeInterface, settings=settings)
        if time.monotonic() >= until_s:
            break
