"""Socket options by their C type: what is set is got, what is wrong is named and changes nothing."""

from __future__ import annotations

import errno
import os
import socket as python_socket

import pytest

import zmqfast as zmq

ROUND_TRIPS = [
    ("LINGER", -1), ("LINGER", 0), ("LINGER", 2**31 - 1), ("SNDHWM", 5), ("RCVHWM", 0), ("AFFINITY", 2**63),
    ("AFFINITY", 0), ("MAXMSGSIZE", -1), ("MAXMSGSIZE", 2**40), ("RATE", 1000), ("RECONNECT_IVL", 5), ("IPV6", True),
    ("TCP_KEEPALIVE", -1), ("PLAIN_USERNAME", b"user"), ("ZAP_DOMAIN", b"global"), ("SOCKS_PROXY", b"127.0.0.1:1"),
    ("ROUTING_ID", b"me"), ("ROUTING_ID", b"\x01\x00"), ("HANDSHAKE_IVL", 100), ("IMMEDIATE", 1), ("TOS", 4),
    ("HWM", 7),
]


@pytest.mark.parametrize(("name", "value"), ROUND_TRIPS, ids=lambda item: str(item)[:24])
def test_what_is_set_is_got(context, name, value):
    socket = context.socket(zmq.DEALER)
    option = getattr(zmq, name)
    socket.set(option, value)
    assert socket.get(option) == value
    assert socket.getsockopt(option) == getattr(socket, name.lower()) == getattr(socket, name) == value


def test_hwm_sets_and_gets_both_directions(context):
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.HWM, 1000)
    assert (socket.sndhwm, socket.rcvhwm, socket.hwm) == (1000, 1000, 1000)
    socket.hwm = 5
    assert (socket.sndhwm, socket.rcvhwm) == (5, 5)
    socket.sndhwm = 6
    with pytest.raises(zmq.ZMQError, match="SNDHWM is 6, RCVHWM is 5"):
        socket.getsockopt(zmq.HWM)


@pytest.mark.parametrize(("option", "value", "error"), [
    ("LINGER", "1", TypeError), ("LINGER", b"1", TypeError), ("LINGER", 1.5, TypeError), ("LINGER", None, TypeError),
    ("LINGER", 2**31, OverflowError), ("LINGER", -2**31 - 1, OverflowError), ("LINGER", -5, zmq.ZMQError),
    ("AFFINITY", -1, OverflowError), ("AFFINITY", 2**64, OverflowError), ("MAXMSGSIZE", 2**63, OverflowError),
    ("ROUTING_ID", 5, TypeError), ("ROUTING_ID", "me", TypeError), ("ROUTING_ID", b"", zmq.ZMQError),
    ("ROUTING_ID", b"x" * 256, zmq.ZMQError), ("SUBSCRIBE", b"x", zmq.ZMQError), ("TYPE", 1, zmq.ZMQError),
    ("HWM", -1, zmq.ZMQError), ("HWM", "x", TypeError), ("RCVHWM", [], TypeError),
], ids=lambda item: str(item)[:24])
def test_a_bad_value_is_refused_by_name_and_changes_nothing(context, option, value, error):
    socket = context.socket(zmq.DEALER)
    readable = option not in ("SUBSCRIBE", "HWM")
    before = socket.get(getattr(zmq, option)) if readable else None
    with pytest.raises(error, match=option):
        socket.set(getattr(zmq, option), value)
    assert not readable or socket.get(getattr(zmq, option)) == before


@pytest.mark.parametrize("number", [9999, 255, 256, -1, 200])
def test_an_unknown_option_raises_einval(context, number):
    socket = context.socket(zmq.DEALER)
    for call in (lambda: socket.get(number), lambda: socket.set(number, 1)):
        with pytest.raises(zmq.ZMQError, match=str(number)) as caught:
            call()
        assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize("option", ["x", None, b"LINGER", 1 << 40], ids=repr)
def test_what_is_no_option_number_is_refused(context, option):
    with pytest.raises((TypeError, OverflowError)):
        context.socket(zmq.DEALER).get(option)


def test_text_goes_through_the_string_forms(context):
    socket = context.socket(zmq.DEALER)
    socket.setsockopt_string(zmq.ROUTING_ID, "grüße")
    assert socket.getsockopt(zmq.ROUTING_ID) == "grüße".encode()
    assert socket.getsockopt_string(zmq.ROUTING_ID) == socket.get_string(zmq.ROUTING_ID) == "grüße"
    with pytest.raises(TypeError):
        socket.setsockopt_string(zmq.ROUTING_ID, b"bytes")
    with pytest.raises(TypeError):
        socket.getsockopt_string(zmq.LINGER)


def test_numbers_that_are_ints_by_index_are_taken(context):
    numpy = pytest.importorskip("numpy")
    socket = context.socket(zmq.DEALER)
    socket.linger = numpy.int64(7)
    assert socket.linger == 7


def test_subscriptions_by_method_option_and_attribute(context, fresh_endpoint):
    publisher, subscriber = context.socket(zmq.XPUB), context.socket(zmq.SUB)
    endpoint = fresh_endpoint("inproc")
    publisher.bind(endpoint)
    subscriber.connect(endpoint)
    subscriber.subscribe("a")
    subscriber.setsockopt(zmq.SUBSCRIBE, b"b")
    subscriber.subscribe = b"c"
    subscriber.unsubscribe(b"a")
    assert [publisher.recv(timeout=5) for _ in range(4)] == [b"\x01a", b"\x01b", b"\x01c", b"\x00a"]


def test_last_endpoint_tells_what_the_system_chose(context, fresh_endpoint):
    socket = context.socket(zmq.PULL)
    assert socket.last_endpoint == b""
    socket.bind("tcp://127.0.0.1:*")
    assert socket.last_endpoint.startswith(b"tcp://127.0.0.1:")
    socket.bind("inproc://" + "x" * 5000)
    assert socket.last_endpoint == b"inproc://" + b"x" * 5000


@pytest.mark.parametrize("name", ["lingr", "foo", "Linger"])
def test_an_attribute_that_is_no_option_is_refused(context, name):
    socket = context.socket(zmq.DEALER)
    with pytest.raises(AttributeError):
        setattr(socket, name, 1)
    with pytest.raises(AttributeError):
        getattr(socket, name)


@pytest.mark.parametrize("kind", ["a file", "a pipe", "closed", "connected"])
def test_use_fd_that_does_not_listen_is_refused_by_bind(context, tmp_path, kind):
    made = {
        "a file": lambda: [os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)],
        "a pipe": lambda: list(os.pipe()),
        "closed": list,
        "connected": lambda: [end.detach() for end in python_socket.socketpair()],
    }[kind]()
    socket = context.socket(zmq.PULL)
    socket.use_fd = made[0] if made else 9999
    with pytest.raises(zmq.ZMQError, match="USE_FD"):
        socket.bind("tcp://127.0.0.1:*")
    for descriptor in made:
        os.close(descriptor)


def test_use_fd_that_listens_is_used(context):
    with python_socket.create_server(("127.0.0.1", 0)) as server:
        pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        pull.use_fd = os.dup(server.fileno())
        port = server.getsockname()[1]
        pull.bind(f"tcp://127.0.0.1:{port}")
        push.connect(f"tcp://127.0.0.1:{port}")
        push.send(b"x")
        assert pull.recv(timeout=5) == b"x"
