"""STREAM: raw TCP peers."""

import socket as sockets

import pytest
from peer import frame_of
from zmqfast import STREAM

DATA = frame_of(200_000)


def received(stream, size):
    """The next `size` bytes from the only peer, and its routing id."""
    data = b""
    while len(data) < size:
        routing_id, some = stream.recv_multipart()
        data += some
    return routing_id, data


@pytest.mark.parametrize("library", ["zmqfast", "zmq"])
def test_a_plain_socket_connects_to_stream(peer_of, library):
    stream = peer_of(library).socket(STREAM)
    host, port = stream.bind("tcp://127.0.0.1:*").removeprefix("tcp://").split(":")
    with sockets.create_connection((host, int(port)), timeout=10) as plain:
        routing_id, connected = stream.recv_multipart()
        assert connected == b""
        plain.sendall(DATA)
        assert received(stream, len(DATA)) == (routing_id, DATA)
        stream.send_multipart([routing_id, DATA])
        assert plain.makefile("rb").read(len(DATA)) == DATA
    assert stream.recv_multipart() == [routing_id, b""]


@pytest.mark.parametrize("library", ["zmqfast", "zmq"])
def test_stream_connects_to_a_plain_socket(peer_of, library):
    stream = peer_of(library).socket(STREAM)
    with sockets.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        stream.connect(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        with server.accept()[0] as plain:
            plain.settimeout(10)
            routing_id, connected = stream.recv_multipart()
            assert connected == b""
            plain.sendall(DATA)
            assert received(stream, len(DATA)) == (routing_id, DATA)
            stream.send_multipart([routing_id, DATA])
            assert plain.makefile("rb").read(len(DATA)) == DATA


def test_stream_to_stream(tcp_ends):
    one, two = tcp_ends(STREAM, STREAM)
    peer_of_one, connected = one.recv_multipart()
    peer_of_two, connected_too = two.recv_multipart()
    assert connected == connected_too == b""
    one.send_multipart([peer_of_one, DATA])
    assert received(two, len(DATA)) == (peer_of_two, DATA)
    two.send_multipart([peer_of_two, DATA])
    assert received(one, len(DATA)) == (peer_of_one, DATA)
