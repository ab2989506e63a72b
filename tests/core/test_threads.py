"""One socket, several threads: the second one gets an exception, never a crash."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

import pytest

import zmqfast as zmq


class Waiter:
    """A thread that waits in a call, and keeps what came of it."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.result: object = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        try:
            self.result = self.call()
        except zmq.ZMQError as error:
            self.result = error

    def join(self) -> object:
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.result


def once_inside(socket: zmq.Socket) -> None:
    """Return when another thread is waiting in `socket`."""
    while True:
        try:
            socket.get(zmq.EVENTS)
        except zmq.SocketBusy:
            return


@pytest.fixture
def occupied(inproc_pair):
    """A socket in which another thread waits to receive, and the socket that can end the wait."""
    socket, other = inproc_pair(zmq.PAIR, zmq.PAIR)
    waiter = Waiter(socket.recv)
    once_inside(socket)
    yield socket
    other.send(b"enough")
    assert waiter.join() == b"enough"


@pytest.mark.parametrize("call", [
    lambda socket: socket.recv(),
    lambda socket: socket.recv(zmq.DONTWAIT),
    lambda socket: socket.recv_multipart(),
    lambda socket: socket.recv_into(bytearray(4)),
    lambda socket: socket.send(b""),
    lambda socket: socket.send(bytearray(200_000), copy=False),
    lambda socket: socket.send_multipart([b"a", b"b"]),
    lambda socket: socket.poll(0),
    lambda socket: socket.get(zmq.EVENTS),
    lambda socket: socket.set(zmq.LINGER, 1),
    lambda socket: socket.bind("inproc://other"),
    lambda socket: socket.connect("inproc://other"),
    lambda socket: socket.unbind("inproc://other"),
    lambda socket: socket.disconnect("inproc://other"),
    lambda socket: socket.monitor("inproc://monitor"),
    lambda socket: socket.close(),
    lambda socket: zmq.proxy(socket, socket),
    lambda socket: zmq.Socket.shadow(socket).send(b""),
    lambda socket: zmq.Socket.shadow(socket.underlying).close(),
], ids=["recv", "recv DONTWAIT", "recv_multipart", "recv_into", "send", "send copy=False", "send_multipart", "poll",
        "get", "set", "bind", "connect", "unbind", "disconnect", "monitor", "close", "proxy", "send of a shadow",
        "close of a shadow"])
def test_a_second_thread_gets_socket_busy(occupied, call):
    with pytest.raises(zmq.SocketBusy) as caught:
        call(occupied)
    assert caught.value.errno == errno.EBUSY


def test_a_socket_can_be_moved_between_threads(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    for number in range(20):
        sender = Waiter(lambda number=number: push.send(b"%d" % number))
        sender.join()
        receiver = Waiter(pull.recv)
        assert receiver.join() == b"%d" % number


def test_many_threads_on_one_socket_lose_nothing_that_was_sent(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, sndhwm=0, rcvhwm=0)
    sent = []

    def send_some(first: int) -> None:
        for number in range(first, first + 2000):
            try:
                push.send(b"%d" % number)
            except zmq.SocketBusy:
                continue
            sent.append(number)

    threads = [threading.Thread(target=send_some, args=(10_000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    received = [int(pull.recv(timeout=5)) for _ in sent]
    assert sorted(received) == sorted(sent)
    assert not pull.poll(0)


def test_thread_safe_sockets_let_all_threads_in(context):
    server, client = context.socket(zmq.SERVER), context.socket(zmq.CLIENT)
    port = server.bind_to_random_port("tcp://127.0.0.1")
    client.connect(f"tcp://127.0.0.1:{port}")
    waiters = [Waiter(lambda: client.recv(timeout=10)) for _ in range(3)]
    client.send(b"hello")
    hello = server.recv(copy=False)
    for body in (b"1", b"2", b"3"):
        server.send(body, routing_id=hello.routing_id)
    assert sorted(waiter.join() for waiter in waiters) == [b"1", b"2", b"3"]


def test_a_thread_safe_socket_cannot_be_closed_while_a_thread_waits_in_it(context):
    client = context.socket(zmq.CLIENT)
    waiter = Waiter(lambda: client.recv(timeout=0.5))
    while True:
        try:
            client.close()
        except zmq.SocketBusy:
            break
        else:
            client = context.socket(zmq.CLIENT)     # the thread was not inside yet
            waiter.join()
            waiter = Waiter(lambda client=client: client.recv(timeout=0.5))
    assert isinstance(waiter.join(), zmq.Again)
    client.close()


def test_term_ends_the_wait_of_another_thread(context):
    pull = context.socket(zmq.PULL)

    def wait() -> None:
        try:
            pull.recv()
        finally:
            pull.close()

    waiter = Waiter(wait)
    once_inside(pull)
    context.term()
    assert isinstance(waiter.join(), zmq.ContextTerminated)


def test_destroy_ends_the_wait_of_another_thread(context):
    pull = context.socket(zmq.PULL)

    def wait() -> None:
        with pull:
            pull.recv()

    waiter = Waiter(wait)
    once_inside(pull)
    context.destroy()
    assert isinstance(waiter.join(), zmq.ContextTerminated)


def test_two_threads_can_terminate_one_context(context):
    pull = context.socket(zmq.PULL)
    waiters = [Waiter(context.term) for _ in range(2)]
    pull.close()
    assert [waiter.join() for waiter in waiters] == [None, None]
    assert context.closed
