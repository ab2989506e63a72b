"""ZMQStream: what its calls take, what it logs and warns of."""

import asyncio
import importlib
import logging
import warnings

import pytest

pytest.importorskip("tornado")

from differential.outcome import attempt

TIMEOUT_S = 10


def streams(lib, context):
    """A stream of each of a connected pair, in the running loop."""
    stream_class = importlib.import_module(f"{lib.__name__}.eventloop.zmqstream").ZMQStream
    push, pull = context.socket(lib.PUSH), context.socket(lib.PULL)
    pull.bind("tcp://127.0.0.1:*")
    push.connect(pull.last_endpoint.decode().rstrip("\0"))
    push.send(b"first")
    assert pull.poll(1000 * TIMEOUT_S) and pull.recv() == b"first"
    return stream_class(push), stream_class(pull)


async def callbacks(lib, context):
    push, pull = streams(lib, context)
    return [attempt(lib, getattr(pull, name), value) for value in (None, print, 1)
            for name in ("on_recv", "on_send", "on_recv_stream", "on_send_stream")]


async def states(lib, context):
    push, pull = streams(lib, context)
    states = [pull.receiving(), pull.sending(), pull.closed()]
    pull.on_recv(print)
    pull.send(b"x")                 # PULL: never
    states += [pull.receiving(), pull.sending()]
    pull.stop_on_recv()
    pull.close()
    return [*states, pull.receiving(), pull.closed(), pull.socket, attempt(lib, pull.close)]


async def calls_once_closed(lib, context):
    push, pull = streams(lib, context)
    push.close()
    return [attempt(lib, getattr(push, name), *arguments) for name, arguments in (
        ("on_recv", (print,)), ("on_send", (print,)), ("send", (b"x",)), ("send_multipart", ([b"x"],)), ("flush", ()),
        ("stop_on_recv", ()), ("stop_on_send", ()), ("receiving", ()), ("set_close_callback", (print,)))]


async def flushing(lib, context):
    push, pull = streams(lib, context)
    for number in range(3):
        push.socket.send(b"%d" % number)
    counts = []
    while sum(counts) < 3:          # nobody wants what comes: it is dropped
        pull.socket.poll(1000 * TIMEOUT_S)
        counts.append(pull.flush(lib.POLLIN))
    push.send(b"x")
    return sum(counts), push.flush(lib.POLLIN), push.flush(), pull.flush(lib.POLLOUT)


async def an_exception_in_a_callback(lib, context):
    push, pull = streams(lib, context)
    called = asyncio.Event()

    def fail(frames):
        called.set()
        raise ValueError("of the callback")

    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger("tornado.general")
    logger.addHandler(handler)
    try:
        pull.on_recv(fail)
        push.send(b"x")
        await asyncio.wait_for(called.wait(), TIMEOUT_S)
        return records[0].levelname, records[0].getMessage(), records[0].exc_info[0].__name__
    finally:
        logger.removeHandler(handler)


async def what_is_sent(lib, context):
    push, pull = streams(lib, context)
    sent = []
    push.on_send(lambda message, status: sent.append((list(message), status)))
    push.send(b"a")
    push.send_multipart([b"a", b"b"])
    push.send_string("é")
    push.send_json({"a": 1})
    push.flush()
    return sent, attempt(lib, push.send_string, b"bytes")


async def its_socket_is_closed(lib, context):
    push, pull = streams(lib, context)
    pull.on_recv(print)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pull.socket.close()
        closed = pull.closed()
    return closed, pull.socket, [warning.category.__name__ for warning in caught]


STORIES = {f.__name__: f for f in (
    callbacks, states, calls_once_closed, flushing, an_exception_in_a_callback, what_is_sent, its_socket_is_closed)}


@pytest.mark.parametrize("name", STORIES)
def test_stories_of_streams(agree, name):
    def case(lib, context):
        return asyncio.run(STORIES[name](lib, context))

    agree("stream", [(name, case)])


def test_a_loop_that_closes_all_descriptors_closes_the_sockets_of_its_streams(agrees):
    """As ipykernel's threads do, which terminate the context next."""
    ioloop = pytest.importorskip("tornado.ioloop")

    def case(lib, context):
        stream_class = importlib.import_module(f"{lib.__name__}.eventloop.zmqstream").ZMQStream
        loop = ioloop.IOLoop(make_current=False)
        kept, ended, closed_beside = (context.socket(lib.PULL) for _ in range(3))
        streams = [stream_class(socket, loop) for socket in (kept, ended)]
        streams[1].on_recv(print)
        streams[1].close()
        closed_beside.close()
        once_more = context.socket(lib.PULL)        # has the descriptor of one of those, as a rule
        streams.append(stream_class(once_more, loop))
        loop.close(all_fds=True)
        warnings.simplefilter("ignore", UserWarning)    # of pyzmq, which says that the sockets are closed
        return [socket.closed for socket in (kept, ended, once_more)], [stream.closed() for stream in streams]

    agrees(case)
