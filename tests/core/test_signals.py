"""Signals during a wait: handlers run, the wait ends on time, what a handler raises comes out."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

import zmqfast as zmq
from program import run

STORM_INTERVAL_S = 0.002


@pytest.fixture
def storm():
    """A signal every 2 ms; gives how many have been handled."""
    handled = []
    previous = signal.signal(signal.SIGALRM, lambda number, frame: handled.append(number))
    signal.setitimer(signal.ITIMER_REAL, STORM_INTERVAL_S, STORM_INTERVAL_S)
    yield handled
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


WAITS = {
    "recv with RCVTIMEO": lambda socket: socket.recv(),
    "recv with timeout": lambda socket: socket.recv(timeout=0.2),
    "recv_multipart": lambda socket: socket.recv_multipart(),
    "recv_into": lambda socket: socket.recv_into(bytearray(8)),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_a_wait_ends_on_time_under_a_storm_of_signals(context, storm, wait):
    socket = context.socket(zmq.PULL)
    socket.rcvtimeo = 200       # ms
    began = time.monotonic()
    with pytest.raises(zmq.Again):
        wait(socket)
    assert 0.19 <= time.monotonic() - began < 5
    assert storm
    assert socket.rcvtimeo == 200


def test_a_send_ends_on_time_under_a_storm_of_signals(context, storm):
    socket = context.socket(zmq.PUSH)
    socket.sndtimeo = 200       # ms
    with pytest.raises(zmq.Again):
        socket.send(b"nobody is there")
    assert storm
    assert socket.sndtimeo == 200


def test_a_poll_ends_on_time_under_a_storm_of_signals(context, storm):
    socket = context.socket(zmq.PULL)
    assert socket.poll(200) == 0
    assert storm


@pytest.mark.parametrize("timeout_ms", [0, 1, 10, 200])
def test_a_poller_ends_on_time_under_a_storm_of_signals(context, storm, timeout_ms):
    poller = zmq.Poller()
    for _ in range(10):
        poller.register(context.socket(zmq.PULL), zmq.POLLIN)
    began = time.monotonic()
    assert poller.poll(timeout_ms) == []
    assert timeout_ms / 1000 <= time.monotonic() - began < 5
    assert storm or timeout_ms < 200


def test_a_signal_handler_can_wake_the_poller(context):
    poller = zmq.Poller()
    poller.register(context.socket(zmq.PULL), zmq.POLLIN)
    previous = signal.signal(signal.SIGALRM, lambda number, frame: poller.wake())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert poller.poll() == []
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_a_thread_safe_socket_waits_on_under_a_storm_of_signals(context, storm):
    socket = context.socket(zmq.CLIENT)
    with pytest.raises(zmq.Again):
        socket.recv(timeout=0.2)
    assert storm


def test_a_message_is_received_under_a_storm_of_signals(pair, storm):
    push, pull = pair(zmq.PUSH, zmq.PULL)

    def send() -> None:
        while not storm:
            pass
        push.send_multipart([b"a", b"b"])

    thread = threading.Thread(target=send)
    thread.start()
    assert pull.recv_multipart(timeout=10) == [b"a", b"b"]
    thread.join()


class Interrupt(Exception):
    pass


@pytest.fixture
def interrupt():
    """A signal in 50 ms whose handler raises Interrupt."""
    def handler(number, frame):
        raise Interrupt

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def wait_for_tracker(context: zmq.Context) -> None:
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.bind("inproc://tracked")
    pull.connect("inproc://tracked")
    push.send(b"x" * 100_000, copy=False, track=True).wait()


def wait_in_term(context: zmq.Context) -> None:
    socket = context.socket(zmq.PUSH)
    try:
        context.term()
    finally:
        socket.close()


BLOCKING = {
    "recv": lambda context: context.socket(zmq.PULL).recv(),
    "recv_multipart": lambda context: context.socket(zmq.PULL).recv_multipart(),
    "send": lambda context: context.socket(zmq.PUSH).send(b""),
    "send_multipart": lambda context: context.socket(zmq.PUSH).send_multipart([b"", b""]),
    "recv of a thread-safe socket": lambda context: context.socket(zmq.CLIENT).recv(),
    "poll": lambda context: context.socket(zmq.PULL).poll(),
    "zmq_poll of nothing": lambda context: zmq.zmq_poll([], 10_000),
    "proxy": lambda context: zmq.proxy(context.socket(zmq.PULL), context.socket(zmq.PUSH)),
    "wait_connected": lambda context: context.socket(zmq.PULL).wait_connected(),
    "MessageTracker.wait": wait_for_tracker,
    "term": wait_in_term,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("wait", BLOCKING.values(), ids=BLOCKING.keys())
def test_a_handler_that_raises_ends_the_wait_with_its_exception(context, interrupt, wait):
    with pytest.raises(Interrupt):
        wait(context)


def test_a_handler_may_close_the_socket_that_waits(context):
    socket = context.socket(zmq.PULL)
    previous = signal.signal(signal.SIGALRM, lambda number, frame: socket.close())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(zmq.ZMQError) as caught:
            socket.recv()
        assert caught.value.errno == zmq.ENOTSOCK
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_a_handler_may_use_the_socket_that_waits(inproc_pair):
    socket, other = inproc_pair(zmq.PAIR, zmq.PAIR)

    def handler(number, frame):
        socket.send(b"question")
        assert other.recv() == b"question"
        other.send(b"answer")

    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert socket.recv(timeout=10) == b"answer"
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_a_handler_finds_the_timeout_that_was_set_and_may_set_another(context):
    socket = context.socket(zmq.PULL)
    socket.rcvtimeo = 7000
    found = []

    def handler(number, frame):
        found.append(socket.rcvtimeo)
        socket.rcvtimeo = 8000

    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        while not found:                # a loaded machine may be late with its signal
            with pytest.raises(zmq.Again):
                socket.recv(timeout=0.3)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert found == [7000]
    assert socket.rcvtimeo == 8000


def test_ctrl_c_ends_a_receive():
    assert run("""
        import os, signal, threading
        import zmqfast as zmq
        with zmq.Context() as context, context.socket(zmq.PULL) as socket:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                socket.recv()
            except KeyboardInterrupt:
                print("interrupted")
    """) == "interrupted\n"


def test_ctrl_c_ends_the_wait_of_a_forgotten_context_for_its_unsent_messages():
    assert run("""
        import os, signal, threading
        import zmqfast as zmq

        def send():
            context = zmq.Context()
            with context.socket(zmq.PUSH) as socket:
                socket.connect("tcp://127.0.0.1:9")     # the discard port: nobody is there
                socket.send(b"for ever")
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

        try:
            send()
            for _ in range(1000):
                pass
        except KeyboardInterrupt:
            print("interrupted")
    """) == "interrupted\n"


def test_signals_in_another_thread_do_not_disturb(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    received = []
    thread = threading.Thread(target=lambda: received.append(pull.recv(timeout=10)))
    thread.start()
    previous = signal.signal(signal.SIGALRM, lambda number, frame: None)
    try:
        for _ in range(20):
            signal.pthread_kill(thread.ident, signal.SIGALRM)
        os.kill(os.getpid(), signal.SIGALRM)
        push.send(b"through")
        thread.join(10)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert received == [b"through"]


@pytest.mark.skipif(sys.platform != "linux", reason="interrupts by preloading a library, as Linux does")
@pytest.mark.parametrize("options", ["", "timeout=60"])
def test_a_signal_just_before_libzmq_sleeps_is_not_lost(preloaded, options):
    """It interrupts no system call, so libzmq does not know."""
    library = preloaded("interrupt_poll")
    assert run(f"""
        import ctypes
        import zmqfast as zmq
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("inproc://nobody")
            ctypes.CDLL({library!r}).arm()
            try:
                pull.recv({options})
            except KeyboardInterrupt:
                print("interrupted")
    """) == "interrupted\n"
