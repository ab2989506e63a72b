"""What is forgotten: collected in any order, warned of, never waited for under the GIL; and the exit of a program."""

from __future__ import annotations

import gc
import weakref

import pytest

import zmqfast as zmq
from program import run


def test_a_forgotten_socket_is_closed_with_a_warning(context):
    open_before = zmq._core._live()["Socket"]
    socket = zmq.Socket(context, zmq.PULL)
    assert zmq._core._live()["Socket"] == open_before + 1
    with pytest.warns(ResourceWarning, match="unclosed socket"):
        del socket
    assert zmq._core._live()["Socket"] == open_before


def test_a_context_and_its_sockets_in_a_cycle_are_collected(fresh_endpoint):
    class Holder:
        pass

    holder = Holder()
    holder.context = zmq.Context()
    holder.sockets = [zmq.Socket(holder.context, zmq.PAIR) for _ in range(3)]
    holder.sockets[0].bind(fresh_endpoint("inproc"))
    holder.itself = holder
    alive = weakref.ref(holder.context)
    with pytest.warns(ResourceWarning):
        del holder
        gc.collect()
    assert alive() is None


def test_a_subclass_that_refers_to_its_context_both_ways_is_collected():
    class OwnContext(zmq.Context):
        pass

    class OwnSocket(zmq.Socket):
        pass

    context = OwnContext()
    socket = OwnSocket(context, zmq.PUB)
    context.sockets_of_mine = [socket]
    socket.context_of_mine = context
    alive = weakref.ref(socket)
    with pytest.warns(ResourceWarning):
        del context, socket
        gc.collect()
    gc.collect()        # from Python 3.15 on, the warning keeps its source over the first one
    assert alive() is None


def test_a_socket_keeps_its_context_alive(fresh_endpoint):
    first = zmq.Context().socket(zmq.PAIR)
    second = first.context.socket(zmq.PAIR)
    endpoint = fresh_endpoint("inproc")
    first.bind(endpoint)
    second.connect(endpoint)
    first.send(b"alive")
    assert second.recv() == b"alive"
    first.close()
    second.close()


def test_a_view_keeps_its_frame_though_socket_and_context_are_gone():
    context = zmq.Context()
    first, second = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    first.bind("inproc://pair")
    second.connect("inproc://pair")
    first.send(b"x" * 100_000)
    view = second.recv(copy=False).buffer
    context.destroy()
    del context, first, second
    assert bytes(view) == b"x" * 100_000


def test_a_forgotten_context_delivers_first_what_was_sent(context):
    pull = context.socket(zmq.PULL)
    port = pull.bind_to_random_port("tcp://127.0.0.1")

    def send() -> None:
        with zmq.Context().socket(zmq.PUSH) as push:
            push.connect(f"tcp://127.0.0.1:{port}")
            for number in range(1000):
                push.send(b"%d" % number)

    send()
    assert [int(pull.recv(timeout=5)) for _ in range(1000)] == list(range(1000))


@pytest.mark.parametrize("forgotten", [
    "socket.bind('tcp://127.0.0.1:*')",
    "socket.connect('tcp://127.0.0.1:9')",
    "socket.connect('tcp://127.0.0.1:9'); socket.send(b'to nobody')",
    "socket.connect('tcp://127.0.0.1:9'); socket.send(bytes(1 << 20), copy=False)",
    "monitor = socket.get_monitor_socket()",
    "context.cycle = socket",
    "import threading; threading.Thread(target=pull.recv, daemon=True).start()",
    "frame = zmq.Frame(b'x' * 100_000, copy=False, track=True)",
], ids=str)
def test_a_program_that_forgets_to_close_ends_by_itself(forgotten):
    assert run(f"""
        import warnings
        import zmqfast as zmq
        warnings.simplefilter("ignore", ResourceWarning)

        class Context(zmq.Context):
            pass

        context = Context()
        socket = context.socket(zmq.PUSH)
        pull = context.socket(zmq.PULL)
        {forgotten}
        print("end")
    """, timeout_s=15) == "end\n"


def test_exit_linger_bounds_the_wait_for_unsent_messages_at_exit():
    assert run("""
        import warnings
        import zmqfast as zmq
        warnings.simplefilter("ignore", ResourceWarning)
        context = zmq.Context()
        context.exit_linger = 100       # ms
        socket = context.socket(zmq.PUSH)
        socket.connect("tcp://127.0.0.1:9")
        socket.send(b"to nobody")
        print("end")
    """, timeout_s=15) == "end\n"


def test_exit_linger_delivers_what_was_sent_before_exit(context):
    pull = context.socket(zmq.PULL)
    pull.rcvhwm = 0
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    run(f"""
        import warnings
        import zmqfast as zmq
        warnings.simplefilter("ignore", ResourceWarning)
        context = zmq.Context()
        context.exit_linger = -1
        socket = context.socket(zmq.PUSH)
        socket.sndhwm = 0
        socket.connect("tcp://127.0.0.1:{port}")
        for number in range(20_000):
            socket.send(bytes(1000))
    """)
    assert sum(len(pull.recv(timeout=5)) for _ in range(20_000)) == 20_000_000
