"""wait_connected: no sleeping before the first send."""

from __future__ import annotations

import errno
import threading

import pytest

import zmqfast as zmq

NETWORK = ("ipc", "tcp")


@pytest.fixture
def named(context, transport, fresh_endpoint):
    """A bound and a connected socket, unused, and where they meet."""

    def make(binding: int, connecting: int) -> tuple[zmq.Socket, zmq.Socket]:
        first, second = context.socket(binding), context.socket(connecting)
        first.bind(fresh_endpoint(transport))
        second.connect(first.last_endpoint)
        return first, second

    return make


@pytest.mark.parametrize(("binding", "connecting"), [
    (zmq.PULL, zmq.PUSH), (zmq.PUSH, zmq.PULL), (zmq.REP, zmq.REQ), (zmq.ROUTER, zmq.DEALER), (zmq.DEALER, zmq.ROUTER),
    (zmq.PAIR, zmq.PAIR), (zmq.PUB, zmq.SUB), (zmq.SUB, zmq.PUB), (zmq.XPUB, zmq.XSUB),
], ids=lambda number: zmq.SocketType(number).name)
def test_both_ends_see_each_other(named, binding, connecting):
    first, second = named(binding, connecting)
    assert second.wait_connected(timeout=5) == 1
    assert first.wait_connected(timeout=5) == 1


def test_a_router_reaches_a_peer_that_never_sent(context, fresh_endpoint):
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    router.router_mandatory = 1
    dealer.routing_id = b"peer"
    router.bind(fresh_endpoint("tcp"))
    dealer.connect(router.last_endpoint)
    router.wait_connected(timeout=5)
    router.send_multipart([b"peer", b"hello"], zmq.DONTWAIT)
    assert dealer.recv(timeout=5) == b"hello"


def test_several_peers_are_waited_for(context, fresh_endpoint):
    pull = context.socket(zmq.PULL)
    pull.bind(fresh_endpoint("tcp"))
    for _ in range(5):
        context.socket(zmq.PUSH).connect(pull.last_endpoint)
    assert pull.wait_connected(5, timeout=5) == 5


def test_a_peer_that_leaves_is_no_longer_counted(context, fresh_endpoint):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(fresh_endpoint("tcp"))
    push.connect(pull.last_endpoint)
    assert pull.wait_connected(timeout=5) == 1
    push.close()
    while pull.wait_connected(0):
        pass


def test_a_peer_that_comes_back_is_counted_again(context, fresh_endpoint):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(fresh_endpoint("tcp"))
    endpoint = pull.last_endpoint
    push.connect(endpoint)
    assert push.wait_connected(timeout=5) == 1
    pull.unbind(endpoint)
    pull.close()
    while push.wait_connected(0):
        pass
    context.socket(zmq.PULL).bind(endpoint)
    assert push.wait_connected(timeout=10) == 1


def test_too_few_peers_in_time_raise_again(named):
    first, _ = named(zmq.PULL, zmq.PUSH)
    with pytest.raises(zmq.Again, match="1 of 2 peers"):
        first.wait_connected(2, timeout=0.3)


def test_nobody_at_all_raises_again(context):
    push = context.socket(zmq.PUSH)
    push.connect("tcp://127.0.0.1:9")       # the discard port: nobody is there
    with pytest.raises(zmq.Again, match="0 of 1 peers"):
        push.wait_connected(timeout=0.1)


def test_a_handshake_that_fails_is_no_connection(context, fresh_endpoint):
    server, client = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    public, secret = zmq.curve_keypair()
    server.curve_server = 1
    server.curve_secretkey = secret
    server.bind(fresh_endpoint("tcp"))
    client.connect(server.last_endpoint)    # without CURVE
    with pytest.raises(zmq.HandshakeFailed, match="MECHANISM_MISMATCH"):
        client.wait_connected(timeout=5)
    with pytest.raises(zmq.Again, match="0 of 1 peers"):
        server.wait_connected(timeout=0.1)


def test_it_can_be_asked_again_after_use(named):
    pull, push = named(zmq.PULL, zmq.PUSH)
    assert push.wait_connected(timeout=5) == pull.wait_connected(timeout=5) == 1
    push.send(b"x")
    pull.recv()
    assert push.wait_connected() == pull.wait_connected() == 1


def test_asking_after_use_only_is_refused_with_the_way_out(context, fresh_endpoint):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(fresh_endpoint("tcp"))
    push.connect(pull.last_endpoint)
    push.send(b"x")
    with pytest.raises(zmq.ZMQError, match=r"wait_connected\(0\)") as caught:
        push.wait_connected(timeout=1)
    assert caught.value.errno == zmq.EFSM


def test_a_socket_with_a_monitor_of_its_own_is_refused(context):
    push = context.socket(zmq.PUSH)
    monitor = push.get_monitor_socket()
    push.connect("tcp://127.0.0.1:9")
    with pytest.raises(zmq.ZMQError) as caught:
        push.wait_connected(timeout=1)
    assert caught.value.errno == errno.EBUSY
    assert monitor.recv(timeout=5).event in (zmq.EVENT_CONNECT_DELAYED, zmq.EVENT_CONNECT_RETRIED)
    monitor.close()


def test_an_unasked_watch_ends_with_the_first_use(context, fresh_endpoint):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(fresh_endpoint("tcp"))
    push.connect(pull.last_endpoint)
    watched = zmq._core._live()["Socket"]
    push.send(b"x")
    pull.recv()
    assert zmq._core._live()["Socket"] == watched - 2


def test_watches_leave_room_for_the_users_sockets():
    with zmq.Context() as context:
        context.max_sockets = 10
        sockets = []
        for _ in range(10):
            sockets.append(context.socket(zmq.PULL))
            sockets[-1].bind("tcp://127.0.0.1:*")
        context.destroy()


def test_another_thread_may_use_the_socket_meanwhile(context, fresh_endpoint):
    pair, other = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    pair.bind(fresh_endpoint("tcp"))
    pair.wait_connected(0)
    counted = []
    thread = threading.Thread(target=lambda: counted.append(pair.wait_connected(timeout=10)))
    thread.start()
    assert not pair.poll(0)
    other.connect(pair.last_endpoint)
    other.send(b"x")
    assert pair.recv(timeout=5) == b"x"
    thread.join(10)
    assert counted == [1]


def test_the_end_of_the_context_ends_the_wait(context):
    push = context.socket(zmq.PUSH)
    push.connect("tcp://127.0.0.1:9")
    push.wait_connected(0)
    threading.Timer(0.05, context.shutdown).start()
    with pytest.raises(zmq.ContextTerminated):
        push.wait_connected(timeout=10)
