"""Context: options, the process-wide instance, shadows, the ways it ends."""

from __future__ import annotations

import copy
import errno
import queue
import socket as python_socket
import threading
import time

import pytest

import zmqfast as zmq


def test_a_context_ends_with_its_block_and_closes_its_sockets():
    with zmq.Context() as context:
        socket = context.socket(zmq.PUB)
    assert context.closed
    assert socket.closed


def test_an_error_in_the_block_comes_out():
    with pytest.raises(KeyError), zmq.Context() as context:
        socket = context.socket(zmq.PUB)
        raise KeyError
    assert socket.closed
    assert context.closed


def test_ending_twice_does_nothing():
    context = zmq.Context()
    context.term()
    context.term()
    context.destroy()
    assert (context.closed, context.underlying) == (True, 0)


def test_a_closed_context_makes_no_socket():
    context = zmq.Context()
    context.term()
    with pytest.raises(zmq.ZMQError) as caught:
        context.socket(zmq.PUB)
    assert caught.value.errno == errno.ENOTSUP
    with pytest.raises(RuntimeError, match="destroyed"):
        context.get(zmq.IO_THREADS)


def test_instance_is_one_and_made_anew_after_its_end():
    class Sharing(zmq.Context):
        pass

    class Own(zmq.Context):
        _instance = None

    first = zmq.Context.instance()
    assert zmq.Context.instance() is first
    assert Sharing.instance() is first
    own = Own.instance()
    assert own is not first
    assert isinstance(own, Own)
    first.term()
    second = zmq.Context.instance()
    assert second is not first
    assert not second.closed
    second.term()
    own.term()


@pytest.mark.parametrize("shadow", [
    lambda context: zmq.Context.shadow(context),
    lambda context: zmq.Context.shadow(context.underlying),
    lambda context: zmq.Context(context),
    lambda context: zmq.Context(shadow=context.underlying),
    lambda context: copy.copy(context),
    lambda context: copy.deepcopy(context),
], ids=["of a context", "of an address", "Context(context)", "Context(shadow=)", "copy", "deepcopy"])
def test_a_shadow_shares_the_context(shadow, fresh_endpoint):
    context = zmq.Context()
    other = shadow(context)
    assert other.underlying == context.underlying
    first, second = context.socket(zmq.PAIR), other.socket(zmq.PAIR)
    endpoint = fresh_endpoint("inproc")
    first.bind(endpoint)
    second.connect(endpoint)
    first.send(b"x")
    assert second.recv() == b"x"
    first.close()
    second.close()
    del second, other
    assert not context.closed
    context.term()


def test_a_context_is_known_that_lives_where_another_thread_ends_one(many_switches):
    over = queue.SimpleQueue()
    unknown = []

    def end_them() -> None:
        while (context := over.get()) is not None:
            context.term()

    threads = [threading.Thread(target=end_them) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(5000):
        over.put(zmq.Context())
        if number % 3 == 0:
            time.sleep(0)
        context = zmq.Context()     # often where the other one was
        for _ in range(2):
            try:
                zmq.Context.shadow(context.underlying)
            except ValueError as error:
                unknown.append(error)
    for _ in threads:
        over.put(None)
    for thread in threads:
        thread.join()
    assert not unknown


@pytest.mark.parametrize("address", [1, 12345678, -1, 1 << 70], ids=str)
def test_an_address_where_no_context_lives_is_refused(address):
    with pytest.raises((ValueError, OverflowError)):
        zmq.Context.shadow(address)


@pytest.mark.parametrize(("name", "value"), [
    ("io_threads", 3), ("max_sockets", 77), ("max_msgsz", 1000), ("blocky", 0)])
def test_options_are_attributes_in_either_case(name, value):
    with zmq.Context() as context:
        setattr(context, name, value)
        assert getattr(context, name) == getattr(context, name.upper()) == value
        assert context.get(getattr(zmq, name.upper())) == value


def test_a_socket_option_of_a_context_is_the_default_of_later_sockets(context):
    earlier = context.socket(zmq.PUSH)
    context.linger = 7
    context.setsockopt(zmq.SNDHWM, 5)
    context.subscribe = b"topic"        # of subscribers only
    later = context.socket(zmq.PUSH)
    assert (earlier.linger, later.linger, later.sndhwm) == (-1, 7, 5)
    assert context.getsockopt(zmq.LINGER) == context.linger == 7
    assert context.socket(zmq.SUB).linger == 7


@pytest.mark.parametrize(("arguments", "error"), [
    (("x",), TypeError), ((-1,), zmq.ZMQError), ((1 << 40,), OverflowError), ((None,), TypeError)], ids=repr)
def test_bad_numbers_of_threads_are_refused(arguments, error):
    with pytest.raises(error):
        zmq.Context(*arguments)


@pytest.mark.parametrize(("option", "value", "error"), [
    (9999, 1, zmq.ZMQError), (zmq.MAX_SOCKETS, -1, zmq.ZMQError), (zmq.IO_THREADS, "x", Exception),
    (zmq.IO_THREADS, 1 << 40, OverflowError), (zmq.IO_THREADS, None, TypeError), ("x", 1, TypeError)], ids=repr)
def test_bad_options_are_refused(context, option, value, error):
    with pytest.raises(error):
        context.set(option, value)


def test_an_unknown_attribute_is_refused():
    with zmq.Context() as context, pytest.raises(AttributeError):
        context.lingr = 5


@pytest.mark.parametrize(("socket_type", "error"), [(77, zmq.ZMQError), (-1, TypeError), ("x", TypeError),
                                                    (None, TypeError)], ids=repr)
def test_what_is_no_socket_type_is_refused(context, socket_type, error):
    with pytest.raises(error):
        context.socket(socket_type)


def test_no_more_than_max_sockets_can_be_opened():
    with zmq.Context() as context:
        context.max_sockets = 3
        sockets = [context.socket(zmq.PULL) for _ in range(3)]
        with pytest.raises(zmq.ZMQError) as caught:
            context.socket(zmq.PULL)
        assert caught.value.errno == errno.EMFILE
        for socket in sockets:
            socket.close()


def test_another_class_of_socket_can_be_asked_for(context):
    class Own(zmq.Socket):
        def __init__(self, context, socket_type, note=None):
            super().__init__(context, socket_type)
            self.note = note

    socket = context.socket(zmq.PUB, Own, note="mine")
    assert (type(socket), socket.note) == (Own, "mine")


def test_repr_counts_the_sockets():
    with zmq.Context() as context:
        assert repr(context) == f"<zmq.Context() at {id(context):#x}>"
        one, two = context.socket(zmq.PUB), context.socket(zmq.SUB)
        assert repr(context) == f"<zmq.Context(2 sockets) at {id(context):#x}>"
        one.close()
        assert repr(context) == f"<zmq.Context(1 socket) at {id(context):#x}>"
        two.close()
    assert repr(context) == f"<zmq.Context() at {id(context):#x} closed>"


@pytest.mark.skipif(zmq._core.LIBZMQ_SOURCE.startswith("system"), reason="the installed libzmq is as it is")
@pytest.mark.parametrize("drop", [
    lambda context, socket: socket.close(linger=0),
    lambda context, socket: socket.set(zmq.LINGER, 0) or socket.close(),
    lambda context, socket: context.destroy(linger=0)], ids=["close", "set", "destroy"])
@pytest.mark.parametrize("kind", ["DEALER", "CLIENT"])
def test_what_is_unsent_can_be_dropped_when_the_context_has_ended(kind, drop):
    if not zmq.DRAFT_API and kind == "CLIENT":
        pytest.skip("needs libzmq's draft API")
    context = zmq.Context()
    socket = context.socket(getattr(zmq, kind))
    with python_socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))       # a port where nobody listens
        socket.connect(f"tcp://127.0.0.1:{nobody.getsockname()[1]}")
        socket.send(b"unsent")
        context.shutdown()
        with pytest.raises(zmq.ContextTerminated):
            socket.recv()
        drop(context, socket)
        ended = threading.Thread(target=context.term, daemon=True)
        ended.start()
        ended.join(20)
        assert not ended.is_alive()


def test_a_context_without_io_threads_serves_inproc():
    with zmq.Context(0) as context:
        first, second = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        first.bind("inproc://pair")
        second.connect("inproc://pair")
        first.send(b"x")
        assert second.recv() == b"x"
        first.close()
        second.close()


def test_a_socket_whose_defaults_cannot_be_set_is_closed():
    with zmq.Context() as context:
        context.setsockopt(zmq.LINGER, "text")
        with pytest.raises(TypeError, match="LINGER"):
            context.socket(zmq.PUSH)
        assert not list(context._sockets())
