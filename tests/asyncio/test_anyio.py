"""zmqfast.anyio on trio and on asyncio."""

from __future__ import annotations

from functools import partial

import pytest

import zmqfast as zmq

anyio = pytest.importorskip("anyio")
pytest.importorskip("trio")
zmq_anyio = pytest.importorskip("zmqfast.anyio")

TIMEOUT_S = 15


@pytest.fixture(params=["trio", "asyncio"])
def run(request):
    """`run(function)` calls a coroutine function on trio, or on asyncio, at most TIMEOUT_S."""

    async def in_time(function):
        with anyio.fail_after(TIMEOUT_S):
            return await function()

    return lambda function: anyio.run(partial(in_time, function), backend=request.param)


@pytest.fixture
def sockets(fresh_endpoint, transport):
    """`sockets(PUSH, PULL)` are connected."""
    context = zmq_anyio.Context()
    made: list[zmq_anyio.Socket] = []

    def make(binding: int, connecting: int, **options: object) -> tuple[zmq_anyio.Socket, zmq_anyio.Socket]:
        pair = context.socket(binding), context.socket(connecting)
        made.extend(pair)
        for socket in pair:
            for name, value in options.items():
                setattr(socket, name, value)
        pair[0].bind(fresh_endpoint(transport))
        pair[1].connect(pair[0].last_endpoint)
        return pair

    make.context = context
    yield make
    context.destroy(linger=0)
    made.clear()


def test_messages_arrive_in_order(run, sockets):
    push, pull = sockets(zmq.PUSH, zmq.PULL, sndhwm=10, rcvhwm=10)

    async def main() -> list[bytes]:
        async def send() -> None:
            for number in range(1000):
                await push.send(b"%d" % number)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            return [await pull.recv() for _ in range(1000)]

    assert run(main) == [b"%d" % number for number in range(1000)]


def test_both_directions_and_several_tasks_wait_at_once(run, sockets):
    first, second = sockets(zmq.PAIR, zmq.PAIR, sndhwm=5, rcvhwm=5)
    received: list[int] = []

    async def main() -> None:
        async def flood(socket: zmq_anyio.Socket) -> None:
            for number in range(600):
                await socket.send(b"%d" % number)

        async def drain(socket: zmq_anyio.Socket, count: int) -> None:
            for _ in range(count):
                received.append(int(await socket.recv()))

        async with anyio.create_task_group() as tasks:
            for socket in (first, second):
                tasks.start_soon(flood, socket)
                for _ in range(3):
                    tasks.start_soon(drain, socket, 200)

    run(main)
    assert sorted(received) == sorted([*range(600), *range(600)])


def test_a_cancelled_receive_takes_no_message_with_it(run, sockets):
    push, pull = sockets(zmq.PUSH, zmq.PULL)
    received: list[int] = []

    async def main() -> None:
        async def send() -> None:
            for number in range(500):
                await push.send(b"%d" % number)
                await anyio.sleep(0)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            turn = 0
            while len(received) < 500:
                turn += 1
                with anyio.move_on_after(0.00005 * (turn % 7)):
                    received.append(int(await pull.recv()))
                await anyio.sleep(0)

    run(main)
    assert received == list(range(500))


def test_timeouts_and_dontwait_raise_again(run, sockets):
    _, pull = sockets(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        for receive in (lambda: pull.recv(timeout=0.01), lambda: pull.recv_multipart(timeout=0.01),
                        lambda: pull.recv_many(timeout=0.01), lambda: pull.recv(zmq.DONTWAIT)):
            with pytest.raises(zmq.Again):
                await receive()
        pull.rcvtimeo = 10      # ms
        with pytest.raises(zmq.Again):
            await pull.recv_string()
        assert await pull.poll(10) == 0
        assert await pull.recv_many(flags=zmq.DONTWAIT) == []

    run(main)


def test_the_typed_forms(run, sockets):
    push, pull = sockets(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        await push.send_string("ü")
        await push.send_json({"a": 1})
        await push.send_pyobj((1, 2))
        await push.send_serialized("ab", lambda text: [text.encode(), b""])
        assert await pull.recv_string() == "ü"
        assert await pull.recv_json() == {"a": 1}
        assert await pull.recv_pyobj() == (1, 2)
        assert await pull.recv_serialized(len) == 2
        await push.send(b"x")
        async for message in pull:
            assert message == [b"x"]
            break

    run(main)


def test_closing_ends_the_wait(run, sockets):
    _, pull = sockets(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            async def receive() -> None:
                with pytest.raises(zmq.ZMQError) as error:
                    await pull.recv()
                assert error.value.errno == zmq.ENOTSOCK

            tasks.start_soon(receive)
            tasks.start_soon(receive)
            await anyio.sleep(0.01)
            pull.close()

    run(main)


def test_waiting_for_peers_can_be_cancelled(run, sockets):
    push, pull = sockets(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        assert await pull.wait_connected(timeout=10) == await push.wait_connected(timeout=10) == 1
        with anyio.move_on_after(0.02) as scope:
            await pull.wait_connected(2)
        assert scope.cancelled_caught
        with pytest.raises(zmq.Again, match="1 of 2 peers in 0.02 s"):
            await pull.wait_connected(2, timeout=0.02)

    run(main)


def test_a_monitor_is_iterated(run, sockets):
    pull = sockets.context.socket(zmq.PULL)

    async def main() -> None:
        monitor = pull.get_monitor_socket()
        names: list[str] = []

        async def read() -> None:
            async for event in monitor:
                names.append(event.event.name)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.sleep(0)
            pull.bind("tcp://127.0.0.1:*")
            pull.close()
        assert (names[0], names[-1]) == ("LISTENING", "MONITOR_STOPPED")
        monitor.close()

    run(main)


def test_contexts_and_sockets_close_with_their_block(run):
    async def main() -> None:
        async with zmq_anyio.Context() as context, context.socket(zmq.REP) as reply, context.socket(zmq.REQ) as request:
            reply.bind("inproc://block")
            request.connect("inproc://block")
            await request.send(b"x")
            assert await reply.recv() == b"x"
        assert context.closed

    run(main)
