"""A registered socket that nobody looks at all the time: whatever happens to it, the poll tells."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zmqfast as zmq
from program import forks, run

SOON_MS = 10_000        # a poll that takes as long has missed what it waits for

pytestmark = pytest.mark.usefixtures("each_poller")

STEPS = st.lists(st.tuples(
    st.sampled_from(["send", "send", "recv", "events", "poll", "poll", "other poll", "option", "bind", "register",
                     "unregister", "shadow"]),
    st.integers(0, 2)), min_size=20, max_size=100)


@pytest.mark.parametrize("transport", ["inproc", "tcp"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_poll_tells_of_every_message_whatever_is_called_in_between(fresh_endpoint, transport, steps):
    with zmq.Context() as context, contextlib.ExitStack() as stack:
        pairs = []
        for _ in range(3):
            near, far = (stack.enter_context(context.socket(zmq.PAIR)) for _ in range(2))
            near.bind(fresh_endpoint(transport))
            far.connect(near.last_endpoint)
            far.wait_connected(1, timeout=10)
            pairs.append((near, far))
        pollers = zmq.Poller(), zmq.Poller()
        for near, _ in pairs:
            for poller in pollers:
                poller.register(near, zmq.POLLIN)
        waiting = [0, 0, 0]
        for step, number in steps:
            near, far = pairs[number]
            if step == "send":
                far.send(b"x")
                waiting[number] += 1
            elif step == "recv" and waiting[number]:
                near.recv(timeout=SOON_MS / 1000)
                waiting[number] -= 1
            elif step == "events":
                near.get(zmq.EVENTS)
            elif step == "option":
                near.linger = 0
            elif step == "bind":
                near.bind(fresh_endpoint(transport))
            elif step == "shadow":
                zmq.Socket(shadow=near.underlying).poll(0)
            elif step == "unregister" and near in pollers[0]:
                pollers[0].unregister(near)
            elif step == "register":
                pollers[0].register(near, zmq.POLLIN)
            elif step in ("poll", "other poll"):
                poller = pollers[step == "other poll"]
                ready = [near for (near, _), count in zip(pairs, waiting) if count and near in poller]
                found = {}
                while set(ready) - set(found):      # over tcp a message takes its time
                    events = poller.poll(SOON_MS)
                    assert events, "the poll has missed a message"
                    found |= dict(events)
                assert set(found) <= set(ready)
                if not ready:
                    assert poller.poll(0) == []


def test_a_message_that_another_call_has_taken_in_is_told_of(tcp_pair):
    push, pull = tcp_pair(zmq.PUSH, zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    assert poller.poll(0) == []
    push.send_many([b"1", b"2"])
    while not pull.get(zmq.EVENTS) & zmq.POLLIN:    # takes the edge of the descriptor
        pass
    assert poller.poll(SOON_MS) == [(pull, zmq.POLLIN)]
    assert pull.recv() == b"1"
    assert poller.poll(SOON_MS) == [(pull, zmq.POLLIN)]


def test_a_thread_that_uses_a_socket_wakes_the_poll_that_waits_for_it(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    told: list[object] = []
    for _ in range(50):
        waiter = threading.Thread(target=lambda: told.append(poller.poll(SOON_MS)))
        waiter.start()
        push.send(b"x")
        with contextlib.suppress(zmq.SocketBusy):
            pull.get(zmq.EVENTS)
        waiter.join()
        assert told.pop() == [(pull, zmq.POLLIN)]
        assert pull.recv(zmq.DONTWAIT) == b"x"


WAITS = {
    "Socket.poll": lambda socket: bool(socket.poll(SOON_MS)),
    "zmq_poll": lambda socket: zmq.zmq_poll([(socket, zmq.POLLIN)], SOON_MS) == [(socket, zmq.POLLIN)],
    "select": lambda socket: zmq.select([socket], [], [], SOON_MS / 1000) == ([socket], [], []),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_a_thread_that_uses_a_socket_wakes_who_waits_for_it_without_a_poller(inproc_pair, wait):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    told: list[object] = []
    for _ in range(50):
        waiters = [threading.Thread(target=lambda: told.append(wait(pull))) for _ in range(2)]
        for waiter in waiters:
            waiter.start()
        push.send(b"x")
        pull.get(zmq.EVENTS)        # takes the edge of the descriptor
        for waiter in waiters:
            waiter.join()
        assert [told.pop(), told.pop()] == [True, True]
        assert pull.recv(zmq.DONTWAIT) == b"x"


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_a_thread_that_closes_a_socket_ends_the_wait_for_it_without_a_poller(context, wait):
    pull = context.socket(zmq.PULL)
    threading.Timer(0.05, pull.close).start()
    with pytest.raises(zmq.ZMQError) as caught:
        wait(pull)
    assert caught.value.errno == zmq.ENOTSOCK


def test_waits_for_different_events_of_one_socket_leave_each_other_asleep(context):
    dealer = context.socket(zmq.DEALER)
    dealer.bind("inproc://asleep")
    other = context.socket(zmq.DEALER)
    other.connect("inproc://asleep")
    began = time.thread_time()
    waiter = threading.Thread(target=lambda: dealer.poll(300, zmq.POLLERR))
    waiter.start()
    assert dealer.poll(200, zmq.POLLIN) == 0    # both see that it can send, which neither waits for
    assert time.thread_time() - began < 0.1
    waiter.join()


def test_waiting_without_a_poller_leaves_no_descriptor(context):
    pull = context.socket(zmq.PULL)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        assert pull.poll(1) == 0
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_poller_that_nobody_polls_keeps_nothing_of_what_was_unregistered(context):
    pull = context.socket(zmq.PULL)
    poller = zmq.Poller()
    for _ in range(1000):
        poller.register(pull, zmq.POLLIN)
        poller.unregister(pull)
    assert sum(type(found).__name__ == "Registered" for found in gc.get_objects()) < 100


def test_two_pollers_that_wait_in_two_threads_are_both_told(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    told: list[object] = []

    def wait() -> None:
        poller = zmq.Poller()
        poller.register(pull, zmq.POLLIN)
        told.append(poller.poll(SOON_MS))

    for _ in range(50):
        waiters = [threading.Thread(target=wait) for _ in range(2)]
        for waiter in waiters:
            waiter.start()
        push.send(b"x")
        for waiter in waiters:
            waiter.join()
        assert [told.pop(), told.pop()] == [[(pull, zmq.POLLIN)]] * 2
        pull.recv(zmq.DONTWAIT)


def test_wake_ends_a_poll_that_waits(context):
    pull = context.socket(zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    threading.Timer(0.05, poller.wake).start()
    assert poller.poll(SOON_MS) == []
    threading.Timer(0.05, poller.wake).start()
    assert poller.poll() == []
    assert poller.poll(0) == []


def test_wake_counts_for_the_next_poll_where_nobody_waits(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    poller.wake()
    poller.wake()
    assert poller.poll() == []
    push.send(b"x")
    poller.wake()
    assert poller.poll() == [(pull, zmq.POLLIN)]


def test_wake_ends_a_poll_of_descriptors_and_of_nothing():
    reading, writing = os.pipe()
    poller = zmq.Poller()
    for source in (None, reading):
        if source is not None:
            poller.register(source, zmq.POLLIN)
        threading.Timer(0.05, poller.wake).start()
        assert poller.poll() == []
    os.close(reading)
    os.close(writing)


def test_what_is_registered_meanwhile_counts_for_a_poll_that_waits(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send(b"x")
    poller = zmq.Poller()
    threading.Timer(0.05, poller.register, [pull, zmq.POLLIN]).start()
    assert poller.poll(SOON_MS) == [(pull, zmq.POLLIN)]


def test_closing_a_socket_ends_the_poll_that_waits_for_it(context):
    pull = context.socket(zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    threading.Timer(0.05, pull.close).start()
    with pytest.raises(zmq.ZMQError) as caught:
        poller.poll(SOON_MS)
    assert caught.value.errno == zmq.ENOTSOCK
    poller.unregister(pull)
    assert poller.poll(0) == []


def test_the_end_of_the_context_ends_the_poll_of_a_poller(context):
    pull = context.socket(zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    assert poller.poll(0) == []
    threading.Timer(0.05, context.shutdown).start()
    with pytest.raises(zmq.ContextTerminated):
        poller.poll(SOON_MS)


def test_a_socket_that_cannot_be_looked_at_stays_to_be_looked_at(context, fresh_endpoint):
    good, bad, push = context.socket(zmq.PULL), context.socket(zmq.PULL), context.socket(zmq.PUSH)
    good.bind(fresh_endpoint("inproc"))
    push.connect(good.last_endpoint)
    poller = zmq.Poller()
    poller.register(bad, zmq.POLLIN)
    poller.register(good, zmq.POLLIN)
    bad.close()
    push.send(b"x")
    for _ in range(3):
        with pytest.raises(zmq.ZMQError):
            poller.poll(0)
    poller.unregister(bad)
    assert poller.poll(0) == [(good, zmq.POLLIN)]


def test_two_objects_of_one_socket_are_both_told(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    shadow = zmq.Socket(shadow=pull.underlying)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    poller.register(shadow, zmq.POLLIN)
    assert poller.poll(0) == []
    push.send(b"x")
    assert [socket for socket, _ in poller.poll(SOON_MS)] == [pull, shadow]
    poller.unregister(pull)
    pull.recv()
    push.send(b"y")
    assert poller.poll(SOON_MS) == [(shadow, zmq.POLLIN)]


def test_more_sockets_than_are_told_of_at_once(context, fresh_endpoint):
    poller, pushes = zmq.Poller(), []
    for _ in range(200):
        pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        pull.bind(fresh_endpoint("inproc"))
        push.connect(pull.last_endpoint)
        poller.register(pull, zmq.POLLIN)
        pushes.append(push)
    assert poller.poll(0) == []
    for push in pushes:
        push.send(b"x")
    assert poller.poll(0) == poller.sockets
    for pull, _ in poller.sockets:
        pull.recv(zmq.DONTWAIT)
    assert poller.poll(0) == []


def test_a_descriptor_whose_number_stands_for_another_file_is_seen_as_it_is(context):
    poller = zmq.Poller()
    reading, writing = os.pipe()
    poller.register(reading, zmq.POLLIN)
    assert poller.poll(0) == []
    other_reading, other_writing = os.pipe()
    os.dup2(other_reading, reading)
    os.write(other_writing, b"x")
    assert poller.poll(SOON_MS) == [(reading, zmq.POLLIN)]
    os.close(reading)
    assert poller.poll(0) == [(reading, zmq.POLLERR)]
    for descriptor in (writing, other_reading, other_writing):
        os.close(descriptor)


def test_a_regular_file_is_always_ready(tmp_path):
    with (tmp_path / "file").open("w+b") as file:
        poller = zmq.Poller()
        poller.register(file, zmq.POLLIN | zmq.POLLOUT)
        assert poller.poll(SOON_MS) == [(file.fileno(), zmq.POLLIN | zmq.POLLOUT)]


def test_a_poller_that_is_forgotten_leaves_no_descriptor(context):
    pull = context.socket(zmq.PULL)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        poller = zmq.Poller()
        poller.register(pull, zmq.POLLIN)
        poller.poll(0)
        del poller
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_poll_keeps_its_deadline_while_others_use_the_sockets(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    poller = zmq.Poller()
    poller.register(push, 0)
    poller.register(pull, zmq.POLLERR)
    over = time.monotonic() + 0.2
    users = [threading.Thread(target=use_until, args=(over, pull)) for _ in range(2)]
    for user in users:
        user.start()
    began = time.monotonic()
    with contextlib.suppress(zmq.SocketBusy):
        assert poller.poll(100) == []
        assert time.monotonic() - began >= 0.099
    for user in users:
        user.join()


def use_until(over, socket):
    while time.monotonic() < over:
        with contextlib.suppress(zmq.SocketBusy):
            socket.get(zmq.EVENTS)


def test_a_poller_without_descriptors_says_so_and_works_once_there_are_some():
    assert run("""
        import errno, os, resource
        import zmqfast as zmq

        context = zmq.Context()
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.bind("inproc://pull")
        push.connect("inproc://pull")
        push.send(b"x")
        poller = zmq.Poller()
        poller.register(pull, zmq.POLLIN)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(map(int, os.listdir("/proc/self/fd")))
        for limit in (3, highest, highest + 1):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                poller.poll(0)
            except zmq.ZMQError as error:
                print(error.errno == errno.EMFILE, "poll" in str(error))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        print(poller.poll(0) == [(pull, zmq.POLLIN)])
        context.destroy()
    """).split() == ["True"] * 6 + ["True"]


@forks
def test_a_poller_in_a_forked_child_is_its_own():
    assert run("""
        import os, sys, warnings
        import zmqfast as zmq

        warnings.simplefilter("ignore", DeprecationWarning)
        context = zmq.Context()
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.bind("inproc://pull")
        push.connect("inproc://pull")
        reading, writing = os.pipe()
        poller = zmq.Poller()
        poller.register(pull, zmq.POLLIN)
        poller.register(reading, zmq.POLLIN)
        assert poller.poll(0) == []
        child = os.fork()
        if not child:
            try:
                poller.poll(0)
            except zmq.ZMQError as error:
                print(error.errno == zmq.ENOTSOCK)
            poller.unregister(pull)
            with zmq.Context() as own:
                first, second = own.socket(zmq.PAIR), own.socket(zmq.PAIR)
                first.bind("inproc://pair")
                second.connect("inproc://pair")
                poller.register(first, zmq.POLLIN)
                assert poller.poll(0) == []
                second.send(b"x")
                os.write(writing, b"x")
                print(poller.poll(1000) == [(reading, zmq.POLLIN), (first, zmq.POLLIN)])
                os.read(reading, 1)
                first.close()
                second.close()
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)
        assert poller.poll(0) == []
        push.send(b"x")
        print(poller.poll(1000) == [(pull, zmq.POLLIN)])
        context.destroy()
    """).split() == ["True", "True", "True"]
