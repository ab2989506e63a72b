"""Security between the libraries: NULL, PLAIN and CURVE, without ZAP and with a handler made by hand."""

import pytest
import zmqfast as zmq
from wire.conftest import SHAPES, digests
from zmqfast import DEALER, PULL, PUSH

MECHANISMS = ("NULL", "PLAIN", "CURVE")
REFUSED = (zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
DOMAIN = "global"

if zmq.has("curve"):
    SERVER, CLIENT, OTHER = (zmq.curve_keypair() for _ in range(3))


@pytest.fixture(params=MECHANISMS)
def mechanism(request):
    if request.param == "CURVE" and not zmq.has("curve"):
        pytest.skip("no CURVE in this build")
    return request.param


def server_options(mechanism):
    return {
        "NULL": {},
        "PLAIN": {"plain_server": 1},
        "CURVE": {"curve_server": 1, "curve_secretkey": SERVER[1]} if mechanism == "CURVE" else {},
    }[mechanism]


def client_options(mechanism, password=b"secret", server_key=None):
    return {
        "NULL": {},
        "PLAIN": {"plain_username": b"user", "plain_password": password},
        "CURVE": {"curve_publickey": CLIENT[0], "curve_secretkey": CLIENT[1],
                  "curve_serverkey": server_key or SERVER[0]} if mechanism == "CURVE" else {},
    }[mechanism]


def let_everybody_in(peer, mechanism):
    """PLAIN has no meaning without somebody who knows the passwords: libzmq asks ZAP, or refuses."""
    if mechanism == "PLAIN":
        peer.call(0, "serve_zap", True)


def test_every_byte_arrives(tcp_ends, mechanism):
    let_everybody_in(tcp_ends.peers[0], mechanism)
    server = tcp_ends.peers[0].socket(DEALER, **server_options(mechanism))
    client = tcp_ends.peers[1].socket(DEALER, **client_options(mechanism))
    tcp_ends.connect(server, client)
    for sender, receiver in ((client, server), (server, client)):
        sender.send_shapes(SHAPES)
        assert receiver.recv_digests(len(SHAPES)) == digests(SHAPES)
    assert server.get(int(zmq.MECHANISM)) == zmq.SecurityMechanism[mechanism]


def test_the_connecting_side_may_be_the_server(tcp_ends, mechanism):
    let_everybody_in(tcp_ends.peers[1], mechanism)
    client = tcp_ends.peers[0].socket(DEALER, **client_options(mechanism))
    server = tcp_ends.peers[1].socket(DEALER, **server_options(mechanism))
    tcp_ends.connect(client, server)
    client.send(b"hello")
    assert server.recv() == b"hello"


def test_zap_lets_in_and_names_the_user(tcp_ends, mechanism):
    tcp_ends.peers[0].call(0, "serve_zap", True, "joe")
    server = tcp_ends.peers[0].socket(PULL, zap_domain=DOMAIN.encode(), **server_options(mechanism))
    client = tcp_ends.peers[1].socket(PUSH, **client_options(mechanism))
    tcp_ends.connect(server, client)
    client.send(b"hello")
    assert tcp_ends.peers[0].call(0, "recv_property", server._number, "User-Id") == (b"hello", "joe")


def test_zap_keeps_out(tcp_ends, mechanism):
    tcp_ends.peers[0].call(0, "serve_zap", False)
    server = tcp_ends.peers[0].socket(PULL, zap_domain=DOMAIN.encode(), **server_options(mechanism))
    client = tcp_ends.peers[1].socket(PUSH, **client_options(mechanism))
    events = client.watch(), server.watch()
    tcp_ends.connect(server, client)
    assert events[0].next_event(*REFUSED) == (zmq.EVENT_HANDSHAKE_FAILED_AUTH, 400)
    assert events[1].next_event(*REFUSED)[0] == zmq.EVENT_HANDSHAKE_FAILED_AUTH
    assert server.poll(0) == 0


def test_plain_without_zap_is_refused(tcp_ends):
    server = tcp_ends.peers[0].socket(PULL, **server_options("PLAIN"))
    client = tcp_ends.peers[1].socket(PUSH, **client_options("PLAIN"))
    events = server.watch()
    tcp_ends.connect(server, client)
    assert events.next_event(*REFUSED)[0] == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    assert server.poll(0) == 0


def test_a_wrong_server_key_is_refused(tcp_ends):
    if not zmq.has("curve"):
        pytest.skip("no CURVE in this build")
    server = tcp_ends.peers[0].socket(PULL, **server_options("CURVE"))
    client = tcp_ends.peers[1].socket(PUSH, **client_options("CURVE", server_key=OTHER[0]))
    events = server.watch()
    tcp_ends.connect(server, client)
    number, value = events.next_event(*REFUSED)
    assert number == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    assert value == zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC
    assert server.poll(0) == 0


@pytest.mark.parametrize("server_mechanism", MECHANISMS)
@pytest.mark.parametrize("client_mechanism", MECHANISMS)
def test_different_mechanisms_do_not_meet(tcp_ends, server_mechanism, client_mechanism):
    if server_mechanism == client_mechanism or "CURVE" in (server_mechanism, client_mechanism) and not zmq.has("curve"):
        pytest.skip("nothing to see")
    server = tcp_ends.peers[0].socket(PULL, **server_options(server_mechanism))
    client = tcp_ends.peers[1].socket(PUSH, **client_options(client_mechanism))
    events = server.watch()
    tcp_ends.connect(server, client)
    number, _ = events.next_event(*REFUSED)     # which of them depends on who hangs up first
    assert number in REFUSED
    assert server.poll(0) == 0


@pytest.mark.parametrize("transport", ["ipc", "tcp6"])
def test_curve_over_other_transports(tcp_ends, transport, fresh_endpoint):
    if not zmq.has("curve"):
        pytest.skip("no CURVE in this build")
    server = tcp_ends.peers[0].socket(PULL, ipv6=1, **server_options("CURVE"))
    client = tcp_ends.peers[1].socket(PUSH, ipv6=1, **client_options("CURVE"))
    try:
        client.connect(server.bind(fresh_endpoint(transport)))
    except Exception:
        if transport == "tcp6":
            pytest.skip("no IPv6 here")
        raise
    client.send_shapes(SHAPES)
    assert server.recv_digests(len(SHAPES)) == digests(SHAPES)
