"""Sends without a copy: the buffer is lent, and comes back."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
import weakref

import pytest

import zmqfast as zmq
from program import run

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


def test_a_million_zero_copy_sends_end_with_the_memory_they_began_with():
    """Objects of their own, so that each one must come back: received as bytes, as a Frame, and sent over tcp."""
    grown = run("""
        import zmqfast as zmq

        def resident():
            with open("/proc/self/statm") as statm:
                return int(statm.read().split()[1]) * 4096

        def exchange(push, pull, count, copy):
            for _ in range(count // 10):
                for _ in range(10):
                    push.send(bytearray(64), copy=False)
                for _ in range(10):
                    pull.recv(copy=copy)

        with zmq.Context() as context:
            pairs = []
            for endpoint in ("inproc://x", "tcp://127.0.0.1:*"):
                push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
                push.copy_threshold = 0
                pull.bind(endpoint)
                push.connect(pull.last_endpoint)
                pairs += [(push, pull, True), (push, pull, False)]
            before = after = 0
            for count in (40_000, 1_000_000):
                for push, pull, copy in pairs:
                    exchange(push, pull, count // len(pairs), copy)
                before, after = after, resident()
            print(after - before)
        print(zmq._core._live()["lent"])
        """, timeout_s=120).split()
    assert grown[1] == "0"
    assert int(grown[0]) < 1 << 20      # bytes, so less than one for each; allocators keep some pages


# -- over inproc, bytes are the sender's object ---------------------------------------------------------------------

SHARED = 5000       # bytes: long enough to be lent over inproc

RECEIVES = {
    "recv": lambda pull: pull.recv(),
    "try_recv": lambda pull: pull.try_recv(),
    "recv_multipart": lambda pull: pull.recv_multipart()[0],
    "recv_many": lambda pull: pull.recv_many()[0],
    "Frame.bytes": lambda pull: pull.recv(copy=False).bytes,
    "Frames of recv_many": lambda pull: pull.recv_many(copy=False)[0].bytes,
}


@pytest.mark.parametrize("receive", RECEIVES.values(), ids=RECEIVES)
@pytest.mark.parametrize("send", [
    lambda push, data: push.send(data),
    lambda push, data: push.send(zmq.Frame(data, copy=False)),
    lambda push, data: push.send_multipart([data]),
    lambda push, data: push.send_many([data]),
    lambda push, data: push.try_send(data),
], ids=["send", "send a Frame", "send_multipart", "send_many", "try_send"])
def test_bytes_received_over_inproc_are_what_was_sent(inproc_pair, send, receive):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    data = os.urandom(SHARED)
    unsent = sys.getrefcount(data)
    send(push, data)
    assert sys.getrefcount(data) == unsent + 1
    received = receive(pull)
    assert received is data
    del received
    assert sys.getrefcount(data) == unsent      # at once: nobody has drained the list


def test_every_frame_of_a_message_is_what_was_sent(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    message = [b"short", os.urandom(SHARED), b"", os.urandom(SHARED)]
    counts = [sys.getrefcount(message[1]), sys.getrefcount(message[3])]
    push.send_many([message, message])
    received = pull.recv_many(multipart=True)
    assert received == [message, message]
    assert all(got[i] is message[i] for got in received for i in (1, 3))
    del received
    assert [sys.getrefcount(message[1]), sys.getrefcount(message[3])] == counts


class Derived(bytes):
    """Nobody expects an instance from recv()."""


@pytest.mark.parametrize("data", [Derived(b"x" * SHARED), memoryview(b"x" * SHARED), memoryview(b"y" + b"x" * SHARED)[1:],
                                  bytearray(b"x" * SHARED)], ids=["a subclass", "a view", "a part", "a bytearray"])
@pytest.mark.parametrize("copy", [True, False])
def test_what_is_not_exactly_bytes_is_received_as_bytes(inproc_pair, data, copy):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.copy_threshold = 0
    push.send(data, copy=copy)
    push.send_multipart([b"", data], copy=copy)
    for received in (pull.recv(), pull.recv_multipart()[1]):
        assert type(received) is bytes
        assert received == b"x" * SHARED


def test_what_is_shared_cannot_be_written(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    data = os.urandom(SHARED)
    push.send(data)
    frame = pull.recv(copy=False)
    assert frame.buffer.readonly
    with pytest.raises(TypeError):
        frame.buffer[0] = 1
    small = bytearray(b"small")
    push.copy_threshold = 0
    push.send(small, copy=False)
    frame = pull.recv(copy=False)
    assert frame.buffer.readonly
    assert frame.bytes == b"small"
    small[0] = ord("S")             # copy=False lets its owner do that
    assert bytes(frame.buffer) == b"Small"


def test_many_subscribers_share_what_was_published(context, fresh_endpoint):
    pub = context.socket(zmq.PUB)
    endpoint = fresh_endpoint("inproc")
    pub.bind(endpoint)
    subs = [context.socket(zmq.SUB) for _ in range(5)]
    for sub in subs:
        sub.subscribe(b"")
        sub.connect(endpoint)
    data = os.urandom(SHARED)
    unsent = sys.getrefcount(data)
    for _ in range(3):
        pub.send(data)
    received = [sub.recv(timeout=5) for sub in subs for _ in range(3)]
    assert all(one is data for one in received)
    del received
    zmq.MessageTracker().done       # any tracker's question drains the list
    assert sys.getrefcount(data) == unsent


def test_a_lent_message_that_goes_on_over_tcp_is_let_go(context, inproc_pair, tcp_pair):
    first, middle = inproc_pair(zmq.PUSH, zmq.PULL)
    out, last = tcp_pair(zmq.PUSH, zmq.PULL)
    data = os.urandom(SHARED)
    unsent = sys.getrefcount(data)
    for _ in range(100):
        first.send(data)
        out.send(middle.recv(copy=False))
        assert last.recv(timeout=5) == data
    deadline = time.monotonic() + 5
    while sys.getrefcount(data) != unsent:
        zmq.MessageTracker().done
        assert time.monotonic() < deadline


def test_a_tracker_is_done_once_its_bytes_are_received(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.copy_threshold = 0
    data = os.urandom(SHARED)
    tracker = push.send(data, copy=False, track=True)
    assert not tracker.done
    assert pull.recv() is data
    assert tracker.done


def test_an_owner_that_uses_the_socket_when_it_goes_cuts_no_message(inproc_pair):
    """Its last reference may be with libzmq, so that it goes while a message is received."""
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.copy_threshold = 0
    within = []

    class Owner(bytearray):
        def __del__(self) -> None:
            within.append(pull.try_recv())

    for number in range(20):
        push.send_multipart([Owner(b"%d" % number * SHARED), b"%d" % number, Owner(b"last")], copy=False)
    received = []
    while message := pull.recv_many(1, zmq.DONTWAIT, multipart=True):
        received += message
    zmq.MessageTracker().done
    # What a finaliser has taken are the first frames of a message; the rest of it is what comes next.
    assert all(message[-1] == b"last" and b"last" not in message[:-1] for message in received)
    assert sum(len(message) for message in received) + sum(frame is not None for frame in within) == 60


def test_threads_exchange_shared_bytes(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, hwm=50)
    chosen = random.Random(3)
    known = [chosen.randbytes(chosen.choice((10, 255, 256, 4096, SHARED, 100_000))) for _ in range(50)]
    counts = [sys.getrefcount(data) for data in known]

    def send() -> None:
        for _ in range(200):
            for data in known[:25]:
                push.send(data)
            push.send_many(known[25:])

    thread = threading.Thread(target=send)
    thread.start()
    for i in range(200):
        received = []
        while len(received) < len(known):
            wanted = len(known) - len(received)
            received += pull.recv_many(wanted, timeout=10) if i % 2 else [pull.recv(timeout=10)]
        assert received == known
    thread.join()
    del received
    zmq.MessageTracker().done
    assert [sys.getrefcount(data) for data in known] == counts


def test_messages_nobody_received_are_let_go_with_their_socket(context, fresh_endpoint):
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    endpoint = fresh_endpoint("inproc")
    pull.bind(endpoint)
    push.connect(endpoint)
    data = os.urandom(SHARED)
    unsent = sys.getrefcount(data)
    push.send_many([data] * 100)
    assert pull.recv() is data
    push.close(0)
    pull.close(0)
    deadline = time.monotonic() + 5
    while sys.getrefcount(data) != unsent:      # libzmq's reaper does it
        zmq.MessageTracker().done
        assert time.monotonic() < deadline
