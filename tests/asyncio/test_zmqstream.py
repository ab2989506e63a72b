"""ZMQStream, and sockets of zmqfast.eventloop.future, in tornado's loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

import zmqfast as zmq

pytest.importorskip("tornado")

import zmqfast.asyncio as zmq_asyncio
from zmqfast.eventloop import future as zmq_future
from zmqfast.eventloop import ioloop
from zmqfast.eventloop.zmqstream import ZMQStream

TIMEOUT_S = 10


@pytest.fixture
def run():
    """`run(function)` calls a coroutine function in a tornado loop of its own."""
    loop = ioloop.IOLoop(make_current=False)
    yield lambda function: loop.run_sync(function, timeout=TIMEOUT_S)
    loop.close(all_fds=True)


@pytest.fixture
def streams(pair):
    """`streams(PUSH, PULL)`: a stream for each of a connected pair."""

    def make(binding: int, connecting: int, **options: object) -> tuple[ZMQStream, ZMQStream]:
        first, second = pair(binding, connecting, **options)
        return ZMQStream(first), ZMQStream(second)

    return make


class Collected:
    """A callback that knows when it has been called so many times."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.calls: list[tuple] = []
        self.done: asyncio.Future = asyncio.get_running_loop().create_future()

    def __call__(self, *arguments: object) -> None:
        self.calls.append(arguments)
        if len(self.calls) == self.count:
            self.done.set_result(None)


def test_messages_go_to_the_callback_in_order(run, streams):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        received, sent = Collected(1000), Collected(1000)
        pull.on_recv(received)
        push.on_send(sent)
        assert pull.receiving() and not push.receiving()
        for number in range(1000):
            push.send_multipart([b"%d" % number, b"body"])
        assert push.sending()
        await received.done
        await sent.done
        assert received.calls == [([b"%d" % number, b"body"],) for number in range(1000)]
        assert sent.calls[7] == ([b"7", b"body"], None)
        assert not push.sending()

    run(main)


def test_every_form_of_sending(run, streams):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        received, own = Collected(5), Collected(1)
        pull.on_recv_stream(received, copy=False)
        push.send(b"a")
        push.send_string("ü")
        push.send_json({"b": 1})
        push.send_pyobj((1, 2))
        push.send(b"tracked", copy=False, track=True, callback=own)
        await received.done
        await own.done
        assert [stream for stream, _ in received.calls] == [pull] * 5
        assert [frames[0].bytes for _, frames in received.calls[:3]] == [b"a", "ü".encode(), b'{"b": 1}']
        assert isinstance(own.calls[-1][1], zmq.MessageTracker)
        with pytest.raises(TypeError):
            push.send_string(b"bytes")

    run(main)


def test_what_was_stopped_stays_in_the_socket(run, streams):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        first = Collected(1)

        def once(frames: list[bytes]) -> None:
            pull.stop_on_recv()
            first(frames)

        pull.on_recv(once)
        push.send(b"1")
        push.send(b"2")
        await first.done
        assert not pull.receiving()
        await asyncio.sleep(0.01)
        assert first.calls == [([b"1"],)]
        assert pull.socket.poll(5000)
        assert pull.socket.recv() == b"2"

    run(main)


def test_the_socket_may_be_used_beside_its_stream(run, streams):
    async def main() -> None:
        first, second = streams(zmq.PAIR, zmq.PAIR)
        received = Collected(100)
        first.on_recv(received)
        for number in range(100):
            second.socket.send(b"%d" % number)
            first.socket.get(zmq.EVENTS)        # takes the edge of the descriptor
            first.socket.send(b"back")
            if number % 7 == 0:
                await asyncio.sleep(0)
        await received.done
        assert received.calls == [([b"%d" % number],) for number in range(100)]

    run(main)


def test_flush_handles_without_the_loop(run, streams):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        received = Collected(3)
        pull.on_recv(received)
        for number in range(3):
            push.send(b"%d" % number)
        assert push.flush() == 3
        assert pull.socket.poll(5000)
        while not received.done.done():
            assert pull.flush(limit=1) <= 1
        assert [frames for frames, in received.calls] == [[b"0"], [b"1"], [b"2"]]
        assert pull.flush() == 0

    run(main)


def test_flush_drops_what_has_no_callback(run, streams):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        for number in range(3):
            push.socket.send(b"%d" % number)
        dropped = 0
        while dropped < 2:
            assert pull.socket.poll(5000)
            dropped += pull.flush(zmq.POLLIN, limit=1)
        assert pull.socket.recv() == b"2"

    run(main)


@pytest.mark.parametrize("name", ["on_recv", "on_recv_stream", "on_send", "on_send_stream", "on_err", "set_close_callback"])
def test_a_callback_is_a_function_or_none(run, streams, name):
    async def main() -> None:
        _, pull = streams(zmq.PUSH, zmq.PULL)
        with pytest.raises(AssertionError, match="not 5"):
            getattr(pull, name)(5)
        getattr(pull, name)(None)

    run(main)


def test_a_coroutine_function_is_a_callback_too(run, streams):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        received = Collected(1)

        async def on_message(frames: list[bytes]) -> None:
            await asyncio.sleep(0)
            received(frames)

        pull.on_recv(on_message)
        push.send(b"x")
        await received.done

    run(main)


def test_an_exception_in_a_callback_is_logged_and_ends_nothing(run, streams, caplog):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        received = Collected(2)

        def fail(frames: list[bytes]) -> None:
            received(frames)
            raise ValueError("of the callback")

        pull.on_recv(fail)
        push.send(b"1")
        push.send(b"2")
        await received.done

    with caplog.at_level(logging.ERROR, "tornado.general"):     # where pyzmq's users look for it
        run(main)
    assert "ValueError: of the callback" in caplog.text
    assert {record.name for record in caplog.records} == {"tornado.general"}


def test_a_message_that_cannot_be_sent_is_logged_and_the_next_goes_out(run, streams, caplog):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        received = Collected(1)
        pull.on_recv(received)
        push.send_multipart(["text"])
        push.send(b"x")
        await received.done

    with caplog.at_level(logging.ERROR):
        run(main)
    assert "frame 0" in caplog.text


def test_closing_tells_the_callback_and_ends_it(run, streams):
    async def main() -> None:
        push, pull = streams(zmq.PUSH, zmq.PULL)
        closed = Collected(1)
        pull.set_close_callback(closed)
        pull.on_recv(lambda frames: None)
        pull.close()
        await closed.done
        assert pull.closed()
        with pytest.raises(OSError, match="closed"):
            pull.on_recv(print)
        push.socket.close(linger=0)
        assert push.closed()

    run(main)


def test_a_stream_that_cannot_be_closed_goes_on(run, inproc_pair):
    async def main() -> None:
        push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
        stream = ZMQStream(pull)
        waiting = threading.Thread(target=lambda: received.append(pull.recv()))
        received: list[bytes] = []
        waiting.start()
        deadline = time.monotonic() + TIMEOUT_S
        refused = 0
        while not refused and time.monotonic() < deadline:
            try:
                pull.try_recv()     # until the thread is inside
            except zmq.SocketBusy:
                with pytest.raises(zmq.SocketBusy):
                    stream.close()
                refused += 1
        push.send(b"for the thread")
        waiting.join(TIMEOUT_S)
        assert refused and received == [b"for the thread"] and not stream.closed()
        messages = Collected(1)
        stream.on_recv(messages)
        push.send(b"for the stream")
        await messages.done
        assert messages.calls == [([b"for the stream"],)]
        stream.close()
        assert stream.closed() and pull.closed

    run(main)


def test_a_stream_of_an_asyncio_socket_warns_and_shares_it(run, context):
    async def main() -> None:
        socket = zmq_asyncio.Socket(context, zmq.PULL)
        with pytest.warns(RuntimeWarning, match="blocking Socket"):
            stream = ZMQStream(socket)
        assert stream.socket.underlying == socket.underlying
        assert not isinstance(stream.socket, zmq_asyncio.Socket)
        stream.close(linger=0)

    run(main)


def test_a_callback_may_be_set_in_another_thread(run, context):
    """As ipykernel does."""

    async def main() -> None:
        pull, push = ZMQStream(context.socket(zmq.PULL)), context.socket(zmq.PUSH)
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        push.connect(f"tcp://127.0.0.1:{port}")
        received = Collected(1)
        await asyncio.get_running_loop().run_in_executor(None, pull.on_recv, received)
        push.send(b"x")
        await received.done
        pull.close()

    run(main)


def test_request_and_reply_between_streams(run, streams, caplog):
    async def main() -> None:
        reply, request = streams(zmq.REP, zmq.REQ)
        answered = Collected(50)
        reply.on_recv(lambda frames: reply.send(b"answer to " + frames[0]))

        def on_answer(frames: list[bytes]) -> None:
            answered(frames)
            if not answered.done.done():
                request.send(b"%d" % len(answered.calls))

        request.on_recv(on_answer)
        request.send(b"0")
        await answered.done
        assert [frames[0] for frames, in answered.calls] == [b"answer to %d" % number for number in range(50)]

    run(main)
    assert not caplog.records


def test_sockets_of_eventloop_future_return_futures(run):
    async def main() -> None:
        with zmq_future.Context() as context:
            push, pull = context.socket(zmq.PUSH, io_loop=ioloop.IOLoop.current()), context.socket(zmq.PULL)
            pull.bind("inproc://future")
            push.connect("inproc://future")
            receiving = pull.recv()
            assert isinstance(receiving, zmq_future.Future)
            await push.send(b"x")
            assert await receiving == b"x"
            poller = zmq_future.Poller()
            poller.register(pull, zmq.POLLIN)
            await push.send(b"y")
            assert await poller.poll(5000) == [(pull, zmq.POLLIN)]
            push.close(linger=0)
            pull.close()

    run(main)
    assert ioloop.ZMQIOLoop is ioloop.IOLoop
    with pytest.warns(DeprecationWarning, match="nothing is installed"):
        ioloop.install()
