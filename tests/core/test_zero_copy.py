"""Sends without a copy: the buffer is lent, and comes back."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
import weakref

import pytest

import zmqfast as zmq

LARGE = 1 << 20


def test_a_lent_buffer_cannot_be_resized_by_its_owner(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    owner = bytearray(b"x" * LARGE)
    tracker = push.send(owner, copy=False, track=True)
    if not tracker.done:        # over inproc until it has been received
        with pytest.raises(BufferError):
            owner.extend(b"y")
    assert pull.recv() == b"x" * LARGE
    tracker.wait(5)
    owner.extend(b"y")


def test_a_lent_buffer_lives_though_its_owner_is_forgotten(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)

    class Owner(bytearray):
        pass

    owner = Owner(b"z" * LARGE)
    alive = weakref.ref(owner)
    push.send(owner, copy=False)
    del owner
    assert alive() is not None
    assert pull.recv() == b"z" * LARGE
    zmq.MessageTracker().done       # any tracker's question drains the list
    assert alive() is None


@pytest.mark.parametrize("send", [
    lambda push, data: push.send(data),
    lambda push, data: push.send_multipart([data]),
    lambda push, data: push.send_many([data]),
    lambda push, data: push.try_send(data),
])
def test_long_bytes_are_not_copied_and_are_let_go_once_received(inproc_pair, send):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    data = b"z" * LARGE
    unsent = sys.getrefcount(data)
    send(push, data)
    assert sys.getrefcount(data) == unsent + 1
    assert pull.recv() == data
    zmq.MessageTracker().done       # any tracker's question drains the list
    assert sys.getrefcount(data) == unsent


def test_a_send_of_long_bytes_that_fails_lets_them_go(context):
    push = context.socket(zmq.PUSH)
    data = b"z" * LARGE
    unsent = sys.getrefcount(data)
    with pytest.raises(zmq.Again):
        push.send(data, zmq.DONTWAIT)
    zmq.MessageTracker().done
    assert sys.getrefcount(data) == unsent


def test_memory_comes_back_although_nobody_sends(tcp_pair):
    push, pull = tcp_pair(zmq.PUSH, zmq.PULL)
    freed = []

    class Owner(bytearray):
        def __del__(self) -> None:
            freed.append(True)

    push.send(Owner(LARGE), copy=False)
    assert len(pull.recv(copy=False)) == LARGE
    deadline = time.monotonic() + 5
    while not freed:
        os.stat(".")                # any call of the main thread that gives the GIL away will do
        assert time.monotonic() < deadline


def test_a_tracker_is_done_when_libzmq_has_let_go(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    tracker = push.send(b"x" * LARGE, copy=False, track=True)
    assert not tracker.done
    with pytest.raises(zmq.NotDone):
        tracker.wait(0.01)
    frame = pull.recv(copy=False)
    assert not tracker.done         # the received frame is the sender's memory
    del frame
    assert tracker.done
    tracker.wait()


def test_a_tracker_covers_every_frame_of_its_message(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    tracker = push.send_multipart([b"a" * LARGE, b"b", b"c" * LARGE], copy=False, track=True)
    frames = pull.recv_multipart(copy=False)
    for _ in range(3):
        assert not tracker.done
        frames.pop()
    assert tracker.done


def test_a_tracker_can_be_waited_for_from_any_thread(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    tracker = push.send(b"x" * LARGE, copy=False, track=True)
    finished = threading.Event()

    def wait() -> None:
        tracker.wait(10)
        finished.set()

    thread = threading.Thread(target=wait)
    thread.start()
    pull.recv()
    assert finished.wait(5)
    thread.join()


def test_a_tracker_can_be_awaited(tcp_pair):
    push, pull = tcp_pair(zmq.PUSH, zmq.PULL)

    async def send() -> None:
        tracker = push.send(b"x" * LARGE, copy=False, track=True)
        await asyncio.wait_for(tracker, 10)
        assert tracker.done

    asyncio.run(send())
    assert len(pull.recv()) == LARGE


def test_a_small_frame_is_copied_and_done_at_once(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    owner = bytearray(b"small")
    assert push.send(owner, copy=False, track=True).done
    owner.extend(b"er")
    assert pull.recv() == b"small"


def test_copy_threshold_decides_what_is_small(context, fresh_endpoint):
    push, pull = context.socket(zmq.PUSH, copy_threshold=0), context.socket(zmq.PULL)
    endpoint = fresh_endpoint("inproc")
    push.bind(endpoint)
    pull.connect(endpoint)
    tracker = push.send(b"small", copy=False, track=True)
    assert not tracker.done
    assert pull.recv() == b"small"
    assert tracker.done


def test_a_send_that_fails_gives_the_buffer_back(context):
    push = context.socket(zmq.PUSH)
    owner = bytearray(LARGE)
    with pytest.raises(zmq.Again):
        push.send(owner, zmq.DONTWAIT, copy=False)
    owner.extend(b"y")


def test_a_multipart_send_that_fails_gives_every_buffer_back(context):
    push = context.socket(zmq.PUSH)
    owners = [bytearray(LARGE), bytearray(LARGE)]
    with pytest.raises(zmq.Again):
        push.send_multipart(owners, zmq.DONTWAIT, copy=False)
    with pytest.raises(TypeError):
        push.send_multipart([*owners, "text"], copy=False)
    for owner in owners:
        owner.extend(b"y")


def test_unsent_buffers_come_back_when_the_socket_is_closed(context):
    push = context.socket(zmq.PUSH)
    push.connect("tcp://127.0.0.1:9")       # the discard port: nobody is there
    owner = bytearray(LARGE)
    tracker = push.send(owner, copy=False, track=True)
    push.close(linger=0)
    tracker.wait(5)
    owner.extend(b"y")


def test_a_frame_sent_twice_is_received_twice(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    frame = zmq.Frame(b"x" * LARGE, copy=False, track=True)
    push.send(frame)
    push.send(frame, copy=False, track=True)
    assert pull.recv() == pull.recv() == b"x" * LARGE
    assert not frame.tracker.done
    tracker = frame.tracker
    del frame
    tracker.wait(5)


def test_tracking_a_frame_that_is_not_tracked_is_refused(context):
    push = context.socket(zmq.PUSH)
    with pytest.raises(ValueError, match="track"):
        push.send(zmq.Frame(b"x"), track=True)


def test_a_kept_small_frame_does_not_keep_libzmqs_buffer(tcp_pair):
    push, pull = tcp_pair(zmq.PUSH, zmq.PULL)
    for _ in range(3):
        push.send(b"x" * 100)
    frame = pull.recv(copy=False)
    assert frame.get(zmq.SHARED) == 0       # its memory is its own
    assert frame.get("Peer-Address") == "127.0.0.1"
    assert frame.bytes == b"x" * 100
    push.send_multipart([b"y" * 100, b"z" * 100])
    pull.recv(), pull.recv()
    first, last = pull.recv_multipart(copy=False)
    assert (first.more, last.more) == (True, False)


def test_a_hundred_thousand_zero_copy_sends_leave_nothing_behind(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.copy_threshold = 0
    before = zmq._core._live()["lent"]
    frame = b"x" * 64
    for _ in range(100_000):
        push.send(frame, copy=False)
        pull.recv()
    gc.collect()
    assert zmq._core._live()["lent"] == before
