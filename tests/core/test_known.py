"""What a socket knows of itself without asking libzmq: never later than libzmq would say it."""

from __future__ import annotations

import gc
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zmqfast as zmq

@pytest.fixture(autouse=True, scope="module")
def small_heap():
    """What the other tests left does not count in each gc.collect() of these."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


LOOKS = {
    "try_recv": lambda socket: socket.try_recv(),
    "recv": lambda socket: received(socket, lambda: socket.recv(zmq.DONTWAIT)),
    "recv_multipart": lambda socket: received(socket, lambda: socket.recv_multipart(zmq.DONTWAIT)[0]),
    "recv_many": lambda socket: (socket.recv_many(1, zmq.DONTWAIT) or [None])[0],
    "recv_into": lambda socket: received(socket, lambda: into(socket)),
    "events": lambda socket: socket.recv() if socket.get(zmq.EVENTS) & zmq.POLLIN else None,
    "poll": lambda socket: socket.recv() if socket.poll(0) else None,
}


def received(socket, call):
    try:
        return call()
    except zmq.Again:
        return None


def into(socket):
    buffer = bytearray(16)
    return bytes(buffer[:socket.recv_into(buffer, flags=zmq.DONTWAIT)])


BETWEEN = {
    "nothing": lambda socket: None,
    "option": lambda socket: socket.set(zmq.LINGER, 0),
    "read option": lambda socket: socket.get(zmq.TYPE),
    "events": lambda socket: socket.get(zmq.EVENTS),
    "descriptor": lambda socket: socket.get(zmq.FD),
    "poll": lambda socket: socket.poll(0),
    "try_send": lambda socket: socket.try_send(b"back"),
    "send": lambda socket: socket.send(b"back", zmq.DONTWAIT),
    "timed out": lambda socket: received(socket, lambda: socket.recv(timeout=0)) and pytest.fail("something was there"),
    "collect": lambda socket: gc.collect(),
}


@pytest.mark.parametrize("kinds", [(zmq.PAIR, zmq.PAIR), (zmq.DEALER, zmq.DEALER)], ids=["PAIR", "DEALER"])
@given(st.lists(st.tuples(st.sampled_from(sorted(BETWEEN)), st.integers(0, 3), st.sampled_from(sorted(LOOKS))), max_size=30))
@settings(max_examples=150)
def test_a_message_is_there_as_soon_as_it_is_sent(kinds, steps):
    """Over inproc a message that was sent can be received at once, whatever was asked or done before."""
    with zmq.Context() as context, context.socket(kinds[0]) as ours, context.socket(kinds[1]) as peer:
        for socket in (ours, peer):
            socket.linger = 0
            socket.hwm = 0
        ours.bind("inproc://known")
        peer.connect("inproc://known")
        number = 0
        for between, count, look in steps:
            assert LOOKS[look](ours) is None
            BETWEEN[between](ours)
            for _ in range(count):
                number += 1
                peer.send(b"%d" % number)
            for expected in range(number - count + 1, number + 1):
                assert LOOKS[look](ours) == b"%d" % expected
            assert LOOKS[look](ours) is None


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_what_another_thread_sends_is_seen_without_waiting(pair, look):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    count = 2000

    def send():
        for i in range(count):
            push.send(b"%d" % i)
            if i % 50 == 0:
                found_nothing = empty
                while empty == found_nothing and time.monotonic() < deadline:
                    time.sleep(0.0001)

    deadline = time.monotonic() + 30
    got = []
    empty = 0
    sender = threading.Thread(target=send)
    sender.start()
    while len(got) < count and time.monotonic() < deadline:
        frame = LOOKS[look](pull)
        if frame is None:
            empty += 1
            time.sleep(0)
        else:
            got.append(frame)
    sender.join()
    assert got == [b"%d" % i for i in range(count)]
    assert empty >= count // 50


def test_room_to_send_is_seen_as_soon_as_the_peer_has_received(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, hwm=1)
    for _ in range(20):
        while push.get(zmq.EVENTS) & zmq.POLLOUT:
            push.send(b"x")
        assert not push.get(zmq.EVENTS) & zmq.POLLOUT
        while pull.try_recv() is not None:
            pass
        assert push.get(zmq.EVENTS) & zmq.POLLOUT


def test_the_end_of_the_context_is_seen(context, inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    assert pull.try_recv() is None
    assert pull.get(zmq.EVENTS) == 0
    context.shutdown()
    with pytest.raises(zmq.ContextTerminated):
        pull.try_recv()
    with pytest.raises(zmq.ContextTerminated):
        pull.get(zmq.EVENTS)


def test_a_closed_socket_is_seen(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    assert pull.try_recv() is None
    pull.close()
    with pytest.raises(zmq.ZMQError, match="non-socket"):
        pull.try_recv()
    assert push.get(zmq.EVENTS) in (0, zmq.POLLOUT)
    push.close()
    with pytest.raises(zmq.ZMQError, match="non-socket"):
        push.get(zmq.EVENTS)


def test_a_shadow_knows_what_its_socket_knows(context, inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    shadow = zmq.Socket.shadow(pull)
    assert pull.try_recv() is shadow.try_recv() is None
    push.send(b"1")
    assert shadow.get(zmq.EVENTS) & zmq.POLLIN
    assert pull.try_recv() == b"1"
    assert shadow.try_recv() is None
    raw = zmq.Socket.shadow(pull.underlying)        # from here on others may call libzmq
    push.send(b"2")
    assert (raw.try_recv(), pull.try_recv()) == (b"2", None)


def test_an_iterator_of_descriptors_is_not_left_readable(inproc_pair):
    """Who waits for ZMQ_FD looks at EVENTS afterwards: then the descriptor is quiet until the next message."""
    import select

    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    for i in range(50):
        assert pull.get(zmq.EVENTS) == 0
        push.send(b"%d" % i)
        assert select.select([pull.fileno()], [], [], 5)[0]
        assert pull.get(zmq.EVENTS) & zmq.POLLIN
        assert pull.recv() == b"%d" % i
        assert pull.get(zmq.EVENTS) == 0
        assert select.select([pull.fileno()], [], [], 0)[0] == []
