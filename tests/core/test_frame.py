"""Frame: bytes in libzmq's hands, as a buffer and as properties."""

from __future__ import annotations

import copy
import gc
import sys

import pytest

import zmqfast as zmq


@pytest.mark.parametrize("data", [b"", b"abc", b"x" * 33, b"x" * 34, b"x" * 100_000, bytearray(b"abc"),
                                  memoryview(b"abc"), zmq.Frame(b"abc")], ids=lambda data: f"{type(data).__name__}")
@pytest.mark.parametrize("copying", [True, False, None])
def test_a_frame_holds_what_it_was_made_of(data, copying):
    frame = zmq.Frame(data, copy=copying)
    expected = bytes(data)
    assert frame.bytes == bytes(frame) == bytes(frame.buffer) == expected
    assert len(frame) == len(expected)
    assert not frame.more


def test_an_empty_frame_needs_no_data():
    assert zmq.Frame().bytes == b""


@pytest.mark.parametrize("data", ["text", 5, 1.5, [1], memoryview(b"abcd")[::2]], ids=repr)
def test_what_is_no_buffer_is_refused(data):
    with pytest.raises((TypeError, BufferError)):
        zmq.Frame(data)


def test_a_frame_made_of_bytes_gives_the_same_object_back():
    data = b"x" * 1000
    assert zmq.Frame(data).bytes is data


@pytest.mark.parametrize("size", [3, 100, 9000, 100_000])
def test_a_frame_is_a_buffer_that_can_be_written_while_its_bytes_are_its_own(size):
    body = bytes(size)
    frame = zmq.Frame(body, copy=True)
    assert frame.bytes == body
    view = memoryview(frame)
    assert (view.format, view.itemsize, view.nbytes) == ("B", 1, size)
    view[0] = 1
    assert frame.bytes[0] == 1
    assert body[0] == 0


def test_lent_bytes_cannot_be_written(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    body = b"x" * 100_000
    frame = zmq.Frame(body, copy=False)
    assert memoryview(frame).readonly
    push.send(body, copy=False)
    assert memoryview(pull.recv(copy=False)).readonly


@pytest.mark.parametrize("size", [3, 100, 9000, 100_000])
def test_a_received_frame_can_be_written(tcp_pair, size):
    push, pull = tcp_pair(zmq.PUSH, zmq.PULL)
    push.send(bytes(size))
    with memoryview(pull.recv(copy=False)) as view:
        view[-1] = 255
        assert view[-1] == 255


def test_what_others_may_read_cannot_be_written(context, fresh_endpoint):
    xpub = context.socket(zmq.XPUB)
    endpoint = fresh_endpoint("inproc")
    xpub.xpub_verbose = 1
    xpub.bind(endpoint)
    subscribers = [context.socket(zmq.SUB) for _ in range(2)]
    for subscriber in subscribers:
        subscriber.connect(endpoint)
        subscriber.subscribe(b"")
        assert xpub.poll(5000)
        xpub.recv()
    xpub.send(b"x" * 1000)
    frames = [subscriber.recv(copy=False) for subscriber in subscribers]
    assert memoryview(frames[0]).readonly
    frame = zmq.Frame(b"x" * 1000, copy=True)
    shared = copy.copy(frame)
    assert memoryview(frame).readonly
    assert memoryview(shared).readonly


def test_a_copy_shares_the_bytes():
    frame = zmq.Frame(b"x" * 1000, track=True)
    other = copy.copy(frame)
    del frame
    assert other.bytes == b"x" * 1000
    assert other.tracker.done


def test_initialising_again_replaces_the_bytes():
    frame = zmq.Frame(b"x" * 1000)
    frame.__init__(b"y" * 2000)
    assert frame.bytes == b"y" * 2000


def test_a_received_frame_knows_its_peer(tcp_pair):
    push, pull = tcp_pair(zmq.PUSH, zmq.PULL)
    push.send_multipart([b"a", b"b" * 50_000])
    first, last = pull.recv_multipart(copy=False)
    for frame in (first, last):
        assert frame.get("Peer-Address") == frame["Peer-Address"] == "127.0.0.1"
        assert frame.get("Socket-Type") == "PUSH"
    assert (first.more, last.more) == (True, False)
    assert first.get(zmq.MORE) == 1


def test_an_unknown_property_raises_einval():
    with pytest.raises(zmq.ZMQError) as caught:
        zmq.Frame(b"x").get("No-Such-Property")
    assert caught.value.errno == zmq.Errno.EINVAL


def test_group_and_routing_id_can_be_set():
    frame = zmq.Frame(b"x")
    assert (frame.group, frame.routing_id) == ("", 0)
    frame.group = "news"
    assert frame.get("group") == frame.group == "news"
    other = zmq.Frame(b"x")
    other.set("routing_id", 7)
    assert other.get("routing_id") == other.routing_id == 7


@pytest.mark.parametrize(("name", "value", "error"), [
    ("group", "x" * 256, zmq.ZMQError), ("group", 5, TypeError), ("group", "a\0b", ValueError),
    ("routing_id", 0, zmq.ZMQError), ("routing_id", -1, OverflowError), ("routing_id", 1 << 32, OverflowError),
    ("routing_id", "x", TypeError), ("no such name", 1, zmq.ZMQError),
], ids=repr)
def test_bad_groups_and_routing_ids_are_refused(name, value, error):
    with pytest.raises(error):
        zmq.Frame(b"x").set(name, value)


@pytest.mark.parametrize(("data", "expected"), [
    (b"abc", "<zmq.Frame(b'abc')>"),
    (b"x" * 1000, "<zmq.Frame(b'xxxxxxxxxxxx'...1kB)>"),
], ids=["short", "long"])
def test_repr_shows_the_beginning(data, expected):
    assert repr(zmq.Frame(data)) == expected


def test_message_is_another_name_for_frame():
    assert zmq.Message is zmq.Frame


def test_frames_that_are_dropped_leave_nothing_behind():
    before = zmq._core._live()["Frame"]
    for size in (0, 10, 100, 100_000):
        zmq.Frame(bytes(size))
        zmq.Frame(bytes(size), copy=False)
    gc.collect()
    assert zmq._core._live()["Frame"] == before


def test_a_tracker_takes_frames_and_trackers():
    tracked = zmq.Frame(b"x" * 100_000, copy=False, track=True)
    both = zmq.MessageTracker(tracked, zmq.MessageTracker())
    assert not both.done
    del tracked
    assert both.done
    assert zmq.MessageTracker().done
    with pytest.raises(ValueError, match="not tracked"):
        zmq.MessageTracker(zmq.Frame(b"x"))
    with pytest.raises((TypeError, AttributeError)):
        zmq.MessageTracker("x")


def test_views_leave_no_reference_behind():
    """Each view once kept a reference to None, which Cython puts into a buffer before it asks for it."""
    frame = zmq.Frame(b"x" * 100)
    before = sys.getrefcount(None)
    for _ in range(10_000):
        frame.buffer
    assert sys.getrefcount(None) - before < 1000
