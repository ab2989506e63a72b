"""send_many, recv_many, try_send, try_recv and iteration: nothing lost, nothing cut, and what went out is said."""

from __future__ import annotations

import signal
import threading

import pytest

import zmqfast as zmq

MESSAGES = [b"%d" % i for i in range(500)]


def test_messages_arrive_in_order(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    assert push.send_many(MESSAGES) == len(MESSAGES)
    received = []
    while len(received) < len(MESSAGES):
        received += pull.recv_many(timeout=5)
    assert received == MESSAGES


@pytest.mark.parametrize("copy", [True, False])
def test_messages_of_several_frames_stay_whole(pair, copy):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    messages = [[b"a"], [b"b", b"", b"c" * 100_000], (bytearray(b"d"), memoryview(b"e"))]
    assert push.send_many(messages, copy=copy) == 3
    received = []
    while len(received) < 3:
        received += pull.recv_many(timeout=5, multipart=True, copy=copy)
    assert [[bytes(frame) for frame in message] for message in received] == [list(map(bytes, m)) for m in messages]
    if not copy:
        assert isinstance(received[0][0], zmq.Frame)


def test_a_list_of_frames_never_ends_inside_a_message(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send_many([[b"1", b"2", b"3"], [b"4", b"5"], b"6"])
    assert pull.recv_many(1) == [b"1", b"2", b"3"]
    assert pull.recv_many(2) == [b"4", b"5", b"6"]


def test_an_iterator_is_sent_as_it_yields(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, hwm=2)
    seen = []

    def yielding():
        for i in range(100):
            seen.append(i)
            yield b"%d" % i

    sent = push.send_many(yielding(), zmq.DONTWAIT)
    assert 0 < sent < 100
    assert len(seen) == sent + 1        # the one that was tried in vain
    assert pull.recv_many() == [b"%d" % i for i in range(sent)]


def test_send_many_says_how_many_went_out_when_time_is_over(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, hwm=2)
    assert push.send_many(MESSAGES, timeout=0.02) == 4
    with pytest.raises(zmq.Again):
        push.send_many(MESSAGES, timeout=0)
    push.sndtimeo = 20  # ms
    with pytest.raises(zmq.Again):
        push.send_many(MESSAGES)
    assert pull.recv_many() == MESSAGES[:4]


def test_send_many_names_the_message_that_is_refused(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises(TypeError, match="message 2: a frame is bytes-like, not str") as caught:
        push.send_many([b"0", b"1", "2", b"3"])
    assert caught.value.sent == 2
    with pytest.raises(TypeError, match="message 1: frame 1: "):
        push.send_many([b"2", [b"never", None]])
    with pytest.raises(ValueError, match="message 0: a message has at least one frame"):
        push.send_many([[]])
    with pytest.raises(ValueError, match="SNDMORE"):
        push.send_many([b"x"], zmq.SNDMORE)
    with pytest.raises(TypeError):
        push.send_many(None)
    assert pull.recv_many() == [b"0", b"1", b"2"]


def test_send_many_of_nothing_is_nothing(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    assert push.send_many([]) == push.send_many(iter(())) == 0
    assert pull.recv_many(flags=zmq.DONTWAIT) == []


def test_a_list_that_shrinks_meanwhile_harms_nobody(inproc_pair):
    class Shrinking(list):
        def __iter__(self):
            messages.clear()
            return super().__iter__()

    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    messages = [b"0", Shrinking([b"1", b"2"]), b"3"]
    assert push.send_many(messages) == 2
    assert pull.recv_many(multipart=True) == [[b"0"], [b"1", b"2"]]


def test_a_socket_that_is_closed_meanwhile_harms_nobody(inproc_pair):
    def closing():
        yield b"first"
        push.close()
        yield b"second"

    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises(zmq.ZMQError) as caught:
        push.send_many(closing())
    assert caught.value.errno == zmq.ENOTSOCK
    assert caught.value.sent == 1
    assert pull.recv_many() == [b"first"]


def test_recv_many_raises_again_when_nothing_comes(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises(zmq.Again):
        pull.recv_many(timeout=0.01)
    pull.rcvtimeo = 10  # ms
    with pytest.raises(zmq.Again):
        pull.recv_many()
    assert pull.recv_many(flags=zmq.DONTWAIT) == []
    with pytest.raises(zmq.ZMQError, match="not supported"):
        push.recv_many(flags=zmq.DONTWAIT)


@pytest.mark.parametrize("call", ["recv_many", "recv_batch"])
def test_long_messages_are_not_taken_without_end(inproc_pair, call):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, sndhwm=0, rcvhwm=0)
    frame = bytes(1 << 20)
    push.send_many([[frame, frame]] * 20)
    taken = getattr(pull, call)()
    assert len(taken) == 16         # frames: eight messages have 16 MiB
    del taken
    assert len(getattr(pull, call)()) == 16
    assert len(getattr(pull, call)()) == 8


@pytest.mark.parametrize("call", ["recv_many", "recv_batch"])
def test_max_messages_is_at_least_one(inproc_pair, call):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        getattr(pull, call)(max_messages=0)


def test_what_was_received_is_returned_when_the_context_ends(context, inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send_many(MESSAGES)
    received = pull.recv_many(10)
    context.shutdown()
    with pytest.raises(zmq.ContextTerminated):
        for _ in range(len(MESSAGES)):      # libzmq looks now and then only whether the context has ended
            received += pull.recv_many(10)
    assert received == MESSAGES[:len(received)]


def test_send_many_says_what_went_out_when_the_context_ends(context, inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, hwm=2)
    ender = threading.Timer(0.05, context.shutdown)
    ender.start()
    with pytest.raises(zmq.ContextTerminated) as caught:
        push.send_many(MESSAGES)
    ender.join()
    assert caught.value.sent == 4


def test_a_handler_that_raises_ends_send_many_and_says_what_went_out(inproc_pair):
    class Enough(Exception):
        pass

    def on_alarm(number, frame):
        raise Enough

    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, hwm=2)
    previous = signal.signal(signal.SIGALRM, on_alarm)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Enough) as caught:
            push.send_many(MESSAGES)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert caught.value.sent == 4
    assert pull.recv_many() == MESSAGES[:4]


def test_two_threads_exchange_more_than_fits(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL, hwm=10)
    count = 20_000
    sender = threading.Thread(target=lambda: push.send_many(b"%d" % i for i in range(count)))
    sender.start()
    received = []
    while len(received) < count:
        received += pull.recv_many(timeout=5)
    sender.join()
    assert received == [b"%d" % i for i in range(count)]


def test_groups_and_routing_ids_travel_with_frames(context, fresh_endpoint):
    if not zmq.DRAFT_API:
        pytest.skip("libzmq was built without its draft API")
    server, client = context.socket(zmq.SERVER), context.socket(zmq.CLIENT)
    endpoint = fresh_endpoint("inproc")
    server.bind(endpoint)
    client.connect(endpoint)
    assert client.send_many([b"a", b"b"]) == 2
    requests = server.recv_many(2, copy=False, timeout=5)
    answers = []
    for request in requests:
        answer = zmq.Frame(request.bytes.upper())
        answer.routing_id = request.routing_id
        answers.append(answer)
    assert server.send_many(answers) == 2
    assert client.recv_many(2, timeout=5) == [b"A", b"B"]


# -- without an exception ---------------------------------------------------------------------------------------------

def test_try_send_and_try_recv_tell_without_an_exception(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, hwm=1)
    assert pull.try_recv() is None
    assert pull.try_recv(b"none") == b"none"
    assert [push.try_send(b"1"), push.try_send([b"2", b"3"]), push.try_send(b"4")] == [True, True, False]
    assert push.try_send((b"4", b"5")) is False
    assert [pull.try_recv() for _ in range(4)] == [b"1", b"2", b"3", None]


def test_try_send_and_try_recv_still_raise_what_is_wrong(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises(TypeError, match="bytes-like, not str"):
        push.try_send("text")
    with pytest.raises(zmq.ZMQError):
        push.try_recv()
    with pytest.raises(zmq.ZMQError):
        pull.try_send(b"x")
    pull.close()
    with pytest.raises(zmq.ZMQError, match="non-socket"):
        pull.try_recv()


# -- iteration --------------------------------------------------------------------------------------------------------

def test_iteration_gives_messages_until_the_context_ends(context, inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send_many([b"1", [b"2", b"3"]])
    received = []
    for message in pull:
        received.append(message)
        if len(received) == 2:
            ender = threading.Timer(0.02, context.shutdown)
            ender.start()
    ender.join()
    assert received == [[b"1"], [b"2", b"3"]]
