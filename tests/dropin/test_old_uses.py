"""What other projects' code is seen to do with pyzmq, beyond the documented names."""

from __future__ import annotations

import contextlib
import sys
import threading

import pytest

import zmqfast
from program import run
from zmqfast.compat.install import _finder


@pytest.fixture
def zmq(monkeypatch):
    """zmqfast as `zmq`, whatever this process has imported before."""
    for name in [name for name in sys.modules if name == "zmq" or name.startswith("zmq.")]:
        monkeypatch.delitem(sys.modules, name)
    zmqfast.install_as_zmq()
    import zmq

    yield zmq
    zmqfast.uninstall_as_zmq()
    assert _finder not in sys.meta_path


def test_the_classes_are_the_same_wherever_they_are_imported_from(zmq):
    import zmq.sugar.context
    import zmq.sugar.frame
    import zmq.sugar.poll
    import zmq.sugar.socket

    assert zmq.sugar.socket.Socket is zmq.sugar.Socket is zmq.Socket
    assert zmq.sugar.context.Context is zmq.sugar.Context is zmq.Context
    assert zmq.sugar.frame.Frame is zmq.sugar.frame.Message is zmq.Frame
    assert zmq.sugar.poll.Poller is zmq.Poller


def test_sockets_are_instances_of_the_backends(zmq, context):
    from zmq.backend import Context, Frame, Socket

    assert isinstance(context.socket(zmq.PAIR), Socket)
    assert isinstance(context, Context)
    assert isinstance(zmq.Frame(), Frame)


def test_asyncios_sockets_are_sockets_and_have_their_private_name(zmq):
    import zmq.asyncio
    from zmq._future import _AsyncSocket

    assert issubclass(zmq.asyncio.Socket, zmq.Socket)
    assert issubclass(zmq.asyncio.Context, zmq.Context)
    assert issubclass(zmq.asyncio.Socket, _AsyncSocket)


def test_errors_are_reached_through_their_module(zmq, context):
    with pytest.raises(zmq.error.Again):
        context.socket(zmq.PULL).recv(zmq.NOBLOCK)
    from zmq.error import ZMQError

    assert ZMQError is zmq.ZMQError


def test_a_subclass_has_a_positional_constructor_attributes_and_overridden_methods(zmq, context, fresh_endpoint):
    class Logged(zmq.Socket):
        def __init__(self, context, socket_type, **kwargs):
            super().__init__(context, socket_type, **kwargs)
            self.log = []

        def send(self, data, *args, **kwargs):
            self.log.append(("send", bytes(data)))
            return super().send(data, *args, **kwargs)

        def recv(self, *args, **kwargs):
            self.log.append("recv")
            return super().recv(*args, **kwargs)

        def connect(self, addr):
            self.log.append("connect")
            return super().connect(addr)

        def close(self, linger=None):
            self.log.append("close")
            super().close(linger)

    class LoggedContext(zmq.Context):
        _socket_class = Logged

    endpoint = fresh_endpoint("inproc")
    with LoggedContext() as own_context:
        a, b = own_context.socket(zmq.PAIR), own_context.socket(zmq.PAIR)
        a.bind(endpoint)
        b.connect(endpoint)
        a.send_string("text")       # through our send
        assert b.recv_string() == "text"
        a.log.append("own")
    assert a.log == [("send", b"text"), "own", "close"]
    assert b.log == ["connect", "recv", "close"]


def test_an_own_loop_over_fd_and_events_sees_every_message(zmq, tcp_pair):
    import select

    push, pull = tcp_pair(zmq.PUSH, zmq.PULL)
    sender = threading.Thread(target=lambda: [push.send(b"%d" % i) for i in range(100)])
    sender.start()
    received = []
    while len(received) < 100:
        if not pull.get(zmq.EVENTS) & zmq.POLLIN:
            assert select.select([pull.FD], [], [], 10)[0], "the descriptor never became readable"
            continue
        while pull.EVENTS & zmq.POLLIN:
            received.append(pull.recv(zmq.NOBLOCK))
    sender.join()
    assert received == [b"%d" % i for i in range(100)]


def test_a_socket_can_be_shadowed_by_its_address(zmq, inproc_pair):
    a, b = inproc_pair(zmq.PAIR, zmq.PAIR)
    shadow = zmq.Socket.shadow(a.underlying)
    shadow.send(b"x")
    assert b.recv() == b"x"
    again = zmq.Socket.shadow(a)
    assert again.underlying == a.underlying
    assert again._shadow
    assert not a._shadow


def test_device_is_a_proxy(zmq, fresh_endpoint):
    endpoint = fresh_endpoint("inproc")
    context = zmq.Context()
    ready = threading.Event()

    def run_device():
        frontend, backend = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
        frontend.bind(endpoint)
        backend.bind(endpoint + "-back")
        ready.set()
        with contextlib.closing(frontend), contextlib.closing(backend), pytest.raises(zmq.ContextTerminated):
            zmq.device(zmq.QUEUE, frontend, backend)

    thread = threading.Thread(target=run_device)
    thread.start()
    assert ready.wait(10)
    with context.socket(zmq.REQ) as client, context.socket(zmq.REP) as server:
        client.connect(endpoint)
        server.connect(endpoint + "-back")
        client.send(b"question")
        server.send(server.recv() + b"?")
        assert client.recv() == b"question?"
    context.term()
    thread.join(10)
    assert not thread.is_alive()


def test_trackers_of_nothing_and_of_others(zmq, inproc_pair):
    a, b = inproc_pair(zmq.PAIR, zmq.PAIR)
    assert zmq.MessageTracker().done
    tracker = a.send(b"x" * 100_000, copy=False, track=True)
    both = zmq.MessageTracker(tracker, zmq.MessageTracker())
    assert len(b.recv()) == 100_000
    both.wait(10)
    assert both.done


def test_a_small_frame_is_copied_and_its_tracker_finished(zmq, inproc_pair):
    a, _ = inproc_pair(zmq.PAIR, zmq.PAIR)
    assert a.send(b"small", copy=False, track=True) is zmq._FINISHED_TRACKER
    a.copy_threshold = 0
    assert a.send(b"small", copy=False, track=True) is not zmq._FINISHED_TRACKER


def test_the_copy_threshold_of_the_module_can_be_set(zmq, inproc_pair, monkeypatch):
    """As jupyter_client's tests do, to see every frame tracked."""
    a, b = inproc_pair(zmq.PAIR, zmq.PAIR)
    monkeypatch.setattr(zmq, "COPY_THRESHOLD", 1)
    assert a.copy_threshold == 65536, "a socket keeps what held when it was made"
    assert a.context.socket(zmq.PAIR).copy_threshold == 1
    frame = zmq.Frame(b"small", track=True)
    assert frame.tracker is not zmq._FINISHED_TRACKER
    tracker = a.send(frame, copy=False, track=True)
    with pytest.raises(zmq.NotDone):
        tracker.wait(0)
    del frame
    assert b.recv() == b"small"
    tracker.wait(10)
    monkeypatch.setattr(zmq, "COPY_THRESHOLD", 65536)
    assert zmq.Frame(b"small", track=True).tracker is zmq._FINISHED_TRACKER


def test_one_context_may_have_a_socket_class_and_methods_of_its_own(zmq):
    """As jupyter_client does for a while, to get sockets that are not asyncio's."""
    import zmq.asyncio

    with zmq.asyncio.Context() as context:
        context._socket_class = zmq.Socket
        with context.socket(zmq.PAIR) as socket:
            assert type(socket) is zmq.Socket
        del context._socket_class
        with context.socket(zmq.PAIR) as socket:
            assert type(socket) is zmq.asyncio.Socket
        context.socket = lambda kind: f"a socket of type {kind}"
        assert context.socket(3) == "a socket of type 3"
        with pytest.raises(AttributeError, match="no_such"):
            context.no_such = 1
        with zmq.asyncio.Context() as other:
            assert other._socket_class is zmq.asyncio.Socket


def test_names_in_reprs_are_zmqs(zmq, context):
    import zmq.asyncio

    assert repr(context.socket(zmq.PUB)).startswith("<zmq.Socket(zmq.PUB) at 0x")
    assert repr(zmq.Frame(b"x")) == "<zmq.Frame(b'x')>"
    with zmq.asyncio.Context() as async_context:
        assert repr(async_context).startswith("<zmq.asyncio.Context() at 0x")


def test_signal_handlers_may_be_set_and_reset_by_others():
    """As kernels do: their own handler, none while the user's code must not be disturbed, Python's own again."""
    assert run("""
        import os, signal, threading
        import zmqfast
        zmqfast.install_as_zmq()
        import zmq

        def later(action, *arguments):
            threading.Thread(target=action, args=arguments).start()

        def ctrl_c():
            os.kill(os.getpid(), signal.SIGINT)

        with zmq.Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            pull.bind("inproc://pipe")
            push.connect("inproc://pipe")
            signal.signal(signal.SIGINT, lambda *_: push.send(b"handled"))
            later(ctrl_c)
            print(pull.recv())
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            later(lambda: (ctrl_c(), push.send(b"ignored")))
            print(pull.recv())
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                later(ctrl_c)
                pull.recv()
            except KeyboardInterrupt:
                print("interrupted")
    """) == "b'handled'\nb'ignored'\ninterrupted\n"


@pytest.mark.parametrize("order", ["import zmq, zmq.green; patch()", "patch(); import zmq, zmq.green"])
def test_zmq_may_be_imported_before_or_after_gevents_monkey_patching(order):
    pytest.importorskip("gevent")
    assert run(f"""
        import zmqfast
        zmqfast.install_as_zmq()
        from gevent import monkey
        patch = monkey.patch_all
        {order}
        import gevent, threading

        with zmq.green.Context() as context, context.socket(zmq.REP) as server, context.socket(zmq.REQ) as client:
            server.bind("tcp://127.0.0.1:*")
            client.connect(server.last_endpoint)
            thread = threading.Thread(target=lambda: server.send(server.recv() + b"?"))     # a greenlet, by now
            thread.start()
            client.send(b"question")
            print(client.recv())
            thread.join()
    """) == "b'question?'\n"


def test_versions_are_those_of_the_pyzmq_that_this_is(zmq):
    assert zmq.pyzmq_version_info() == tuple(int(part) for part in zmq.pyzmq_version().split("."))
    assert zmq.pyzmq_version_info() >= (27, 0, 0)
    assert zmq.sugar.version.version_info == zmq.pyzmq_version_info()


def test_a_stopwatch_measures_microseconds(zmq):
    with pytest.warns(DeprecationWarning):
        watch = zmq.Stopwatch()
    watch.start()
    assert watch.stop() >= 0


def test_the_folders_for_a_compiler_are_there(zmq):
    import os

    assert all(os.path.isdir(folder) for folder in [*zmq.get_includes(), *zmq.get_library_dirs()])
    assert os.path.isfile(os.path.join(zmq.get_includes()[1], "__init__.pxd"))


HOT = ["send", "recv", "send_multipart", "recv_multipart", "recv_into", "poll", "get", "set", "send_many", "recv_many",
       "recv_batch", "try_send", "try_recv"]


@pytest.mark.parametrize("name", HOT)
def test_what_is_called_is_the_cores_own_method(zmq, name):
    """So nothing is paid for the names that only old code uses: no wrapper stands before it."""
    from inspect import getattr_static

    method, cores = getattr_static(zmq.Socket, name), vars(zmqfast._core.Socket)[name]
    assert type(method) is type(cores), "a method in C, whichever of the two classes it is bound to"
    assert (method.__name__, method.__doc__) == (cores.__name__, cores.__doc__)
