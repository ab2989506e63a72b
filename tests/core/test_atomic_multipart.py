"""A multipart message is sent and received whole, or not at all."""

from __future__ import annotations

import pytest

import zmqfast as zmq


class Refusing:
    """No buffer at all."""


@pytest.mark.parametrize("bad", ["text", 5, None, Refusing(), memoryview(b"abcd")[::2]], ids=repr)
@pytest.mark.parametrize("copy", [True, False])
def test_a_bad_frame_is_named_and_nothing_is_sent(inproc_pair, bad, copy):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises((TypeError, BufferError), match="frame 2"):
        push.send_multipart([b"a", b"b", bad], copy=copy)
    push.send_multipart([b"whole", b"message"])
    assert pull.recv_multipart() == [b"whole", b"message"]


def test_a_message_without_frames_is_refused(inproc_pair):
    push, _ = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises(ValueError, match="at least one frame"):
        push.send_multipart([])


def test_a_message_that_finds_no_room_leaves_none_of_its_frames(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, sndhwm=1, rcvhwm=1)
    sent = 0
    try:
        while True:
            push.send_multipart([b"%d" % sent, b"", b"end"], zmq.DONTWAIT)
            sent += 1
    except zmq.Again:
        pass
    assert sent > 0
    assert [pull.recv_multipart() for _ in range(sent)] == [[b"%d" % n, b"", b"end"] for n in range(sent)]
    assert not pull.poll(0)


def test_an_unroutable_message_leaves_none_of_its_frames(context, fresh_endpoint):
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    router.router_mandatory = 1
    endpoint = fresh_endpoint("inproc")
    router.bind(endpoint)
    dealer.routing_id = b"known"
    dealer.connect(endpoint)
    with pytest.raises(zmq.ZMQError) as caught:
        router.send_multipart([b"unknown", b"a", b"b"])
    assert caught.value.errno == zmq.EHOSTUNREACH
    router.send_multipart([b"known", b"c"])
    assert dealer.recv_multipart() == [b"c"]


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 100])
@pytest.mark.parametrize("copy", [True, False])
def test_any_number_of_frames_arrives_in_order(pair, count, copy):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    message = [b"%d" % n * n for n in range(count)]
    push.send_multipart(message, copy=copy)
    received = pull.recv_multipart(copy=copy)
    assert [bytes(frame) for frame in received] == message


def test_any_iterable_of_buffers_is_a_message(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send_multipart(frame for frame in (b"bytes", bytearray(b"array"), memoryview(b"view"), zmq.Frame(b"frame")))
    assert pull.recv_multipart() == [b"bytes", b"array", b"view", b"frame"]


def test_a_message_begun_frame_by_frame_is_received_to_its_end(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send(b"a", zmq.SNDMORE)
    push.send_multipart([b"b", b"c"], zmq.SNDMORE)
    push.send(b"d")
    assert pull.recv() == b"a"
    assert pull.rcvmore
    assert pull.recv_multipart() == [b"b", b"c", b"d"]


def test_large_frames_arrive_whole_while_other_threads_run(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    message = [bytes([n]) * 300_000 for n in range(5)]
    push.send_multipart(message)
    assert pull.recv_multipart(timeout=10) == message
