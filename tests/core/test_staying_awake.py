"""Who has sent and waits for the answer stays awake for a moment where answers come quickly, and misses nothing meanwhile."""

from __future__ import annotations

import signal
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import zmqfast as zmq
from program import run
from core.waiting import WAYS, waiter
from zmqfast import _core

BLOCK, AWAKE_BLOCKS, ASLEEP_BLOCKS = 64, 64, 8      # as in core/awake.h

by_preloading = pytest.mark.skipif(
    sys.platform != "linux" or bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="counts yields by preloading a library, as Linux does, and beside a GIL: without one the interpreter's locks yield")

YIELDS = """
    import ctypes
    import select
    import sys
    import threading
    import time
    import zmqfast as zmq
    sys.path.append({tests!r})
    from core.waiting import waiter
    take_yields = ctypes.CDLL({library!r}).take_yields
    context = zmq.Context()
    server, client = context.socket(zmq.{server}), context.socket(zmq.{client})
    client.connect("tcp://127.0.0.1:%d" % server.bind_to_random_port("tcp://127.0.0.1"))
    wait = waiter({way!r}, client)
"""
SLOW_ANSWERS = YIELDS + """
    def serve():
        while (request := server.recv()) != b"end":
            time.sleep(0.003)
            server.send(request)

    thread = threading.Thread(target=serve)
    thread.start()
    for number in range({count}):
        time.sleep(0.003)
        client.send(b"%d" % number)
        wait()
        assert client.recv() == b"%d" % number
    client.send(b"end")
    thread.join()
    print(take_yields())
    context.destroy()
"""
QUICK_ANSWERS = YIELDS + """
    def serve():
        request = b""
        while request != b"end":
            while not server.get(zmq.EVENTS) & zmq.POLLIN:
                select.select([server.FD], [], [])      # and not in ours, which would stay awake as well
            request = server.recv()
            server.send(request)

    thread = threading.Thread(target=serve)
    thread.start()
    deadline = time.monotonic() + 60        # a machine that has much else to do takes its time until answers are quick
    while not take_yields() and time.monotonic() < deadline:
        for _ in range(200):
            client.send(b"")
            wait()
            assert client.recv() == b""
    client.send(b"end")
    assert client.recv() == b"end"
    thread.join()
    print(time.monotonic() < deadline)
    context.destroy()
"""
ONE_WAY = YIELDS + """
    def work():
        for number in range({count}):
            client.send(b"%d" % number)
            while not received >= number:
                pass

    received = -1
    thread = threading.Thread(target=work)
    thread.start()
    for number in range({count}):
        assert server.recv() == b"%d" % number
        received = number
    thread.join()
    print(take_yields())
    context.destroy()
"""


def test_what_is_quicker_awake_stays_awake_and_sleeping_is_tried_now_and_then():
    asleep, awake = [False] * BLOCK, [True] * BLOCK * AWAKE_BLOCKS
    expected = asleep + awake + asleep + awake
    assert _core._awake_waits([(200e-6, 50e-6)] * len(expected)) == expected


def test_what_is_quicker_asleep_sleeps_and_staying_awake_is_tried_now_and_then():
    expected = [False] * BLOCK + ([True] * BLOCK + [False] * BLOCK * ASLEEP_BLOCKS) * 3
    assert _core._awake_waits([(200e-6, 250e-6)] * len(expected)) == expected


def test_slow_answers_are_slept_for():
    assert not any(_core._awake_waits([(301e-6, 1e-6)] * 10_000))


def test_answers_that_become_slow_are_slept_for_after_a_block():
    decisions = _core._awake_waits([(200e-6, 50e-6)] * 3 * BLOCK + [(0.01, 0.01)] * 10_000)
    assert decisions[BLOCK : 3 * BLOCK] == [True] * 2 * BLOCK
    assert not any(decisions[4 * BLOCK :])


def test_a_pause_in_quick_answers_changes_nothing():
    waits = [(200e-6, 50e-6)] * BLOCK * AWAKE_BLOCKS
    waits[2 * BLOCK + 5] = (5.0, 5.0)
    assert _core._awake_waits(waits)[BLOCK:] == [True] * (len(waits) - BLOCK)


@pytest.fixture
def preloading(preloaded) -> dict[str, str]:
    """For YIELDS: the library, and where its modules are."""
    return {"library": preloaded("count_yields"), "tests": str(Path(__file__).parents[1])}


@pytest.mark.parametrize("way", WAYS)
@by_preloading
def test_nobody_is_awake_for_answers_and_requests_that_take_milliseconds(preloading, way):
    assert run(SLOW_ANSWERS.format(**preloading, server="REP", client="REQ", way=way, count=150)) == "0\n"


@pytest.mark.parametrize("way", WAYS)
@by_preloading
def test_who_has_quick_answers_is_awake(preloading, way):
    assert run(QUICK_ANSWERS.format(**preloading, server="REP", client="REQ", way=way), timeout_s=100) == "True\n"


@by_preloading
def test_nobody_is_awake_for_what_only_comes_in(preloading):
    assert run(ONE_WAY.format(**preloading, server="PULL", client="PUSH", way="recv", count=1000)) == "0\n"


@pytest.fixture(params=[(zmq.REP, zmq.REQ), (zmq.ROUTER, zmq.DEALER), (zmq.PAIR, zmq.PAIR)], ids=["rep", "router", "pair"])
def echoing(request, pair):
    """A client, whose every message comes back from a thread, and an event: `slow` comes back once it is set."""
    server, client = pair(*request.param)
    go_on = threading.Event()

    def serve() -> None:
        while True:
            message = server.recv_multipart()
            if message[-1] == b"end":
                return
            if message[-1] == b"slow":
                go_on.wait(30)
                go_on.clear()
            server.send_multipart(message)

    thread = threading.Thread(target=serve)
    thread.start()
    yield client, go_on
    client.send(b"end")
    thread.join(30)
    assert not thread.is_alive()


def converse(client: zmq.Socket, wait: Callable[[], object], first: int, count: int) -> None:
    for number in range(first, first + count):
        client.send(b"%d" % number)
        wait()
        assert client.recv(timeout=30) == b"%d" % number


@pytest.mark.parametrize("way", WAYS)
def test_a_slow_answer_among_quick_ones_runs_into_the_time_limit_and_is_received_afterwards(echoing, way):
    client, go_on = echoing
    wait = waiter(way, client)
    for round_ in range(3):
        converse(client, wait, 1000 * round_, 500)
        client.send(b"slow")
        with pytest.raises(zmq.Again):
            client.recv(timeout=0.02)
        go_on.set()
        assert client.recv(timeout=30) == b"slow"


@pytest.mark.parametrize("way", WAYS)
def test_signals_during_a_conversation_lose_nothing(echoing, way):
    handled = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: handled.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
    try:
        converse(echoing[0], waiter(way, echoing[0]), 0, 2000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert handled


def test_a_handler_that_raises_ends_the_wait_for_an_answer_and_the_answer_is_there_later(echoing):
    client, go_on = echoing

    class Enough(Exception):
        pass

    def enough(number, frame):
        raise Enough

    before = signal.signal(signal.SIGALRM, enough)
    try:
        for _ in range(3):
            converse(client, waiter("recv", client), 0, 300)
            client.send(b"slow")
            with pytest.raises(Enough):
                signal.setitimer(signal.ITIMER_REAL, 0.01)
                client.recv()
            go_on.set()
            assert client.recv(timeout=30) == b"slow"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_end_of_the_context_ends_the_wait_for_an_answer(tcp_pair, context):
    server, client = tcp_pair(zmq.PAIR, zmq.PAIR)
    ended = []

    def converse_for_ever() -> None:
        try:
            while True:
                client.send(b"")
                client.recv()
        except zmq.ContextTerminated as error:
            ended.append(error)
        client.close(0)

    thread = threading.Thread(target=converse_for_ever)
    thread.start()
    for _ in range(500):
        server.send(server.recv())
    server.close(0)
    context.term()
    thread.join(30)
    assert ended
