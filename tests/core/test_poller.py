"""Polling: sockets, descriptors and objects with fileno(), in the order they were registered."""

from __future__ import annotations

import os
import socket as python_socket
import threading
import time

import pytest

import zmqfast as zmq

pytestmark = pytest.mark.usefixtures("each_poller")


def test_ready_sockets_come_in_order_of_registration(context, fresh_endpoint):
    pulls = [context.socket(zmq.PULL) for _ in range(5)]
    pushes = []
    poller = zmq.Poller()
    for pull in pulls:
        poller.register(pull, zmq.POLLIN)
        pull.bind(fresh_endpoint("inproc"))
        pushes.append(context.socket(zmq.PUSH))
        pushes[-1].connect(pull.last_endpoint)
    for number in (3, 0, 4):
        pushes[number].send(b"x")
    assert poller.poll(5000) == [(pulls[0], zmq.POLLIN), (pulls[3], zmq.POLLIN), (pulls[4], zmq.POLLIN)]
    events = dict(poller.poll(0))
    assert pulls[3] in events
    assert pulls[1] not in events


def test_poll_waits_for_a_message(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    assert poller.poll(0) == []
    threading.Timer(0.05, push.send, [b"x"]).start()
    assert poller.poll(10_000) == [(pull, zmq.POLLIN)]
    assert pull.recv(zmq.DONTWAIT) == b"x"
    assert poller.poll(0) == []


def test_poll_reports_again_what_is_still_there(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    for _ in range(3):
        push.send(b"x")
    for _ in range(3):
        assert pull.poll(5000) == zmq.POLLIN
        assert pull.poll(0) == zmq.POLLIN
        pull.recv()
    assert pull.poll(0) == 0


@pytest.mark.parametrize("flags", [zmq.POLLIN, zmq.POLLOUT, zmq.POLLIN | zmq.POLLOUT], ids=str)
def test_only_what_is_asked_for_is_reported(inproc_pair, flags):
    first, second = inproc_pair(zmq.PAIR, zmq.PAIR)
    second.send(b"x")
    assert first.poll(1000, flags) == flags


def test_descriptors_and_sockets_mix(context, fresh_endpoint):
    reader, writer = python_socket.socketpair()
    pull = context.socket(zmq.PULL)
    pull.bind(fresh_endpoint("inproc"))
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    poller.register(reader.fileno(), zmq.POLLIN)
    poller.register(writer, zmq.POLLOUT)
    assert poller.poll(0) == [(writer.fileno(), zmq.POLLOUT)]
    writer.send(b"x")
    assert poller.poll(1000) == [(reader.fileno(), zmq.POLLIN), (writer.fileno(), zmq.POLLOUT)]
    reader.close()
    writer.close()


def test_a_descriptor_wakes_a_poll_that_waits(context):
    pull = context.socket(zmq.PULL)
    read_end, write_end = os.pipe()
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    poller.register(read_end, zmq.POLLIN)
    threading.Timer(0.05, os.write, [write_end, b"x"]).start()
    assert poller.poll(10_000) == [(read_end, zmq.POLLIN)]
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize("timeout_ms", [30, 30.5])
def test_poll_returns_when_its_time_is_over(context, timeout_ms):
    pull = context.socket(zmq.PULL)
    began = time.monotonic()
    assert pull.poll(timeout_ms) == 0
    assert time.monotonic() - began >= 0.029


def test_an_empty_poller_waits_its_time():
    began = time.monotonic()
    assert zmq.Poller().poll(30) == []
    assert time.monotonic() - began >= 0.029


def test_register_modify_unregister(context):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    poller = zmq.Poller()
    poller.register(pull)
    poller.register(push, zmq.POLLOUT)
    poller.modify(pull, zmq.POLLIN)
    assert poller.sockets == [(pull, zmq.POLLIN), (push, zmq.POLLOUT)]
    assert pull in poller
    assert list(poller) == [pull, push]
    poller.register(pull, 0)
    assert pull not in poller
    assert list(poller) == [push]
    poller.unregister(push)
    assert poller.sockets == []
    with pytest.raises(KeyError):
        poller.unregister(push)


def test_a_closed_socket_in_a_poller_raises_enotsock(context):
    pull = context.socket(zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    pull.close()
    with pytest.raises(zmq.ZMQError) as caught:
        poller.poll(0)
    assert caught.value.errno == zmq.ENOTSOCK


def test_the_end_of_the_context_ends_a_poll(context):
    pull = context.socket(zmq.PULL)
    threading.Timer(0.05, context.shutdown).start()
    with pytest.raises(zmq.ContextTerminated):
        pull.poll(10_000)


@pytest.mark.parametrize("thing", ["text", None, 1.5, object()], ids=repr)
def test_what_cannot_be_polled_is_refused(thing):
    with pytest.raises(TypeError):
        zmq.zmq_poll([(thing, zmq.POLLIN)], 0)


def test_a_thread_safe_socket_can_be_polled(context):
    server, client = context.socket(zmq.SERVER), context.socket(zmq.CLIENT)
    port = server.bind_to_random_port("tcp://127.0.0.1")
    client.connect(f"tcp://127.0.0.1:{port}")
    assert server.poll(0) == 0
    client.send(b"x")
    assert server.poll(5000) == zmq.POLLIN
    assert server.recv() == b"x"
    assert server.poll(20) == 0


def test_select_sorts_by_what_is_ready(inproc_pair):
    first, second = inproc_pair(zmq.PAIR, zmq.PAIR)
    second.send(b"x")
    assert zmq.select([first, second], [first], [first, second], timeout=1) == ([first], [first], [])
    first.recv()
    assert zmq.select([first], [], [], timeout=0) == ([], [], [])
