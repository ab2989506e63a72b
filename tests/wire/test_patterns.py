"""Every pattern between a process with zmqfast and one with pyzmq: every byte arrives, in order, either way round."""

from peer import digest
from wire.conftest import SHAPES, digests, subscribe, wait_for_message, wait_for_subscription
from zmqfast import DEALER, PAIR, PUB, PULL, PUSH, REP, REQ, ROUTER, SUB, SUBSCRIBE, XPUB, XSUB

EMPTY = digest(b"")


def transfer(sender, receiver, expected_prefix=(), prefix=()):
    sender.send_shapes(SHAPES, prefix)
    assert receiver.recv_digests(len(SHAPES)) == [[*expected_prefix, *frames] for frames in digests(SHAPES)]


def test_push_to_pull(ends):
    push, pull = ends(PUSH, PULL)
    transfer(push, pull)


def test_pair_to_pair_and_back(ends):
    one, two = ends(PAIR, PAIR)
    transfer(one, two)
    transfer(two, one)


def test_pub_to_sub(ends):
    pub, sub = ends(PUB, SUB)
    sub.set(int(SUBSCRIBE), b"")
    wait_for_subscription(pub, sub)
    transfer(pub, sub)


def test_xpub_to_sub(ends):
    xpub, sub = ends(XPUB, SUB)
    subscribe(xpub, sub, b"")
    transfer(xpub, sub)


def test_pub_to_xsub(ends):
    pub, xsub = ends(PUB, XSUB)
    xsub.send(b"\x01")
    wait_for_subscription(pub, xsub)
    transfer(pub, xsub)


def test_xpub_to_xsub_and_a_message_upstream(ends):
    xpub, xsub = ends(XPUB, XSUB)
    xsub.send(b"\x01topic")
    wait_for_message(xpub, xsub)
    assert xpub.recv() == b"\x01topic"
    xsub.send(b"upstream")
    assert xpub.recv() == b"upstream"
    transfer(xpub, xsub, expected_prefix=[digest(b"topic")], prefix=[b"topic"])


def test_req_to_rep_and_back(ends):
    req, rep = ends(REQ, REP)
    for shape in SHAPES:
        req.send_shapes([shape])
        assert rep.recv_digests(1) == digests([shape])
        rep.send_shapes([shape])
        assert req.recv_digests(1) == digests([shape])


def test_dealer_to_router_and_back(ends):
    dealer, router = ends(DEALER, ROUTER)
    dealer.send(b"first")
    routing_id, first = router.recv_multipart()
    assert first == b"first"
    transfer(dealer, router, expected_prefix=[digest(routing_id)])
    transfer(router, dealer, prefix=[routing_id])


def test_req_to_router_and_back(ends):
    req, router = ends(REQ, ROUTER)
    for shape in SHAPES:
        req.send_shapes([shape])
        routing_id, *frames = router.recv_multipart()
        assert [digest(frame) for frame in frames] == [EMPTY, *digests([shape])[0]]
        router.send_shapes([shape], [routing_id, b""])
        assert req.recv_digests(1) == digests([shape])


def test_dealer_to_rep_and_back(ends):
    dealer, rep = ends(DEALER, REP)
    for shape in SHAPES:
        dealer.send_shapes([shape], [b"envelope", b""])
        assert rep.recv_digests(1) == digests([shape])
        rep.send_shapes([shape])
        assert dealer.recv_digests(1) == [[digest(b"envelope"), EMPTY, *digests([shape])[0]]]


def test_dealer_to_dealer_and_back(ends):
    one, two = ends(DEALER, DEALER)
    transfer(one, two)
    transfer(two, one)


def test_router_to_router_and_back(ends):
    one, two = ends.peers[0].socket(ROUTER, routing_id=b"one"), ends.peers[1].socket(ROUTER, routing_id=b"two")
    if ends.transport == "tcp6":
        one.set(42, 1), two.set(42, 1)  # IPV6
    binding, connecting = (one, two) if ends.first_binds else (two, one)
    connecting.set(61, b"there")  # CONNECT_ROUTING_ID: what the connecting side calls its peer
    ends.connect(one, two)
    connecting.send_multipart([b"there", b"hello"])
    name, body = binding.recv_multipart()
    assert (name, body) == (b"two" if ends.first_binds else b"one", b"hello")
    transfer(connecting, binding, expected_prefix=[digest(name)], prefix=[b"there"])
    transfer(binding, connecting, expected_prefix=[digest(b"there")], prefix=[name])


def test_many_messages_in_order(ends):
    push, pull = ends(PUSH, PULL)
    sending = push._peer.start(0, "send_shapes", push._number, [[size % 700] for size in range(5000)], [])
    assert pull.recv_digests(5000) == digests([[size % 700] for size in range(5000)])
    sending.result()


def test_one_publisher_and_two_libraries(peers, fresh_endpoint):
    publisher = peers[0].socket(XPUB, xpub_verbose=1)
    endpoint = publisher.bind(fresh_endpoint("tcp"))
    subscribers = [peer.socket(SUB) for peer in peers]
    for subscriber in subscribers:
        subscriber.connect(endpoint)
        subscribe(publisher, subscriber, b"")
    publisher.send_shapes(SHAPES)
    for subscriber in subscribers:
        assert subscriber.recv_digests(len(SHAPES)) == digests(SHAPES)
