"""Every public call, ten thousand times: no object, no reference to what was passed in, no memory of C's is left behind.

Fewer times where a call makes threads or connections of libzmq's, or waits for them: the number stands beside it. With
ZMQFAST_LONG_TESTS (`make test-long`) these, too, are done ten thousand times.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import gc
import inspect
import os
import re
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator

import pytest

import zmqfast as zmq
import zmqfast.asyncio as zmq_asyncio

OFTEN = 10_000
OBJECTS = 0.02          # for each call; caches of the interpreter's and of other threads come once
BYTES = 20
FEWEST = 200            # objects, whatever the number of calls
FEWEST_BYTES = 200_000  # libzmq's queues, and what malloc keeps for a thread
SETTLING_S = 10         # libzmq's threads let go of things a little later
LONG_RUN = "ZMQFAST_LONG_TESTS" in os.environ
SANITIZED = "ZMQFAST_SANITIZED" in os.environ       # which counts bytes itself

DATA = bytearray(b"x" * 100)
LONG = bytearray(b"x" * 70_000)
TEXT = b"bytes that are lent over inproc" * 10
FRAMES = [b"a", DATA, b"c" * 100]
WATCHED = (DATA, LONG, TEXT, FRAMES, zmq.Again, zmq.Socket, zmq.Context, zmq.Frame, zmq.ZMQError, None, True, b"", ())


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


try:
    mallinfo = ctypes.CDLL(None).mallinfo2     # glibc 2.33 and later
    mallinfo.restype = Mallinfo
except (AttributeError, OSError, TypeError):
    mallinfo = None


def allocated_bytes() -> int:
    """What malloc has given out, in all threads; 0 where it does not tell."""
    if mallinfo is None or SANITIZED:
        return 0
    now = mallinfo()
    return now.uordblks + now.hblkhd


def held() -> tuple[int, int, int]:
    gc.collect()
    live = sum(zmq._core._live().values())      # takes back what was lent, first
    return sys.getallocatedblocks() + live, sum(map(sys.getrefcount, WATCHED)), allocated_bytes()


def is_little(grown: list[int], calls: int) -> bool:
    objects, references, size = grown
    most = max(FEWEST, OBJECTS * calls)
    return objects < most and references < most and size < max(FEWEST_BYTES, BYTES * calls)


class Growth:
    """How many objects, references and bytes there are more than before, once all has settled."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.before = held()
        self.deadline = time.monotonic() + SETTLING_S

    def look(self) -> bool:
        """Whether that is little, or will not get less."""
        self.grown = [now - then for now, then in zip(held(), self.before)]
        return is_little(self.grown, self.calls) or time.monotonic() > self.deadline

    def check(self) -> None:
        objects, references, size = self.grown
        assert is_little(self.grown, self.calls), (
            f"more after {self.calls} calls: {objects} objects, {references} references, {size} bytes")


# -- what the calls need ----------------------------------------------------------------------------------------------

class Ends:
    """A connected pair, and more."""

    def __init__(self, context: zmq.Context) -> None:
        self.context = context
        self.a, self.b = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self.a.bind("inproc://leaks")
        self.b.connect("inproc://leaks")
        self.empty, self.full = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        self.sub = context.socket(zmq.SUB)
        self.control, self.steering = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self.steering.bind("inproc://steering")
        self.control.connect("inproc://steering")
        self.front, self.back = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        if zmq.DRAFT_API:
            self.dish = context.socket(zmq.DISH)
            self.peer, self.other_peer = context.socket(zmq.PEER), context.socket(zmq.PEER)
            self.other_peer.bind("inproc://peer")
        self.batch = zmq.Batch()
        self.poller = zmq.Poller()
        self.poller.register(self.b, zmq.POLLIN)
        self.buffer = bytearray(200)

    def settle(self) -> None:
        """Let libzmq's sockets see what its threads have told them."""
        for socket in (self.a, self.b, self.empty, self.full, self.sub):
            socket.get(zmq.EVENTS)


@pytest.fixture
def ends() -> Iterator[Ends]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        context = zmq.Context()
        context.linger = 0
        yield Ends(context)
        context.destroy(linger=0)


def attempt(call: Callable[..., object], *args: object, **kwargs: object) -> None:
    try:
        call(*args, **kwargs)
    except (zmq.ZMQError, TypeError, ValueError, OverflowError, BufferError, KeyError):
        pass
    else:
        raise AssertionError("was accepted")


def there_and_back(e: Ends, send: Callable[[], object]) -> list[bytes]:
    send()
    return e.b.recv_multipart()


def with_room(call: Callable[[], object]) -> object:
    """What a call returns, once libzmq has got rid of enough sockets that were closed before."""
    while True:
        try:
            return call()
        except zmq.ZMQError as error:
            if error.errno != errno.EMFILE:
                raise
            time.sleep(0.001)


def monitored(e: Ends) -> None:
    end = with_room(lambda: e.a.get_monitor_socket(zmq.EVENT_ALL))
    e.a.disable_monitor()
    end.close()


def monitored_raw(e: Ends) -> None:
    with_room(lambda: e.a.monitor("inproc://raw-monitor", zmq.EVENT_ALL))
    e.a.close_monitor()


def opened(e: Ends) -> None:
    """libzmq keeps what waits over inproc until somebody has bound there, also when it was closed."""
    socket = e.context.socket(zmq.PUSH)
    with_room(lambda: socket.connect("inproc://nobody-yet"))
    socket.close(linger=0)
    e.empty.bind("inproc://nobody-yet")
    e.empty.unbind("inproc://nobody-yet")
    e.empty.get(zmq.EVENTS)     # looks, and so finds that its peer has gone


def peered(e: Ends) -> None:
    routing_id = e.peer.connect_peer("inproc://peer")
    e.peer.send(b"x", routing_id=routing_id)
    e.other_peer.recv()
    e.peer.disconnect_peer(routing_id)


def registered(e: Ends) -> None:
    poller = zmq.Poller()
    poller.register(e.b, zmq.POLLIN)
    poller.register(0, zmq.POLLIN)
    poller.modify(0, zmq.POLLOUT)
    poller.unregister(0)


def steered(e: Ends) -> None:
    e.steering.send(b"TERMINATE")
    zmq.proxy_steerable(e.front, e.back, None, e.control)


def after_the_end(call: Callable[..., object]) -> None:
    """A call that only the end of its context ends."""
    context = zmq.Context()
    front, back = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    context.shutdown()
    attempt(call, front, back)
    context.destroy(linger=0)


def bound_somewhere(e: Ends) -> None:
    port = e.empty.bind_to_random_port("tcp://127.0.0.1")
    e.empty.unbind(f"tcp://127.0.0.1:{port}")


def context_of_its_own(e: Ends) -> None:
    context = zmq.Context()
    context.setsockopt(zmq.LINGER, 0)
    context.set(zmq.MAX_SOCKETS, 10)
    assert (context.getsockopt(zmq.LINGER), context.get(zmq.MAX_SOCKETS)) == (0, 10)
    context.socket(zmq.PUSH).close()
    zmq.Context.shadow(context.underlying)
    context.term()


def imported_as_zmq(e: Ends) -> None:
    pyzmqs = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "zmq"}
    zmq.install_as_zmq()
    zmq.uninstall_as_zmq()
    sys.modules.update(pyzmqs)


Call = Callable[[Ends], object]

CALLS: dict[str, Call] = {
    "send, recv": lambda e: (e.a.send(b"x"), e.b.recv()),
    "send of a buffer": lambda e: (e.a.send(DATA), e.b.recv()),
    "send without a copy": lambda e: (e.a.send(LONG, copy=False), e.b.recv(copy=False)),
    "send of bytes without a copy": lambda e: (e.a.send(TEXT, copy=False), e.b.recv()),
    "a tracked send": lambda e: (e.a.send(LONG, copy=False, track=True), e.b.recv()),
    "a tracker": lambda e: (tracker := e.a.send(DATA, copy=False, track=True), e.b.recv(), tracker.wait(9), tracker.done),
    "send of a frame": lambda e: (e.a.send(zmq.Frame(LONG, copy=False)), e.b.recv(copy=False).buffer),
    "send_multipart": lambda e: there_and_back(e, lambda: e.a.send_multipart(FRAMES)),
    "send_multipart without a copy": lambda e: there_and_back(e, lambda: e.a.send_multipart(FRAMES, copy=False, track=True)),
    "recv_multipart of frames": lambda e: (e.a.send_multipart(FRAMES), [f.bytes for f in e.b.recv_multipart(copy=False)]),
    "recv_into": lambda e: (e.a.send(DATA), e.b.recv_into(e.buffer)),
    "send_many, recv_many": lambda e: (e.a.send_many(FRAMES), e.b.recv_many(3)),
    "recv_many of messages": lambda e: (e.a.send_many([FRAMES]), e.b.recv_many(multipart=True)),
    "recv_batch": lambda e: (e.a.send_many(FRAMES), e.b.recv_batch(e.batch), e.batch.tolist()),
    "views of a batch": lambda e: (e.a.send_many(FRAMES), e.b.recv_batch(e.batch), e.batch[0], e.batch.data, e.batch.offsets),
    "a new batch": lambda e: (e.a.send(TEXT), e.b.recv_batch()),
    "try_send, try_recv": lambda e: (e.a.try_send(DATA), e.b.try_recv()),
    "try_recv of nothing": lambda e: e.b.try_recv(),
    "iteration": lambda e: (e.a.send(DATA), next(e.b)),
    "send_json, recv_json": lambda e: (e.a.send_json({"a": [1, 2]}), e.b.recv_json()),
    "send_pyobj, recv_pyobj": lambda e: (e.a.send_pyobj((1, "a")), e.b.recv_pyobj()),
    "send_string, recv_string": lambda e: (e.a.send_string("text"), e.b.recv_string()),
    "send_unicode, recv_unicode": lambda e: (e.a.send_unicode("text"), e.b.recv_unicode()),
    "send_serialized, recv_serialized": lambda e: (e.a.send_serialized(FRAMES, list), e.b.recv_serialized(list)),
    "a receive in vain": lambda e: attempt(e.empty.recv, zmq.DONTWAIT),
    "a receive of many in vain": lambda e: attempt(e.empty.recv_multipart, zmq.DONTWAIT),
    "a send in vain": lambda e: attempt(e.full.send, DATA, zmq.DONTWAIT),
    "a send of what cannot be sent": lambda e: attempt(e.a.send, 5),
    "a message whose third frame cannot be sent": lambda e: attempt(e.a.send_multipart, [DATA, b"b", 5], copy=False),
    "many messages whose third cannot be sent":
        lambda e: (attempt(e.a.send_many, [DATA, b"b", 5]), e.b.recv_many(flags=zmq.DONTWAIT)),
    "a receive into what is too small": lambda e: (e.a.send(DATA), e.b.recv_into(bytearray(3))),
    "a receive into what cannot be written": lambda e: attempt(e.b.recv_into, b"bytes"),
    "poll": lambda e: e.b.poll(0),
    "a poller's poll": lambda e: e.poller.poll(0),
    "a poller's poll of what is ready": lambda e: (e.a.send(b"x"), e.poller.poll(), e.b.recv()),
    "a poller's wake": lambda e: (e.poller.wake(), e.poller.poll(0)),
    "register, modify, unregister": registered,
    "zmq_poll": lambda e: zmq.zmq_poll([(e.b, zmq.POLLIN)], 0),
    "select": lambda e: zmq.select([e.b], [], [], 0),
    "get": lambda e: (e.a.get(zmq.LINGER), e.a.get(zmq.LAST_ENDPOINT), e.a.get(zmq.EVENTS), e.a.linger, e.a.fileno()),
    "set": lambda e: (e.a.set(zmq.LINGER, 0), e.empty.set(zmq.ROUTING_ID, b"name")),
    "setsockopt, getsockopt": lambda e: (e.a.setsockopt(zmq.LINGER, 0), e.a.getsockopt(zmq.LINGER)),
    "set_string, get_string": lambda e: (e.empty.set_string(zmq.ROUTING_ID, "name"), e.empty.get_string(zmq.ROUTING_ID)),
    "setsockopt_string, getsockopt_string":
        lambda e: (e.empty.setsockopt_string(zmq.ROUTING_ID, "name"), e.empty.getsockopt_string(zmq.ROUTING_ID)),
    "setsockopt_unicode, getsockopt_unicode":
        lambda e: (e.empty.setsockopt_unicode(zmq.ROUTING_ID, "name"), e.empty.getsockopt_unicode(zmq.ROUTING_ID)),
    "set_hwm, get_hwm": lambda e: (e.empty.set_hwm(10), e.empty.get_hwm()),
    "subscribe, unsubscribe": lambda e: (e.sub.subscribe(b"topic"), e.sub.unsubscribe("topic")),
    "set of a wrong value": lambda e: attempt(e.a.set, zmq.LINGER, "text"),
    "get of no option": lambda e: attempt(e.a.get, 9999),
    "bind, unbind": lambda e: (e.empty.bind("inproc://more"), e.empty.unbind("inproc://more")),
    "a bind in vain": lambda e: attempt(e.empty.bind, "nonsense://x"),
    "a frame": lambda e: (zmq.Frame(DATA), zmq.Frame(b"x").bytes, repr(zmq.Frame(b"x")), zmq.Frame(TEXT).fast_copy()),
    "a frame's properties": lambda e: ((f := zmq.Frame(DATA)).set("routing_id", 1), f.get(zmq.MORE), attempt(f.get, "x")),
    "a frame without a copy": lambda e: memoryview(zmq.Frame(LONG, copy=False, track=True)),
    "a frame of nothing that can be one": lambda e: attempt(zmq.Frame, 5),
    "a tracker of trackers": lambda e: zmq.MessageTracker(zmq.MessageTracker()).done,
    "a socket's shadow": lambda e: zmq.Socket.shadow(e.a.underlying).linger,
    "proxy_steerable": steered,
    "an error's text": lambda e: str(zmq.ZMQError(zmq.EAGAIN)),
    "has, strerror, zmq_errno": lambda e: (zmq.has("ipc"), zmq.strerror(11), zmq.zmq_errno()),
    "versions": lambda e: (zmq.zmq_version(), zmq.zmq_version_info(), zmq.pyzmq_version(), zmq.pyzmq_version_info()),
    "get_includes, get_library_dirs": lambda e: (zmq.get_includes(), zmq.get_library_dirs()),
    **({"join, leave": lambda e: (e.dish.join("group"), e.dish.leave("group"))} if zmq.DRAFT_API else {}),
}

SLOW_CALLS: dict[str, tuple[int, Call]] = {
    "curve_keypair, curve_public": (1000, lambda e: zmq.curve_public(zmq.curve_keypair()[1]) if zmq.has("curve") else None),
    "set, get, socket, shadow and term of a context": (1000, context_of_its_own),
    "destroy of a context": (500, lambda e: (context := zmq.Context(), context.socket(zmq.PUSH), context.destroy(linger=0))),
    "a context and a socket that are forgotten": (500, lambda e: zmq.Context().socket(zmq.PUSH) and None),
    "close of a socket that waits over inproc": (300, opened),
    "get_monitor_socket, disable_monitor": (500, monitored),
    "monitor, close_monitor": (500, monitored_raw),
    "connect, disconnect": (1000, lambda e: (e.full.connect("tcp://127.0.0.1:9"), e.full.disconnect("tcp://127.0.0.1:9"))),
    "instance": (500, lambda e: zmq.Context.instance().term()),
    "peers, stats": (1000, lambda e: (e.empty.peers(), e.empty.stats())),
    "wait_connected": (1000, lambda e: attempt(e.full.wait_connected, timeout=0)),
    "bind_to_random_port": (300, bound_somewhere),
    "proxy and shutdown": (300, lambda e: after_the_end(zmq.proxy)),
    "device": (300, lambda e: after_the_end(lambda front, back: zmq.device(zmq.STREAMER, front, back))),
    "install_as_zmq, uninstall_as_zmq": (100, imported_as_zmq),
    **({"connect_peer, disconnect_peer": (500, peered)} if zmq.DRAFT_API and zmq.zmq_version_info() >= (4, 3, 6) else {}),
}


@pytest.mark.timeout(1000 if LONG_RUN else 180)
@pytest.mark.parametrize("name", [*CALLS, *SLOW_CALLS])
def test_calls_leave_nothing_behind(ends, name):
    repetitions, call = SLOW_CALLS[name] if name in SLOW_CALLS else (OFTEN, CALLS[name])
    if LONG_RUN:
        repetitions = OFTEN
    for _ in range(repetitions // 10):
        call(ends)
    for _ in range(2):              # what leaks does so twice; what a cache keeps, it has by then
        growth = Growth(repetitions)
        for _ in range(repetitions):
            call(ends)
        while not growth.look():
            time.sleep(0.05)
            ends.settle()
        if is_little(growth.grown, repetitions):
            break
    growth.check()


# -- asyncio ----------------------------------------------------------------------------------------------------------

async def cancelled(future: Awaitable[object]) -> None:
    task = asyncio.ensure_future(future)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def given_later(b: zmq_asyncio.Socket, a: zmq_asyncio.Socket) -> None:
    receiving = b.recv()
    await a.send(DATA)
    await receiving


ASYNC_CALLS: dict[str, Callable[[zmq_asyncio.Socket, zmq_asyncio.Socket], Awaitable[object]]] = {
    "recv of what is there": lambda a, b: a.send(DATA) and b.recv(),
    "recv of what comes later": lambda a, b: given_later(b, a),
    "recv_multipart": lambda a, b: a.send_multipart(FRAMES) and b.recv_multipart(copy=False),
    "recv_many": lambda a, b: a.send_many(FRAMES) and b.recv_many(),
    "a cancelled recv": lambda a, b: cancelled(b.recv()),
    "a cancelled poll": lambda a, b: cancelled(b.poll()),
    "poll": lambda a, b: b.poll(0),
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ASYNC_CALLS)
def test_asyncio_calls_leave_nothing_behind(name):
    call = ASYNC_CALLS[name]

    async def main() -> None:
        with zmq_asyncio.Context() as context, context.socket(zmq.PAIR) as a, context.socket(zmq.PAIR) as b:
            a.bind("inproc://leaks")
            b.connect("inproc://leaks")
            for _ in range(OFTEN // 10):
                await call(a, b)
            for _ in range(2):
                growth = Growth(OFTEN)
                for _ in range(OFTEN):
                    await call(a, b)
                while not growth.look():
                    await asyncio.sleep(0.05)
                if is_little(growth.grown, OFTEN):
                    break
            growth.check()

    asyncio.run(main())


# -- is it all of them? -----------------------------------------------------------------------------------------------

def test_every_public_call_is_among_them():
    classes = zmq.Socket, zmq.Context, zmq.Frame, zmq.Poller, zmq.MessageTracker, zmq.Batch
    calls = {name for owner in classes for name in dir(owner) if inspect.isroutine(getattr(owner, name, None))}
    calls |= {name for name in zmq.__all__ if inspect.isroutine(getattr(zmq, name))}
    with open(__file__, encoding="utf-8") as file:
        source = file.read().partition("class Ends")[2].partition("# -- asyncio")[0]
    missing = {name for name in calls if not name.startswith("_") and not re.search(rf"\b{name}\b", source)}
    assert not missing
