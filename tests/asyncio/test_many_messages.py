"""recv_many, recv_batch, send_many, try_recv, try_send and async for on asyncio sockets."""

from __future__ import annotations

import asyncio
import random

import pytest

import zmqfast as zmq

from asyncio_loops import LONG_RUN, give_up_often, turns


async def receive_all(receive, count: int) -> list:
    received: list = []
    while len(received) < count:
        received += await receive()
    return received


RECEIVES = {
    "recv_many": lambda pull: pull.recv_many(100),
    "recv_many of messages": lambda pull: flat(pull.recv_many(100, multipart=True)),
    "recv_many of Frames": lambda pull: as_bytes(pull.recv_many(100, copy=False)),
    "recv_batch": lambda pull: listed(pull.recv_batch(max_messages=100)),
}


async def flat(receiving) -> list[bytes]:
    return [frame for message in await receiving for frame in message]


async def as_bytes(receiving) -> list[bytes]:
    return [frame.bytes for frame in await receiving]


async def listed(receiving) -> list[bytes]:
    return (await receiving).tolist()


@pytest.mark.parametrize("receive", RECEIVES.values(), ids=RECEIVES.keys())
@pytest.mark.parametrize("first", ["the messages", "the receive"])
def test_what_is_there_comes_in_one_call(run, async_pair, receive, first):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    sent = [b"%d" % number for number in range(1000)]

    async def main() -> list[bytes]:
        if first == "the messages":
            assert await push.send_many(sent) == len(sent)
            return await receive_all(lambda: receive(pull), len(sent))
        receiving = asyncio.ensure_future(receive_all(lambda: receive(pull), len(sent)))
        await turns(3)
        assert await push.send_many(sent) == len(sent)
        return await receiving

    assert run(main()) == sent


@pytest.mark.parametrize("receive", RECEIVES.values(), ids=RECEIVES.keys())
@pytest.mark.parametrize("how", ["cancel", "wait_for"])
def test_a_cancelled_receive_of_many_takes_nothing_with_it(run, async_pair, receive, how):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    count = 100_000 if LONG_RUN else 3000
    received: list[bytes] = []
    dice = random.Random(5)

    async def receive_some() -> None:
        received.extend(await receive(pull))

    async def send_all() -> None:
        for number in range(0, count, 2):
            await push.send_multipart([b"%d" % number, b"%d" % (number + 1)])
            if number % 6 == 0:
                await turns(dice.randrange(4))

    async def main() -> None:
        sending = asyncio.ensure_future(send_all())
        while len(received) < count:
            await give_up_often(receive_some, how, dice)
        await sending

    run(main())
    assert received == [b"%d" % number for number in range(count)]


@pytest.mark.parametrize("take", [
    lambda pull: pull.recv_many(multipart=True), lambda pull: frames_of(pull.recv_batch()),
], ids=["recv_many", "recv_batch"])
@pytest.mark.parametrize("receive", [
    lambda pull: pull.recv_many(), lambda pull: pull.recv_many(multipart=True), lambda pull: pull.recv_many(copy=False),
    lambda pull: pull.recv_batch(),
], ids=["recv_many", "recv_many of messages", "recv_many of Frames", "recv_batch"])
@pytest.mark.parametrize("tasks", [1, 2])
def test_messages_that_were_given_back_keep_their_frames(run, async_pair, take, receive, tasks):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    messages = [[b"a", b"b"], [b"c"], [b"d", b"", b"e"]]

    async def main() -> None:
        async def receive_and_cancel_the_next(place: int) -> None:
            try:
                await receive(pull)
            finally:
                if place + 1 < len(waiting):    # it was given what we gave back, and has not resumed yet
                    waiting[place + 1].cancel()

        waiting = [asyncio.ensure_future(receive_and_cancel_the_next(place)) for place in range(tasks)]
        await turns(2)
        await push.send_multipart(messages[0])
        while pull._waiting == tasks:
            pull.poll(0)                # hands over what is there
        waiting[0].cancel()             # told to go on, and not resumed yet
        for message in messages[1:]:
            await push.send_multipart(message)
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ended] == [asyncio.CancelledError] * tasks
        received: list[list[bytes]] = []
        while len(received) < len(messages):
            received += await take(pull)
        assert received == messages

    run(main())


async def frames_of(receiving) -> list[list[bytes]]:
    batch = await receiving
    messages: list[list[bytes]] = [[]]
    for frame, more in zip(batch.tolist(), batch.more):
        messages[-1].append(frame)
        if not more:
            messages.append([])
    return messages[:-1]


def test_nothing_there_is_nothing_with_dontwait(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        assert await pull.recv_many(flags=zmq.DONTWAIT) == []
        assert len(await pull.recv_batch(flags=zmq.DONTWAIT)) == 0
        assert await pull.try_recv() is None
        assert await pull.try_recv("nothing") == "nothing"
        with pytest.raises(zmq.Again):
            await pull.recv_many(timeout=0.01)
        with pytest.raises(zmq.Again):
            await pull.recv_batch(timeout=0.01)

    run(main())


def test_try_send_tells_whether_it_was_sent(run, async_pair, async_context):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        assert await async_context.socket(zmq.PUSH).try_send(b"x") is False
        assert await push.try_send(b"x") is True
        assert await push.try_send([b"a", b"b"]) is True
        assert await pull.poll(5000) == zmq.POLLIN
        assert await pull.try_recv() == b"x"
        assert await pull.recv_multipart() == [b"a", b"b"]

    run(main())


def test_send_many_waits_for_room_and_counts(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL, sndhwm=10, rcvhwm=10)
    sent = [[b"%d" % number, b"x" * 1000] for number in range(2000)]

    async def main() -> None:
        sending = asyncio.ensure_future(push.send_many(iter(sent)))
        received = [await pull.recv_multipart() for _ in sent]
        assert received == sent
        assert await sending == len(sent)
        count = await push.send_many([b"%d" % number for number in range(100_000)], timeout=0.05)
        assert 0 < count < 100_000      # full, and nobody receives

    run(main())


def test_send_many_in_vain_raises_again(run, async_context):
    push = async_context.socket(zmq.PUSH)

    async def main() -> None:
        assert await push.send_many([]) == 0
        for waiting in (push.send_many([b"x"], timeout=0.01), push.send_many([b"x"], zmq.DONTWAIT)):
            with pytest.raises(zmq.Again):
                await waiting

    run(main())


def test_send_many_tells_how_far_it_came_before_an_error(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        with pytest.raises(TypeError) as error:
            await push.send_many([b"a", b"b", 5])
        assert error.value.sent == 2
        assert [await pull.recv(), await pull.recv()] == [b"a", b"b"]

    run(main())


def test_async_for_gives_messages_until_the_context_ends(run, async_pair, async_context):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> list[list[bytes]]:
        received: list[list[bytes]] = []
        await push.send_many([b"1", [b"2", b"3"]])
        async for message in pull:
            received.append(message)
            if len(received) == 2:
                asyncio.get_running_loop().call_soon(async_context.shutdown)
        return received

    assert run(main()) == [[b"1"], [b"2", b"3"]]


def test_an_asyncio_socket_is_not_iterated_without_async(async_context):
    with pytest.raises(TypeError, match="async for"):
        iter(async_context.socket(zmq.PULL))
