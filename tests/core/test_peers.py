"""peers() and stats(): who is connected, what was counted, what is queued; and handshakes that fail."""

from __future__ import annotations

import asyncio
import errno
import socket as python_socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import zmqfast as zmq
import zmqfast.asyncio as zmq_asyncio
from program import run
from zmqfast.auth.thread import ThreadAuthenticator

drafts = pytest.mark.skipif(not zmq.DRAFT_API, reason="needs libzmq's draft API")


@pytest.fixture
def connected(context, fresh_endpoint):
    """A PULL and a PUSH over tcp that have seen each other."""
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(fresh_endpoint("tcp"))
    push.connect(pull.last_endpoint)
    assert pull.wait_connected(timeout=5) == push.wait_connected(timeout=5) == 1
    return pull, push


@pytest.fixture
def curve_server(context, fresh_endpoint):
    """A PULL with CURVE, and its public key."""
    server = context.socket(zmq.PULL)
    public, server.curve_secretkey = zmq.curve_keypair()
    server.curve_server = True
    server.bind(fresh_endpoint("tcp"))
    server.wait_connected(0)
    return server, public


def curve_client(context, server_key):
    client = context.socket(zmq.PUSH)
    client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
    client.curve_serverkey = server_key
    return client


@drafts
def test_both_ends_tell_the_same_two_addresses(connected):
    pull, push = connected
    (theirs,), (ours,) = pull.peers(), push.peers()
    assert theirs.local == ours.remote == pull.last_endpoint.decode()
    assert theirs.remote == ours.local


def test_peers_come_and_go(context, fresh_endpoint):
    pull = context.socket(zmq.PULL)
    pull.bind(fresh_endpoint("tcp"))
    pull.wait_connected(0)
    pushes = [context.socket(zmq.PUSH) for _ in range(3)]
    for push in pushes:
        push.connect(pull.last_endpoint)
    pull.wait_connected(3, timeout=5)
    assert len(set(pull.peers())) == 3 or not zmq.DRAFT_API
    pushes.pop().close()
    for _ in range(5000):
        if len(pull.peers()) == 2:
            break
        pull.poll(1)
    assert len(pull.peers()) == 2
    assert pull.stats()[:3] == (3, 1, 0)


def test_inproc_peers_are_told_by_their_endpoint(context):
    first, second = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    first.bind("inproc://peers")
    assert first.peers() == []
    second.connect("inproc://peers")
    assert first.peers() == second.peers() == [("inproc://peers", "inproc://peers")]


@drafts
def test_the_queue_of_each_connection_is_told(connected):
    pull, push = connected
    for number in range(3):
        push.send(b"%d" % number)
    while pull.stats().queues[0].incoming < 3:
        pass
    (queue,) = pull.stats().queues
    assert (queue.local, queue.remote) == pull.peers()[0]
    assert pull.recv_many(3) == [b"0", b"1", b"2"]


@drafts
def test_a_connection_that_is_not_there_yet_has_a_queue(context):
    push = context.socket(zmq.PUSH)
    push.linger = 0
    push.connect("tcp://127.0.0.1:9")       # the discard port: nobody is there
    push.wait_connected(0)
    push.send(b"1")
    push.send(b"2")
    assert push.stats() == (0, 0, 0, (("", "tcp://127.0.0.1:9", 2, 0),))


@pytest.mark.parametrize("ask", [lambda socket: socket.wait_connected(timeout=10), lambda socket: socket.stats().connected],
                         ids=["wait_connected", "stats"])
def test_many_threads_ask_at_once(context, fresh_endpoint, ask):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(fresh_endpoint("tcp"))
    pull.wait_connected(0)
    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(ask, pull) for _ in range(8)]
        push.connect(pull.last_endpoint)
        assert {question.result() for question in asking} <= {0, 1}
    assert pull.wait_connected(timeout=10) == 1


@drafts
def test_stats_beside_connections_that_are_going():
    """libzmq 4.3.4 asked the end of a connection that was no more: a segmentation fault, here after some rounds."""
    assert run("""
        import zmqfast as zmq
        with zmq.Context() as context, zmq.Context() as others, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            pull.wait_connected(0)
            for _ in range(20):
                pushes = [others.socket(zmq.PUSH) for _ in range(8)]
                for push in pushes:
                    push.connect(pull.last_endpoint)
                for _ in range(20):
                    pull.stats()
                    pull.poll(0)
                for push in pushes:
                    push.close(linger=0)
                for _ in range(60):
                    pull.stats()
                pull.poll(1)
        print("end")
    """) == "end\n"


def test_stats_of_a_socket_without_connections(context, fresh_endpoint):
    pull = context.socket(zmq.PULL)
    pull.bind(fresh_endpoint("tcp"))
    assert pull.stats() == (0, 0, 0, ())


@drafts
def test_a_message_that_comes_while_stats_are_asked_wakes_a_poller(connected):
    pull, push = connected
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    for _ in range(50):
        assert poller.poll(0) == []
        push.send(b"x")
        pull.stats()
        assert poller.poll(5000) == [(pull, zmq.POLLIN)]
        pull.recv()


@pytest.mark.parametrize("ask", [zmq.Socket.peers, zmq.Socket.stats])
def test_asking_after_use_only_is_refused(context, fresh_endpoint, ask):
    pull = context.socket(zmq.PULL)
    pull.bind(fresh_endpoint("tcp"))
    pull.poll(0)
    with pytest.raises(zmq.ZMQError, match=f"{ask.__name__}: the socket was used") as caught:
        ask(pull)
    assert caught.value.errno == zmq.EFSM


def test_stats_can_be_awaited(fresh_endpoint):
    async def main() -> None:
        with zmq_asyncio.Context() as context:
            pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
            pull.bind(fresh_endpoint("tcp"))
            push.connect(pull.last_endpoint)
            await pull.wait_connected(timeout=5)
            assert len(pull.peers()) == 1
            assert (await pull.stats()).connected == 1
            pull.close()
            push.close()

    asyncio.run(main())


def test_a_client_without_curve_learns_of_it(context, curve_server):
    server, _ = curve_server
    client = context.socket(zmq.PUSH)
    client.connect(server.last_endpoint)
    with pytest.raises(zmq.HandshakeFailed) as caught:
        client.wait_connected(timeout=10)
    assert caught.value.errno == errno.EPROTO
    assert caught.value.protocol_error == zmq.Event.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
    assert caught.value.status is None
    assert caught.value.endpoint == server.last_endpoint.decode()


def test_a_client_with_a_wrong_server_key_is_named_to_both(context, curve_server):
    server, _ = curve_server
    client = curve_client(context, zmq.curve_keypair()[0])
    client.connect(server.last_endpoint)
    for end, text in ((client, "handshake failed with tcp://"), (server, "PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC")):
        with pytest.raises(zmq.Again, match=text) as caught:
            end.wait_connected(timeout=0.5)
        assert isinstance(caught.value.__cause__, zmq.HandshakeFailed)
    assert server.stats().failed >= 1
    assert server.peers() == []


def test_a_client_that_the_authenticator_turns_away_learns_the_status(context, curve_server):
    server, public = curve_server
    with_authenticator = ThreadAuthenticator(context)
    with_authenticator.start()
    try:
        with_authenticator.configure_curve_callback(credentials_provider=Nobody())
        client = curve_client(context, public)
        client.connect(server.last_endpoint)
        with pytest.raises(zmq.HandshakeFailed) as caught:
            client.wait_connected(timeout=10)
        assert (caught.value.errno, caught.value.status) == (errno.EACCES, 400)
    finally:
        with_authenticator.stop()


class Nobody:
    def callback(self, domain: str, key: bytes) -> bool:
        return False


def test_a_failure_is_forgotten_when_the_socket_connects_again(context, curve_server):
    server, public = curve_server
    client = context.socket(zmq.PUSH)
    client.connect(server.last_endpoint)
    with pytest.raises(zmq.HandshakeFailed):
        client.wait_connected(timeout=10)
    client.disconnect(server.last_endpoint)
    client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
    client.curve_serverkey = public
    client.connect(server.last_endpoint)
    assert client.wait_connected(timeout=5) == 1


def test_a_peer_that_speaks_no_zmtp_is_counted_and_waited_past(context, fresh_endpoint):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind(fresh_endpoint("tcp"))
    pull.wait_connected(0)
    host, _, port = pull.last_endpoint.decode().removeprefix("tcp://").rpartition(":")
    with python_socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
        threading.Timer(0.1, push.connect, [pull.last_endpoint]).start()
        assert pull.wait_connected(timeout=10) == 1
    assert pull.stats().failed == 1
