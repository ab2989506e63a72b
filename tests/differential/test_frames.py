"""Frames, messages and their trackers."""

import copy
import pickle

import pytest

from differential.outcome import Step, attempt
from differential.tables import VALUES

SIZES = (0, 1, 29, 30, 33, 34, 255, 256, 65535, 65536, 65537, 1 << 20)


def test_a_frame_of_any_value(agree):
    def case(value):
        def make(lib, context):
            frame = lib.Frame(value)
            return frame, len(frame), attempt(lib, bytes, frame), attempt(lib, lambda: frame.buffer), frame.more
        return make

    agree("Frame", [(name, case(value)) for name, value in VALUES.items()])


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_of_any_size_and_way(agree, size):
    data = b"x" * size

    def case(**kwargs):
        def make(lib, context):
            frame = lib.Frame(data, **kwargs)
            return (len(frame), frame.bytes == data, bytes(frame) == data, bytes(frame.buffer) == data,
                    bytes(memoryview(frame)) == data, memoryview(frame).readonly, frame.buffer.readonly,
                    memoryview(frame).format, memoryview(frame).nbytes, attempt(lib, lambda: frame.tracker))
        return make

    ways = ({}, {"track": True}, {"copy": True}, {"copy": False}, {"copy": False, "track": True},
            {"copy_threshold": 0}, {"copy_threshold": 1 << 30})
    agree("Frame", [(f"{size} bytes {way}", case(**way)) for way in ways])


FRAME_CALLS = {
    "bool of an empty one": lambda lib, f: bool(lib.Frame(b"")),
    "bool": lambda lib, f: bool(f),
    "len()": lambda lib, f: len(f),
    "str": lambda lib, f: str(lib.Frame(b"abc")),
    "str of a text": lambda lib, f: str(lib.Frame("é".encode())),
    "== bytes": lambda lib, f: f == b"abc",
    "== a frame": lambda lib, f: f == lib.Frame(b"abc"),
    "!= a frame": lambda lib, f: f != lib.Frame(b"abc"),
    "== None": lambda lib, f: f == None,  # noqa: E711
    "< a frame": lambda lib, f: f < lib.Frame(b"abd"),
    "hash": lambda lib, f: isinstance(hash(f), int),
    "f[0]": lambda lib, f: f[0],
    "f[0:1]": lambda lib, f: f[0:1],
    "f['Identity']": lambda lib, f: f["Identity"],
    "iteration": lambda lib, f: list(f),
    "in": lambda lib, f: b"a" in f,
    "+": lambda lib, f: f + b"x",
    "copy": lambda lib, f: copy.copy(f),
    "deepcopy": lambda lib, f: copy.deepcopy(f),
    "copy of a copy": lambda lib, f: copy.copy(copy.copy(f)),
    "pickle": lambda lib, f: pickle.loads(pickle.dumps(f)),
    "join": lambda lib, f: b"-".join([f, f]),
    "bytearray": lambda lib, f: bytearray(f),
    "slice of memoryview": lambda lib, f: bytes(memoryview(f)[1:]),
    "writing": lambda lib, f: memoryview(f).__setitem__(0, 1),
    "new attribute": lambda lib, f: setattr(f, "no_such", 1),
    "setting bytes": lambda lib, f: setattr(f, "bytes", b""),
    "setting more": lambda lib, f: setattr(f, "more", True),
    "group": lambda lib, f: f.group,
    "routing_id": lambda lib, f: f.routing_id,
    "set group": lambda lib, f: setattr(f, "group", "g") or f.group,
    "set a long group": lambda lib, f: setattr(f, "group", "g" * 16),
    "set routing_id": lambda lib, f: setattr(f, "routing_id", 5) or f.routing_id,
    "get MORE": lambda lib, f: f.get(lib.MORE),
    "get SHARED": lambda lib, f: f.get(lib.SHARED),
    "get SRCFD": lambda lib, f: f.get(lib.SRCFD),
    "get 9999": lambda lib, f: f.get(9999),
    "get 'Identity'": lambda lib, f: f.get("Identity"),
    "get 'User-Id'": lambda lib, f: f.get("User-Id"),
    "get 'no such'": lambda lib, f: f.get("no such"),
    "get b'bytes'": lambda lib, f: f.get(b"Identity"),
    "get None": lambda lib, f: f.get(None),
    "set MORE": lambda lib, f: f.set(lib.MORE, 1),
    "set 9999": lambda lib, f: f.set(9999, 1),
    "set 'group'": lambda lib, f: f.set("group", "g"),
    "set 'no such'": lambda lib, f: f.set("no such", "g"),
    "attribute no_such": lambda lib, f: f.no_such,
    "tracker_event": lambda lib, f: f.tracker_event,
    "two views": lambda lib, f: f.buffer is f.buffer,
    "bytes of a frame made of bytes": lambda lib, f: (lambda data: lib.Frame(data).bytes is data)(b"x" * 100),
    "isinstance Message": lambda lib, f: isinstance(f, lib.Message),
    "Frame()": lambda lib, f: lib.Frame(),
    "Frame(Frame)": lambda lib, f: lib.Frame(f),
    "Frame(no_such=1)": lambda lib, f: lib.Frame(b"", no_such=1),
    "subclass": lambda lib, f: len(type("Mine", (lib.Frame,), {})(b"abc")),
    "repr": lambda lib, f: Step(repr(f).replace("zmq.sugar.frame.", "zmq.").split(" at ")[0].split("(")[0]),
}


@pytest.mark.parametrize("name", FRAME_CALLS)
def test_what_a_frame_can_do(agree, name):
    agree("frame", [(name, lambda lib, context: FRAME_CALLS[name](lib, lib.Frame(b"abc")))])


def connected(lib, context):
    push, pull = context.socket(lib.PUSH), context.socket(lib.PULL)
    pull.bind("tcp://127.0.0.1:*")
    push.connect(pull.last_endpoint.decode())
    return push, pull


RECEIVED = ("bool", "len()", "str", "== bytes", "copy", "get MORE", "get SHARED", "get 'Identity'", "get 'User-Id'",
            "get 'no such'", "routing_id", "group", "tracker_event", "writing", "join")


@pytest.mark.parametrize("name", RECEIVED)
def test_what_a_received_frame_can_do(agree, name):
    def case(lib, context):
        push, pull = connected(lib, context)
        push.send(b"abc")
        return FRAME_CALLS[name](lib, pull.recv(copy=False))

    agree("received frame", [(name, case)])


def test_properties_that_a_peer_gives(agree):
    names = ("Socket-Type", "Identity", "Resource", "Peer-Address", "User-Id", "socket-type", "", "é", "X-Own")

    def case(name):
        def get(lib, context):
            dealer, router = context.socket(lib.DEALER), context.socket(lib.ROUTER)
            dealer.routing_id = b"me"
            router.bind("tcp://127.0.0.1:*")
            dealer.connect(router.last_endpoint.decode())
            dealer.send(b"abc")
            frames = router.recv_multipart(copy=False)
            return [attempt(lib, lambda f=frame: f.get(name)) for frame in frames], [f.more for f in frames]
        return get

    agree("property", [(repr(name), case(name)) for name in names])


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("track", [True, False])
def test_what_a_tracker_says(agree, size, copies, track):
    def single(lib, context):
        push, pull = connected(lib, context)
        tracker = push.send(b"x" * size, copy=copies, track=track)
        pull.recv()
        if tracker is None:
            return None
        return attempt(lib, tracker.wait, 5), tracker.done, isinstance(tracker, lib.MessageTracker)

    def several(lib, context):
        push, pull = connected(lib, context)
        tracker = push.send_multipart([b"x" * size, b"y" * size], copy=copies, track=track)
        pull.recv_multipart()
        return tracker if tracker is None else attempt(lib, tracker.wait, 5)

    def received(lib, context):
        push, pull = connected(lib, context)
        push.send(b"x" * size)
        frame = pull.recv(copy=copies, track=track)
        return type(frame) if copies else attempt(lib, lambda: frame.tracker)

    def a_frame(lib, context):
        push, pull = connected(lib, context)
        frame = lib.Frame(b"x" * size, copy=copies, track=track)
        tracker = push.send(frame, copy=copies, track=track)
        received = pull.recv()
        return len(received), len(frame), tracker is None

    agree(f"tracker, {size} bytes, copy={copies}, track={track}", [
        ("send", single), ("send_multipart", several), ("recv", received), ("send a frame", a_frame)])


def test_trackers_by_themselves(agree):
    agree("MessageTracker", [
        ("of nothing", lambda lib, context: lib.MessageTracker().done),
        ("wait for nothing", lambda lib, context: lib.MessageTracker().wait(0)),
        ("of a tracker", lambda lib, context: lib.MessageTracker(lib.MessageTracker()).done),
        ("of a frame", lambda lib, context: lib.MessageTracker(lib.Frame(b"x", track=True)).done),
        ("of an untracked frame", lambda lib, context: lib.MessageTracker(lib.Frame(b"x")).done),
        ("of a number", lambda lib, context: lib.MessageTracker(5)),
        ("of None", lambda lib, context: lib.MessageTracker(None)),
        ("wait 0", lambda lib, context: lib.MessageTracker(big(lib)).wait(0)),
        ("wait 0.01", lambda lib, context: lib.MessageTracker(big(lib)).wait(0.01)),
        ("wait timeout=0", lambda lib, context: lib.MessageTracker(big(lib)).wait(timeout=0)),
        ("wait 'x'", lambda lib, context: lib.MessageTracker(big(lib)).wait("x")),
        ("of a living frame", lambda lib, context: lib.MessageTracker(big(lib)).done),
    ])


KEPT = []


def big(lib):
    """A tracked frame that lives as long as this case."""
    KEPT[:] = [lib.Frame(b"x" * 100_000, track=True, copy=False)]
    return KEPT[0]


@pytest.fixture(autouse=True)
def forget():
    yield
    KEPT.clear()


@pytest.mark.parametrize("size", [0, 1, 33, 34, 255, 256, 8192, 65536])
def test_receiving_a_frame_of_any_size(agree, size):
    def case(lib, context):
        push, pull = connected(lib, context)
        push.send_multipart([b"a" * size, b"b"])
        frame = pull.recv(copy=False)
        return len(frame), frame.more, frame.bytes == b"a" * size, pull.rcvmore, pull.recv(), pull.rcvmore

    agree("recv", [(f"{size} bytes", case)])
