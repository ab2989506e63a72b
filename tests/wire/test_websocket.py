"""WebSocket: pyzmq's wheels have none, so both ends are zmqfast."""

import random

import pytest
import zmqfast as zmq
from wire.conftest import SHAPES, digests

pytestmark = pytest.mark.skipif(not zmq.has("WS"), reason="no WebSocket in this build")


@pytest.fixture
def ends(peer_of, start_peer):
    def make(first_type, second_type, **options):
        first, second = peer_of("zmqfast").socket(first_type, **options), start_peer("zmqfast").socket(second_type)
        second.connect(first.bind("ws://127.0.0.1:*/path"))
        return first, second

    return make


def test_push_to_pull_over_websocket(ends):
    push, pull = ends(zmq.PUSH, zmq.PULL)
    push.send_shapes(SHAPES)
    assert pull.recv_digests(len(SHAPES)) == digests(SHAPES)


def test_request_and_reply_over_websocket(ends):
    rep, req = ends(zmq.REP, zmq.REQ)
    for shape in SHAPES:
        req.send_shapes([shape])
        assert rep.recv_digests(1) == digests([shape])
        rep.send_shapes([shape])
        assert req.recv_digests(1) == digests([shape])


def test_subscriptions_over_websocket(ends):
    xpub, sub = ends(zmq.XPUB, zmq.SUB)
    sub.set(int(zmq.SUBSCRIBE), b"a")
    assert xpub.recv() == b"\x01a"
    xpub.send(b"b")
    xpub.send(b"a")
    assert sub.recv() == b"a"


@pytest.mark.parametrize("copy", [True, False], ids=["copy", "no copy"])
@pytest.mark.parametrize("size", [1, 33, 34, 1000, 40_000, 100_000, 2_000_000])
def test_a_client_over_websocket_leaves_what_it_sends_as_it_is(size, copy, context):
    """It masks what it writes: libzmq did that in the very object that it was lent."""
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    pull.bind("ws://127.0.0.1:*")
    push.connect(pull.last_endpoint)
    body = random.Random(size).randbytes(size)
    for sent in (body, bytearray(body)):
        push.send(sent, copy=copy)
        assert pull.recv() == body
        assert sent == random.Random(size).randbytes(size)  # not `body`: that is the object that was sent
