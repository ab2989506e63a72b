"""What holds for every call that sends or receives: timeouts, DONTWAIT, signals, and a context that ends."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import zmqfast as zmq

LONG = b"x" * 100_000       # bytes: lent, not copied
MANY = [b"1", [b"2", LONG], [b"3"], LONG]
LATE_S = 0.02

# Each gives what it received as a list of messages of bytes; without an argument of their own they wait for ever.
RECEIVING: dict[str, Callable[..., list[list[bytes]]]] = {
    "recv": lambda socket, **options: [[socket.recv(**options)]],
    "recv, copy=False": lambda socket, **options: [[socket.recv(copy=False, **options).bytes]],
    "recv_into": lambda socket, **options: into(socket, **options),
    "recv_multipart": lambda socket, **options: [socket.recv_multipart(**options)],
    "recv_multipart, copy=False":
        lambda socket, **options: [[frame.bytes for frame in socket.recv_multipart(copy=False, **options)]],
    "recv_many": lambda socket, **options: [[frame] for frame in socket.recv_many(**options)],
    "recv_many, copy=False": lambda socket, **options: [[frame.bytes] for frame in socket.recv_many(copy=False, **options)],
    "recv_many, multipart": lambda socket, **options: socket.recv_many(multipart=True, **options),
    "recv_many, multipart, copy=False": lambda socket, **options: [
        [frame.bytes for frame in message] for message in socket.recv_many(multipart=True, copy=False, **options)],
    "recv_batch": lambda socket, **options: [[frame] for frame in socket.recv_batch(**options).tolist()],
}

# Each sends once or more often, and gives how many messages went out.
SENDING: dict[str, Callable[..., int]] = {
    "send": lambda socket, **options: once(socket.send(b"1", **options)),
    "send, copy=False": lambda socket, **options: once(socket.send(LONG, copy=False, **options)),
    "send_multipart": lambda socket, **options: once(socket.send_multipart([b"1", LONG], **options)),
    "send_multipart, copy=False": lambda socket, **options: once(socket.send_multipart([b"1", LONG], copy=False, **options)),
    "send_many": lambda socket, **options: socket.send_many(MANY, **options),
    "send_many, copy=False": lambda socket, **options: socket.send_many(MANY, copy=False, **options),
}

receiving = pytest.mark.parametrize("receive", RECEIVING.values(), ids=RECEIVING)
sending = pytest.mark.parametrize("send", SENDING.values(), ids=SENDING)


def into(socket: zmq.Socket, **options: object) -> list[list[bytes]]:
    buffer = bytearray(100)
    return [[bytes(buffer[:socket.recv_into(buffer, **options)])]]


def once(tracker: object) -> int:
    return 1


def is_many(call: Callable[..., object]) -> bool:
    """Whether it gives an empty result with DONTWAIT, in place of an exception."""
    return call in [found for name, found in RECEIVING.items() if name.startswith(("recv_many", "recv_batch"))]


@pytest.fixture(autouse=True)
def lent_buffers_come_back() -> Iterator[None]:
    unsent = sys.getrefcount(LONG)
    yield
    deadline = time.monotonic() + 5
    while sys.getrefcount(LONG) != unsent:
        zmq.MessageTracker().done       # any tracker's question drains the list
        assert time.monotonic() < deadline


@pytest.fixture
def later() -> Iterator[Callable[[Callable[[], object]], None]]:
    """later(call): another thread does it soon, most likely while this one waits."""
    timers = []

    def start(call: Callable[[], object]) -> None:
        timers.append(threading.Timer(LATE_S, call))
        timers[-1].start()

    yield start
    for timer in timers:
        timer.join()
    timers.clear()


class Interrupt(Exception):
    """What a signal handler raises."""


@pytest.fixture
def alarm() -> Iterator[Callable[[Callable[[], object], float], None]]:
    """alarm(call, interval): a signal handler does it soon, and again after each interval; 0 for once."""
    previous = signal.getsignal(signal.SIGALRM)

    def set_alarm(call: Callable[[], object], interval_s: float) -> None:
        signal.signal(signal.SIGALRM, lambda number, frame: call())
        signal.setitimer(signal.ITIMER_REAL, LATE_S, interval_s)

    yield set_alarm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def interrupt() -> None:
    raise Interrupt


def full(context: zmq.Context, fresh_endpoint: Callable[[str], str]) -> tuple[zmq.Socket, zmq.Socket]:
    """A PUSH that can send no more, and its PULL with two messages."""
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.hwm = pull.hwm = 1
    endpoint = fresh_endpoint("inproc")
    pull.bind(endpoint)
    push.connect(endpoint)
    while push.try_send(b"before"):
        pass
    return push, pull


def empty(push: zmq.Socket, pull: zmq.Socket) -> None:
    """Take the two messages; now there is room for two others."""
    assert pull.recv_many() == [b"before"] * 2
    assert push.poll(5000, zmq.POLLOUT)


# -- receiving --------------------------------------------------------------------------------------------------------

@receiving
def test_a_receive_gives_up_when_its_timeout_is_over(pair, receive):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    pull.rcvtimeo = 60_000      # ms
    for timeout in (0, 0.001, 0.05):
        began = time.monotonic()
        with pytest.raises(zmq.Again):
            receive(pull, timeout=timeout)
        assert timeout <= time.monotonic() - began < 30
    assert pull.rcvtimeo == 60_000
    push.send(b"later")
    assert receive(pull) == [[b"later"]]


@receiving
@pytest.mark.parametrize("timeout", [5, None, -1, math.inf])
def test_a_receive_waits_as_long_as_it_is_told(inproc_pair, later, receive, timeout):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    if timeout is not None:
        pull.rcvtimeo = 0
    later(lambda: push.send(b"x"))
    assert receive(pull, timeout=timeout) == [[b"x"]]


@receiving
def test_a_receive_with_dontwait_does_not_wait(inproc_pair, receive):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    for timeout in (None, 60):
        if is_many(receive):
            assert receive(pull, flags=zmq.DONTWAIT, timeout=timeout) == []
        else:
            with pytest.raises(zmq.Again):
                receive(pull, flags=zmq.DONTWAIT, timeout=timeout)
    push.send(b"x")
    assert receive(pull, flags=zmq.DONTWAIT) == [[b"x"]]


@receiving
@pytest.mark.parametrize("timeout", [math.nan, "soon", []])
def test_a_receive_refuses_what_is_no_time(inproc_pair, receive, timeout):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises((TypeError, ValueError)):
        receive(pull, timeout=timeout)
    push.send(b"x")
    assert receive(pull) == [[b"x"]]


@receiving
def test_a_receive_ends_on_time_though_signals_come(inproc_pair, alarm, receive):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    handled: list[int] = []
    alarm(lambda: handled.append(1), 0.002)
    began = time.monotonic()
    with pytest.raises(zmq.Again):
        receive(pull, timeout=0.1)
    assert 0.1 <= time.monotonic() - began < 30
    assert handled


@receiving
def test_a_handler_that_raises_ends_a_receive_and_loses_nothing(pair, alarm, receive):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    alarm(interrupt, 0)
    with pytest.raises(Interrupt):
        receive(pull)
    push.send(b"after")
    assert receive(pull, timeout=5) == [[b"after"]]


@receiving
def test_a_receive_raises_when_the_context_ends(context, inproc_pair, later, receive):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    later(context.shutdown)
    with pytest.raises(zmq.ContextTerminated):
        receive(pull)
    with pytest.raises(zmq.ContextTerminated):
        receive(pull, flags=zmq.DONTWAIT)


# -- sending ----------------------------------------------------------------------------------------------------------

@sending
def test_a_send_gives_up_when_its_timeout_is_over(context, fresh_endpoint, send):
    push, pull = full(context, fresh_endpoint)
    push.sndtimeo = 60_000      # ms
    for timeout in (0, 0.001, 0.05):
        began = time.monotonic()
        with pytest.raises(zmq.Again):
            send(push, timeout=timeout)
        assert timeout <= time.monotonic() - began < 30
    assert push.sndtimeo == 60_000
    assert pull.recv_many() == [b"before"] * 2


@sending
@pytest.mark.parametrize("timeout", [5, None, -1, math.inf])
def test_a_send_waits_as_long_as_it_is_told(context, fresh_endpoint, later, send, timeout):
    push, pull = full(context, fresh_endpoint)
    if timeout is not None:
        push.sndtimeo = 0
    received: list[list[bytes]] = []

    def take() -> None:
        while len(received) < 2 + (len(MANY) if "many" in names[send] else 1):
            received.append(pull.recv_multipart())

    names = {call: name for name, call in SENDING.items()}
    later(take)
    sent = send(push, timeout=timeout)
    while len(received) < 2 + sent:
        time.sleep(0.001)
    assert received[:2] == [[b"before"]] * 2
    wanted = {"send": [[b"1"]], "send, copy=False": [[LONG]]}
    many = [message if isinstance(message, list) else [message] for message in MANY]
    assert received[2:] == wanted.get(names[send], many if "many" in names[send] else [[b"1", LONG]])
    received.clear()


@sending
def test_a_send_with_dontwait_does_not_wait(context, fresh_endpoint, send):
    push, pull = full(context, fresh_endpoint)
    for timeout in (None, 60):
        with pytest.raises(zmq.Again):
            send(push, flags=zmq.DONTWAIT, timeout=timeout)
    empty(push, pull)
    assert send(push, flags=zmq.DONTWAIT) >= 1
    assert len(pull.recv_many()) >= 1


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("options", [{"flags": zmq.DONTWAIT}, {"timeout": 0}, {"timeout": 0.02}], ids=str)
def test_send_many_sends_whole_messages_until_no_more_fit(context, fresh_endpoint, copy, options):
    push, pull = full(context, fresh_endpoint)
    empty(push, pull)
    sent = push.send_many(MANY, copy=copy, **options)
    assert 0 < sent < len(MANY)
    assert pull.recv_many(multipart=True) == [[b"1"], [b"2", LONG]][:sent]


@sending
@pytest.mark.parametrize("timeout", [math.nan, "soon", []])
def test_a_send_refuses_what_is_no_time(context, fresh_endpoint, send, timeout):
    push, pull = full(context, fresh_endpoint)
    with pytest.raises((TypeError, ValueError)):
        send(push, timeout=timeout)
    assert pull.recv_many() == [b"before"] * 2


@sending
def test_a_send_ends_on_time_though_signals_come(context, fresh_endpoint, alarm, send):
    push, pull = full(context, fresh_endpoint)
    handled: list[int] = []
    alarm(lambda: handled.append(1), 0.002)
    began = time.monotonic()
    with pytest.raises(zmq.Again):
        send(push, timeout=0.1)
    assert 0.1 <= time.monotonic() - began < 30
    assert handled


@sending
def test_a_handler_that_raises_ends_a_send_of_which_nothing_is_left(context, fresh_endpoint, alarm, send):
    push, pull = full(context, fresh_endpoint)
    alarm(interrupt, 0)
    with pytest.raises(Interrupt) as caught:
        send(push)
    assert getattr(caught.value, "sent", 0) == 0
    assert pull.recv_many() == [b"before"] * 2


@sending
def test_a_send_raises_when_the_context_ends(context, fresh_endpoint, later, send):
    push, pull = full(context, fresh_endpoint)
    later(context.shutdown)
    with pytest.raises(zmq.ContextTerminated) as caught:
        send(push)
    assert getattr(caught.value, "sent", 0) == 0
    with pytest.raises(zmq.ContextTerminated):
        send(push, flags=zmq.DONTWAIT)


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("how", ["a signal", "the end of the context"])
def test_send_many_says_how_many_went_out_before_it_was_ended(context, fresh_endpoint, later, alarm, copy, how):
    push, pull = full(context, fresh_endpoint)
    empty(push, pull)
    if how == "a signal":
        alarm(interrupt, 0)
    else:
        later(context.shutdown)
    with pytest.raises((Interrupt, zmq.ContextTerminated)) as caught:
        push.send_many(MANY * 10, copy=copy)
    assert caught.value.sent == 2
    if how == "a signal":
        assert pull.recv_many(multipart=True) == [[b"1"], [b"2", LONG]]


# -- without waiting --------------------------------------------------------------------------------------------------

def test_tries_tell_the_truth_though_signals_come(context, fresh_endpoint, alarm):
    push, pull = full(context, fresh_endpoint)
    handled: list[int] = []
    alarm(lambda: handled.append(1), 0.001)
    received = sent = 0
    while len(handled) < 50:
        received += pull.try_recv() is not None
        sent += push.try_send(b"x")
        sent += push.try_send([LONG])
    while pull.try_recv() is not None:
        received += 1
    assert received == 2 + sent


def test_a_handler_that_raises_during_tries_loses_nothing(context, fresh_endpoint, alarm):
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.hwm = pull.hwm = 0
    endpoint = fresh_endpoint("inproc")
    pull.bind(endpoint)
    push.connect(endpoint)
    alarm(interrupt, 0)
    number = 0
    received = []
    with pytest.raises(Interrupt):
        while True:
            push.try_send(b"%d" % number)
            number += 1
            received.append(pull.try_recv(b"0"))
    received += pull.recv_many(number + 1, zmq.DONTWAIT)
    numbers = [int(data) for data in received if data != b"0"]
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= number - 2       # without 0, and what was received when the handler ran before it was kept


def test_tries_raise_when_the_context_has_ended(context, fresh_endpoint):
    push, pull = full(context, fresh_endpoint)
    assert [pull.try_recv(), pull.try_recv(), pull.try_recv()] == [b"before", b"before", None]
    context.shutdown()
    for call in (pull.try_recv, lambda: push.try_send(b"x"), lambda: push.try_send([b"x", LONG]), lambda: push.try_send(LONG)):
        with pytest.raises(zmq.ContextTerminated):
            while True:         # libzmq looks now and then only whether the context has ended
                call()


# -- batch sizes ------------------------------------------------------------------------------------------------------

needs_draft = pytest.mark.skipif(not zmq.DRAFT_API, reason="libzmq has no batch sizes without its draft API")


@needs_draft
def test_batch_sizes_are_set_for_a_socket_and_for_all_of_a_context(context):
    own = context.socket(zmq.PUSH)
    assert (own.in_batch_size, own.out_batch_size) == (131072, 32768)
    own.in_batch_size, own.out_batch_size = 8192, 1 << 20
    assert (own.in_batch_size, own.out_batch_size) == (8192, 1 << 20)
    context.in_batch_size = 16384
    context.setsockopt(zmq.OUT_BATCH_SIZE, 4096)
    second = context.socket(zmq.PULL)
    assert (second.in_batch_size, second.out_batch_size) == (16384, 4096)
    assert (own.in_batch_size, own.out_batch_size) == (8192, 1 << 20)


@needs_draft
@pytest.mark.parametrize("option", [zmq.IN_BATCH_SIZE, zmq.OUT_BATCH_SIZE])
@pytest.mark.parametrize("size", [0, -1, 1, 8, 63, 1001, (64 << 20) + 4, (1 << 31) - 1])
def test_batch_sizes_that_end_the_process_are_refused(context, option, size):
    """libzmq's decoder aborts with 1, and counts in memory that is not aligned where it is no multiple of 4."""
    socket = context.socket(zmq.PULL)
    before = socket.get(option)
    with pytest.raises(zmq.ZMQError, match=f"BATCH_SIZE to {size}: from 64 ") as caught:
        socket.set(option, size)
    assert caught.value.errno == zmq.EINVAL
    assert socket.get(option) == before


@needs_draft
@pytest.mark.parametrize("batch", [64, 100, 8192, 1 << 20])
def test_messages_arrive_whatever_the_batch_size(tcp_pair, batch):
    push, pull = tcp_pair(zmq.PUSH, zmq.PULL, in_batch_size=batch, out_batch_size=batch, hwm=0)
    messages = [[bytes([i % 256]) * (i * 37 % 20_000), b"%d" % i] for i in range(300)]
    assert push.send_many(messages) == len(messages)
    received: list[list[bytes]] = []
    while len(received) < len(messages):
        received += pull.recv_many(timeout=10, multipart=True)
    assert received == messages
