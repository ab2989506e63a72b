"""Socket: endpoints, sending and receiving in every form, its life."""

from __future__ import annotations

import array
import copy
import errno
import time

import pytest

import zmqfast as zmq


@pytest.mark.parametrize("data", [b"", b"bytes", bytearray(b"array"), memoryview(b"view"), array.array("i", [1, 2]),
                                  zmq.Frame(b"frame"), b"x" * 33, b"x" * 34, b"x" * 300_000],
                         ids=lambda data: f"{type(data).__name__}-{len(bytes(data))}")
@pytest.mark.parametrize("copying", [True, False])
def test_what_is_sent_is_received(pair, data, copying):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    push.send(data, copy=copying)
    assert bytes(pull.recv(copy=copying, timeout=10)) == bytes(data)


@pytest.mark.parametrize("data", ["text", 5, None, 1.5, ["x"], object()], ids=repr)
@pytest.mark.parametrize("copying", [True, False])
def test_what_is_no_buffer_is_refused(inproc_pair, data, copying):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises(TypeError):
        push.send(data, copy=copying)
    assert not pull.poll(0)


def test_numpy_arrays_are_buffers(inproc_pair):
    numpy = pytest.importorskip("numpy")
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    numbers = numpy.arange(100_000)
    push.send(numbers, copy=False)
    assert (numpy.frombuffer(pull.recv(copy=False), dtype=numbers.dtype) == numbers).all()


@pytest.mark.parametrize("call", [
    lambda socket: socket.recv(zmq.DONTWAIT), lambda socket: socket.recv_multipart(zmq.DONTWAIT),
    lambda socket: socket.recv_into(bytearray(1), flags=zmq.DONTWAIT), lambda socket: socket.recv(timeout=0),
    lambda socket: socket.recv_string(zmq.DONTWAIT), lambda socket: socket.recv_json(zmq.DONTWAIT),
    lambda socket: socket.recv_pyobj(zmq.DONTWAIT), lambda socket: socket.recv_serialized(list, zmq.DONTWAIT),
    lambda socket: socket.recv(copy=False, timeout=0.001),
], ids=["recv", "recv_multipart", "recv_into", "recv timeout=0", "recv_string", "recv_json", "recv_pyobj",
        "recv_serialized", "recv copy=False"])
def test_an_empty_socket_raises_again(context, call):
    with pytest.raises(zmq.Again) as caught:
        call(context.socket(zmq.PULL))
    assert caught.value.errno == errno.EAGAIN


def test_a_full_socket_raises_again_and_takes_nothing(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, sndhwm=1, rcvhwm=1)
    sent = 0
    with pytest.raises(zmq.Again):
        while True:
            push.send(b"%d" % sent, zmq.DONTWAIT)
            sent += 1
    with pytest.raises(zmq.Again):
        push.send(b"too late", timeout=0.01)
    assert [pull.recv() for _ in range(sent)] == [b"%d" % n for n in range(sent)]
    assert not pull.poll(0)


@pytest.mark.parametrize("option_ms", [-1, 0, 10, 10_000])
def test_a_timeout_of_one_call_overrules_the_option_and_leaves_it(context, option_ms):
    pull = context.socket(zmq.PULL)
    pull.rcvtimeo = option_ms
    began = time.monotonic()
    with pytest.raises(zmq.Again):
        pull.recv(timeout=0.05)
    assert 0.04 <= time.monotonic() - began < 5
    assert pull.rcvtimeo == option_ms


@pytest.mark.parametrize("timeout", [-1, -0.5, float("inf"), 1e12], ids=str)
def test_a_timeout_without_end_waits_for_the_message(inproc_pair, timeout):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, rcvtimeo=1)
    push.send(b"x")
    assert pull.recv(timeout=timeout) == b"x"


@pytest.mark.parametrize(("timeout", "error"), [("x", TypeError), (float("nan"), ValueError), ([], TypeError)], ids=repr)
def test_what_is_no_timeout_is_refused(context, timeout, error):
    with pytest.raises(error):
        context.socket(zmq.PULL).recv(timeout=timeout)


def test_recv_into_fills_a_buffer_and_tells_the_size(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    buffer = bytearray(8)
    for body, nbytes, expected in ((b"abc", 0, b"abc"), (b"abcdef", 2, b"ab"), (b"x" * 20, 0, b"x" * 8)):
        buffer[:] = bytes(8)
        push.send(body)
        assert pull.recv_into(buffer, nbytes=nbytes) == len(body)
        assert bytes(buffer) == expected.ljust(8, b"\0")


@pytest.mark.parametrize(("buffer", "nbytes", "error"), [
    (b"read-only", 0, BufferError), (bytearray(3), 4, ValueError), (bytearray(3), -1, ValueError),
    (memoryview(bytearray(8))[::2], 0, BufferError), ("text", 0, TypeError)], ids=repr)
def test_a_bad_buffer_is_refused_and_the_frame_stays(inproc_pair, buffer, nbytes, error):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send(b"still there")
    with pytest.raises(error):
        pull.recv_into(buffer, nbytes=nbytes)
    assert pull.recv() == b"still there"


def test_typed_messages_arrive_as_they_were_sent(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send_string("grüße")
    assert pull.recv_string() == "grüße"
    push.send_string("grüße", encoding="latin-1")
    assert pull.recv_string(encoding="latin-1") == "grüße"
    push.send_string(b"bytes")
    assert pull.recv_string() == "bytes"
    push.send_json({"a": [1, None, "ü"]}, sort_keys=True)
    assert pull.recv_json() == {"a": [1, None, "ü"]}
    push.send_pyobj({1: (2, 3)})
    assert pull.recv_pyobj() == {1: (2, 3)}
    push.send_serialized("ab", lambda text: [c.encode() for c in text])
    assert pull.recv_serialized(lambda frames: b"".join(frames).decode()) == "ab"


@pytest.mark.parametrize("call", [
    lambda socket: socket.send_string(5), lambda socket: socket.send_json(object()),
    lambda socket: socket.send_pyobj(lambda: 0), lambda socket: socket.send_serialized("x", lambda text: 5),
    lambda socket: socket.send_serialized("x", list)], ids=["string", "json", "pyobj", "not a list", "not buffers"])
def test_what_cannot_be_serialized_is_refused_and_nothing_is_sent(inproc_pair, call):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    with pytest.raises(Exception):
        call(push)
    assert not pull.poll(0)


@pytest.mark.parametrize("turn", [lambda req, rep: rep.send(b"x"), lambda req, rep: req.recv()], ids=["REP", "REQ"])
def test_speaking_out_of_turn_raises_efsm(inproc_pair, turn):
    rep, req = inproc_pair(zmq.REP, zmq.REQ)
    with pytest.raises(zmq.ZMQError) as caught:
        turn(req, rep)
    assert caught.value.errno == zmq.EFSM


@pytest.mark.parametrize(("socket_type", "call"), [
    (zmq.PULL, lambda socket: socket.send(b"x")), (zmq.SUB, lambda socket: socket.send_multipart([b"x", b"y"])),
    (zmq.PUSH, lambda socket: socket.recv()), (zmq.PUB, lambda socket: socket.recv_multipart())],
    ids=["PULL sends", "SUB sends", "PUSH receives", "PUB receives"])
def test_a_direction_that_a_type_lacks_raises_enotsup(context, socket_type, call):
    with pytest.raises(zmq.ZMQError) as caught:
        call(context.socket(socket_type))
    assert caught.value.errno == errno.ENOTSUP


@pytest.mark.parametrize("call", [
    lambda socket: socket.send(b"x"), lambda socket: socket.recv(), lambda socket: socket.send_multipart([b"x"]),
    lambda socket: socket.recv_multipart(), lambda socket: socket.recv_into(bytearray(1)),
    lambda socket: socket.bind("inproc://x"), lambda socket: socket.connect("inproc://x"),
    lambda socket: socket.get(zmq.LINGER), lambda socket: socket.set(zmq.LINGER, 0), lambda socket: socket.linger,
    lambda socket: socket.poll(0), lambda socket: socket.fileno(), lambda socket: socket.monitor("inproc://x"),
    lambda socket: socket.wait_connected(0), lambda socket: socket.subscribe("x"),
])
def test_a_closed_socket_raises_enotsock(context, call):
    socket = context.socket(zmq.PAIR)
    socket.close()
    socket.close()
    assert (socket.closed, socket.underlying, socket.socket_type) == (True, 0, zmq.PAIR)
    with pytest.raises(zmq.ZMQError) as caught:
        call(socket)
    assert caught.value.errno == zmq.ENOTSOCK


@pytest.mark.parametrize("call", ["bind", "connect", "unbind", "disconnect"])
@pytest.mark.parametrize("endpoint", ["", "nothing", "tcp://", "foo://bar", "inproc://", "\0", b"tcp://"], ids=repr)
def test_a_bad_endpoint_is_named_in_the_error(context, call, endpoint):
    with pytest.raises(zmq.ZMQError, match=call) as caught:
        getattr(context.socket(zmq.PULL), call)(endpoint)
    assert caught.value.errno is not None


@pytest.mark.parametrize("endpoint", [None, 5, ["tcp://127.0.0.1:*"]], ids=repr)
def test_what_is_no_text_is_no_endpoint(context, endpoint):
    with pytest.raises(TypeError):
        context.socket(zmq.PULL).bind(endpoint)


def test_an_endpoint_is_left_with_its_block(context, fresh_endpoint):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    with pull.bind(fresh_endpoint("tcp")) as bound:
        assert bound is pull
        with push.connect(pull.last_endpoint):
            push.send(b"x")
            assert pull.recv() == b"x"
        with pytest.raises(zmq.ZMQError):
            push.disconnect(pull.last_endpoint)
    with pytest.raises(zmq.ZMQError):
        pull.unbind(pull.last_endpoint)
    assert not pull.closed


def test_unbind_and_disconnect_leave_the_endpoint(pair, context):
    pull, push = pair(zmq.PULL, zmq.PUSH)
    push.disconnect(pull.last_endpoint)
    with pytest.raises(zmq.ZMQError) as caught:
        push.disconnect(pull.last_endpoint)
    assert caught.value.errno == errno.ENOENT
    pull.unbind(pull.last_endpoint)


def test_bind_to_random_port_returns_what_it_bound(context):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    push.connect(f"tcp://127.0.0.1:{port}")
    push.send(b"x")
    assert pull.recv() == b"x"
    with pytest.raises(zmq.ZMQBindError, match="no free port"):
        context.socket(zmq.PULL).bind_to_random_port("tcp://127.0.0.1", port, port + 1, max_tries=3)
    with pytest.raises(ValueError):
        context.socket(zmq.PULL).bind_to_random_port("tcp://127.0.0.1", 7, 7)
    with pytest.raises(zmq.ZMQError):
        context.socket(zmq.PULL).bind_to_random_port("tcp://192.0.2.1")


@pytest.mark.parametrize("shadow", [
    lambda socket: zmq.Socket.shadow(socket), lambda socket: zmq.Socket.shadow(socket.underlying),
    lambda socket: zmq.Socket(socket), copy.copy], ids=["of a socket", "of an address", "Socket(socket)", "copy"])
def test_a_shadow_shares_the_socket(inproc_pair, shadow):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    other = shadow(push)
    assert other.underlying == push.underlying
    other.send(b"x")
    assert pull.recv() == b"x"
    push.close()
    assert other.closed


@pytest.mark.parametrize("address", [1, 12345678, -1, 1 << 70, "x"], ids=repr)
def test_an_address_where_no_socket_lives_is_refused(address):
    with pytest.raises((ValueError, OverflowError, TypeError)):
        zmq.Socket.shadow(address)


def test_a_subclass_may_do_more(context, fresh_endpoint):
    class Counting(zmq.Socket):
        def __init__(self, context, socket_type):
            super().__init__(context, socket_type)
            self.sent = 0

        def send(self, *args, **kwargs):
            self.sent += 1
            return super().send(*args, **kwargs)

    push, pull = context.socket(zmq.PUSH, Counting), context.socket(zmq.PULL)
    endpoint = fresh_endpoint("inproc")
    push.bind(endpoint)
    pull.connect(endpoint)
    push.send_string("x")
    push.send_json(1)
    assert push.sent == 2


def test_repr_tells_type_and_state(context):
    socket = context.socket(zmq.PUB)
    assert repr(socket) == f"<zmq.Socket(zmq.PUB) at {id(socket):#x}>"
    socket.close()
    assert repr(socket) == f"<zmq.Socket(zmq.PUB) at {id(socket):#x} closed>"


@pytest.mark.parametrize("linger", ["x", float("nan"), 1 << 40], ids=repr)
def test_a_bad_linger_is_refused_and_the_socket_stays_open(context, linger):
    socket = context.socket(zmq.PUB)
    with pytest.raises((TypeError, ValueError, OverflowError)):
        socket.close(linger)
    assert not socket.closed


@pytest.mark.parametrize("socket_type", [None, 77, -1, "x"], ids=repr)
def test_what_is_no_context_or_type_makes_no_socket(context, socket_type):
    with pytest.raises((TypeError, zmq.ZMQError)):
        zmq.Socket(context, socket_type)
    with pytest.raises(TypeError):
        zmq.Socket(None, zmq.PUB)
    with pytest.raises(TypeError):
        zmq.Socket("context", zmq.PUB)


@pytest.mark.parametrize("name", ["send", "recv", "send_multipart", "recv_multipart", "send_many", "recv_many", "recv_batch",
                                  "try_send", "try_recv", "get", "set", "getsockopt", "setsockopt", "poll"])
def test_core_methods_are_the_sockets_own(name):
    """CPython calls a method of a base class by a slower way: a send and a receive cost a fifth more instructions."""
    assert vars(zmq.Socket)[name].__objclass__ is zmq.Socket


def test_subclasses_override_the_sockets_methods(context):
    class Louder(zmq.Socket):
        def recv(self, flags=0):
            return super().recv(flags).upper()

    with Louder(context, zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
        pull.bind("inproc://louder")
        push.connect("inproc://louder")
        push.send(b"quiet")
        assert pull.recv() == b"QUIET"
        with pytest.raises(TypeError):
            zmq.Socket.recv(context)    # type: ignore[arg-type]
