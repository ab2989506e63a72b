"""What threads share that no socket guards: what is done to it by two at once is done as if by one after the other.

With a GIL it cannot be otherwise; these tests are for a Python without one, where each of them failed
or ended the process, the rarer ones in a few of ten runs.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable

import pytest

import zmqfast as zmq

LONGEST_S = 60

pytestmark = pytest.mark.usefixtures("many_switches")


def at_once(*calls: Callable[[], object]) -> None:
    """Each call in a thread of its own; what they raise is raised here."""
    start = threading.Barrier(len(calls))
    errors = []

    def run(call: Callable[[], object]) -> None:
        start.wait()
        try:
            call()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_S)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def test_an_end_that_is_named_while_another_one_goes_is_known(context, fresh_endpoint):
    endpoint = fresh_endpoint("inproc")
    binder = context.socket(zmq.ROUTER)
    binder.bind(endpoint)
    over = threading.Event()

    def opened(meanwhile: Callable[[], object]) -> zmq.Socket:
        """What is closed counts until the other end has noticed, which it does in its own calls."""
        deadline = time.monotonic() + LONGEST_S / 2
        while True:
            try:
                return context.socket(zmq.DEALER)
            except zmq.ZMQError as error:
                if error.errno != errno.EMFILE or time.monotonic() > deadline:
                    raise
                meanwhile()

    def come_and_go() -> None:
        while not over.is_set():
            with opened(lambda: over.wait(0.001)) as socket:
                socket.connect(endpoint)

    def come_and_look() -> None:
        try:
            for _ in range(3000):
                with opened(lambda: binder.poll(0)) as socket:
                    socket.connect(endpoint)
                    assert binder.peers()
        finally:
            over.set()

    at_once(come_and_go, come_and_look)


def test_a_context_ends_in_which_two_threads_began_to_wait_over_inproc(fresh_endpoint):
    endpoints = fresh_endpoint("inproc"), fresh_endpoint("inproc")
    for _ in range(300):
        context = zmq.Context(io_threads=0)

        def wait_at(endpoint: str, context: zmq.Context = context) -> None:
            with context.socket(zmq.DEALER) as socket:
                socket.connect(endpoint)

        at_once(lambda: wait_at(endpoints[0]), lambda: wait_at(endpoints[1]))
        at_once(context.term)


def test_no_call_of_wake_is_lost():
    poller = zmq.Poller()
    rounds = 20_000
    returned = 0

    def wake() -> None:
        for number in range(rounds):
            poller.wake()
            deadline = time.monotonic() + LONGEST_S / 2
            while returned <= number:
                assert time.monotonic() < deadline

    def poll() -> None:
        nonlocal returned
        for _ in range(rounds):
            poller.poll(LONGEST_S * 1000)
            returned += 1

    at_once(wake, poll)


def test_several_threads_ask_for_peers_while_another_one_ends_the_count(context, fresh_endpoint):
    for _ in range(100):
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            push.bind(fresh_endpoint("tcp"))
            pull.connect(push.last_endpoint)
            push.wait_connected(timeout=10)

            def ask(push: zmq.Socket = push) -> None:
                try:
                    for _ in range(10):
                        push.wait_connected(timeout=0)
                        push.peers()
                        push.stats()
                except zmq.ZMQError:        # the socket has another monitor, or nobody counts any more
                    pass

            def end(push: zmq.Socket = push, endpoint: str = fresh_endpoint("inproc")) -> None:
                try:
                    push.monitor(endpoint)
                except zmq.SocketBusy:
                    pass

            at_once(ask, ask, end)
