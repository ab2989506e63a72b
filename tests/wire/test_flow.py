"""Full queues, peers that die and come back, links that end: between the libraries."""

import errno

import pytest
import zmqfast as zmq
from peer import PeerError
from wire.conftest import digests
from zmqfast import DEALER, PULL, PUSH, REP, REQ

BODY = 64 * 1024
FULL_MS = 100  # a socket without room for that long is full


@pytest.fixture(params=["zmqfast", "zmq"])
def library(request):
    if request.param == "zmq":
        pytest.importorskip("zmq")
    return request.param


def other(library):
    return {"zmq": "zmqfast", "zmqfast": "zmq"}[library]


def send_until_full(push):
    count = 0
    while True:
        try:
            push.send(count.to_bytes(4, "big") + bytes(BODY), int(zmq.DONTWAIT))
        except PeerError as error:
            assert error.errno == errno.EAGAIN
            if not push.poll(FULL_MS, int(zmq.POLLOUT)):  # else its I/O thread was only behind
                return count
        else:
            count += 1


def test_a_full_socket_says_so_and_loses_nothing(tcp_ends):
    push, pull = tcp_ends(PUSH, PULL, sndhwm=5, rcvhwm=5, sndbuf=BODY, rcvbuf=BODY)
    assert push.poll(5000, int(zmq.POLLOUT))
    sent = send_until_full(push)
    assert sent >= 5 and push.poll(0, int(zmq.POLLOUT)) == 0
    received = [pull.recv()[:4] for _ in range(sent)]
    assert received == [number.to_bytes(4, "big") for number in range(sent)]
    assert push.poll(5000, int(zmq.POLLOUT))


def test_a_waiting_send_goes_on_when_there_is_room(tcp_ends):
    push, pull = tcp_ends(PUSH, PULL, sndhwm=5, rcvhwm=5, sndbuf=BODY, rcvbuf=BODY)
    assert push.poll(5000, int(zmq.POLLOUT))
    sent = send_until_full(push)
    sending = push.start("send", b"last")
    received = [pull.recv() for _ in range(sent + 1)]
    assert received[-1] == b"last"
    sending.result()


def test_a_killed_receiver_comes_back(start_peer, library, fresh_endpoint):
    receiver, sender = start_peer(library), start_peer(other(library))
    pull = receiver.socket(PULL)
    endpoint = pull.bind(fresh_endpoint("tcp"))
    push = sender.socket(PUSH, reconnect_ivl=10, immediate=1)
    events = push.watch()
    push.connect(endpoint)
    push.send(b"before")
    assert pull.recv() == b"before"
    receiver.kill()
    events.next_event(zmq.EVENT_DISCONNECTED)
    again = start_peer(library).socket(PULL)
    again.bind(endpoint)
    events.next_event(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    push.send_shapes([[size] for size in range(100)])
    assert again.recv_digests(100) == digests([[size] for size in range(100)])


def test_a_killed_sender_comes_back(start_peer, library, fresh_endpoint):
    receiver, sender = start_peer(library), start_peer(other(library))
    pull = receiver.socket(PULL)
    endpoint = pull.bind(fresh_endpoint("tcp"))
    for number in range(3):
        push = sender.socket(PUSH)
        push.connect(endpoint)
        push.send_shapes([[number, 1000]])
        assert pull.recv_digests(1) == digests([[number, 1000]])
        sender.kill()
        sender = start_peer(other(library))


def test_a_requester_survives_the_death_of_its_replier(start_peer, library, fresh_endpoint):
    replier, requester = start_peer(library), start_peer(other(library))
    rep = replier.socket(REP)
    endpoint = rep.bind(fresh_endpoint("tcp"))
    req = requester.socket(REQ, req_relaxed=1, req_correlate=1, reconnect_ivl=10)
    events = req.watch()
    req.connect(endpoint)
    req.send(b"lost")
    assert rep.recv() == b"lost"
    replier.kill()
    events.next_event(zmq.EVENT_DISCONNECTED)
    rep = start_peer(library).socket(REP)
    rep.bind(endpoint)
    req.send(b"again")
    assert rep.recv() == b"again"
    rep.send(b"answer")
    assert req.recv() == b"answer"


def test_what_was_sent_before_close_arrives(tcp_ends):
    push, pull = tcp_ends(PUSH, PULL)
    push.send_shapes([[1000]] * 500)
    push.close(linger=-1)
    assert pull.recv_digests(500) == digests([[1000]] * 500)


def test_a_message_too_large_ends_the_link(tcp_ends):
    push = tcp_ends.peers[0].socket(PUSH)
    pull = tcp_ends.peers[1].socket(PULL, maxmsgsize=1000)
    events = pull.watch()
    tcp_ends.connect(push, pull)
    events.next_event(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    push.send_shapes([[1000]])
    assert pull.recv_digests(1) == digests([[1000]])
    push.send_shapes([[1001]])
    events.next_event(zmq.EVENT_DISCONNECTED)
    assert pull.poll(0) == 0


def test_a_conflating_socket_keeps_the_last(tcp_ends):
    push, pull = tcp_ends(PUSH, PULL, conflate=1)
    push.send(b"first")
    assert pull.recv() == b"first"
    for number in range(100):
        push.send(b"%d" % number)
    while (last := pull.recv()) != b"99":
        assert last.isdigit()


def test_disconnecting_and_connecting_elsewhere(tcp_ends, fresh_endpoint):
    dealer = tcp_ends.peers[0].socket(DEALER)
    others = [tcp_ends.peers[1].socket(DEALER) for _ in range(2)]
    for number, there in enumerate(others):
        endpoint = there.bind(fresh_endpoint("tcp"))
        dealer.connect(endpoint)
        dealer.send(b"%d" % number)
        assert there.recv() == b"%d" % number
        dealer.disconnect(endpoint)


def test_heartbeats_keep_an_idle_link(tcp_ends):
    one, two = tcp_ends(DEALER, DEALER, heartbeat_ivl=20, heartbeat_timeout=2000)
    events = one.watch()
    one.send(b"hello")
    assert two.recv() == b"hello"
    assert events.poll(100) in (0, 1)
    two.send(b"still there")
    assert one.recv() == b"still there"
