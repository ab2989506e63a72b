"""Routing ids between the libraries."""

import errno

import pytest
from peer import PeerError
from zmqfast import DEALER, REQ, ROUTER, ROUTER_HANDOVER, ROUTER_MANDATORY

IDS = [b"a", b"\x01\x00\x02", b"x" * 255, "é".encode(), bytes(range(1, 200))]


@pytest.mark.parametrize("routing_id", IDS, ids=lambda routing_id: f"{len(routing_id)} bytes")
def test_a_dealer_names_itself(tcp_ends, routing_id):
    dealer = tcp_ends.peers[0].socket(DEALER, routing_id=routing_id)
    router = tcp_ends.peers[1].socket(ROUTER)
    tcp_ends.connect(dealer, router)
    dealer.send(b"hello")
    assert router.recv_multipart() == [routing_id, b"hello"]
    router.send_multipart([routing_id, b"hello to you"])
    assert dealer.recv() == b"hello to you"


def test_a_nameless_peer_gets_a_name(tcp_ends):
    dealer, router = tcp_ends(DEALER, ROUTER)
    dealer.send(b"hello")
    routing_id, _ = router.recv_multipart()
    assert len(routing_id) == 5 and routing_id[0] == 0


def test_two_peers_are_told_apart(tcp_ends):
    router = tcp_ends.peers[0].socket(ROUTER)
    endpoint = router.bind("tcp://127.0.0.1:*")
    requesters = [peer.socket(REQ, routing_id=peer.library.encode()) for peer in tcp_ends.peers]
    for req in requesters:
        req.connect(endpoint)
        req.send(b"question")
    for _ in requesters:
        name, empty, body = router.recv_multipart()
        router.send_multipart([name, empty, b"answer to " + name])
    assert [req.recv() for req in requesters] == [b"answer to " + peer.library.encode() for peer in tcp_ends.peers]


def test_an_unroutable_message_is_dropped_or_an_error(tcp_ends):
    router, dealer = tcp_ends(ROUTER, DEALER)
    dealer.send(b"hello")
    routing_id, _ = router.recv_multipart()
    router.send_multipart([b"nobody", b"lost"])
    router.set(int(ROUTER_MANDATORY), 1)
    with pytest.raises(PeerError) as caught:
        router.send_multipart([b"nobody", b"lost"])
    assert caught.value.errno == errno.EHOSTUNREACH
    router.send_multipart([routing_id, b"found"])
    assert dealer.recv() == b"found"


def test_a_name_is_handed_over(tcp_ends):
    router = tcp_ends.peers[0].socket(ROUTER)
    router.set(int(ROUTER_HANDOVER), 1)
    endpoint = router.bind("tcp://127.0.0.1:*")
    dealers = [peer.socket(DEALER, routing_id=b"same") for peer in tcp_ends.peers]
    for dealer in dealers:
        dealer.connect(endpoint)
        dealer.send(b"me")
        assert router.recv_multipart() == [b"same", b"me"]
    router.send_multipart([b"same", b"to the second"])
    assert dealers[1].recv() == b"to the second"


def test_a_probing_dealer_announces_itself(tcp_ends):
    router = tcp_ends.peers[0].socket(ROUTER)
    dealer = tcp_ends.peers[1].socket(DEALER, routing_id=b"me", probe_router=1)
    tcp_ends.connect(router, dealer)
    assert router.recv_multipart() == [b"me", b""]
