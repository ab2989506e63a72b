"""asyncio sockets: every form, in order, at once, and nothing lost by cancelling."""

from __future__ import annotations

import asyncio
import pickle
import random
import threading
import time
import weakref

import pytest

import zmqfast as zmq
import zmqfast.asyncio as zmq_asyncio

from asyncio_loops import LONG_RUN, give_up_often, turns


def test_the_classes_are_the_blocking_ones_and_more(async_context):
    socket = async_context.socket(zmq.PUSH)
    assert isinstance(socket, zmq.Socket)
    assert isinstance(async_context, zmq.Context)
    assert repr(socket).startswith("<zmq.asyncio.Socket(zmq.PUSH)")


FORMS = {
    "recv": (lambda s: s.send(b"x"), lambda r: r.recv(), b"x"),
    "recv copy=False": (lambda s: s.send(b"x", copy=False), lambda r: r.recv(copy=False), b"x"),
    "multipart": (lambda s: s.send_multipart([b"a", b"", b"c"]), lambda r: r.recv_multipart(), [b"a", b"", b"c"]),
    "string": (lambda s: s.send_string("ü"), lambda r: r.recv_string(), "ü"),
    "json": (lambda s: s.send_json({"a": [1]}), lambda r: r.recv_json(), {"a": [1]}),
    "pyobj": (lambda s: s.send_pyobj((1, 2)), lambda r: r.recv_pyobj(), (1, 2)),
    "serialized": (lambda s: s.send_serialized("ab", lambda m: [m.encode()]),
                   lambda r: r.recv_serialized(lambda frames: frames[0].decode()), "ab"),
    "recv_into": (lambda s: s.send(b"abc"), lambda r: r.recv_into(bytearray(8)), 3),
    "timeout": (lambda s: s.send(b"x", timeout=5), lambda r: r.recv(timeout=5), b"x"),
}


@pytest.mark.parametrize(("send", "receive", "expected"), FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("first", ["the message", "the receive"])
def test_every_form_arrives(run, async_pair, send, receive, expected, first):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> object:
        if first == "the message":
            await send(push)
            return await receive(pull)
        receiving = asyncio.ensure_future(receive(pull))
        await turns(3)
        assert not receiving.done()
        await send(push)
        return await receiving

    received = run(main())
    assert (received.bytes if isinstance(received, zmq.Frame) else received) == expected


def test_a_call_that_can_finish_at_once_is_finished(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        assert push.send(b"x").done()
        while not (future := pull.recv()).done():
            await future
            await push.send(b"x")
        assert isinstance(future, asyncio.Future)
        assert await future == b"x"

    run(main())


def test_waiters_are_served_in_the_order_they_came(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> list[bytes]:
        waiting = [asyncio.ensure_future(pull.recv()) for _ in range(20)]
        await turns(2)
        for number in range(20):
            await push.send(b"%d" % number)
        return await asyncio.gather(*waiting)

    assert run(main()) == [b"%d" % number for number in range(20)]


def test_a_send_waits_for_room(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL, sndhwm=1, rcvhwm=1)
    count = 1000

    async def main() -> list[int]:
        async def send() -> None:
            for number in range(count):
                await push.send(b"%d" % number * 100)

        sending = asyncio.ensure_future(send())
        received = [await pull.recv() for _ in range(count)]
        await sending
        return received

    assert run(main()) == [b"%d" % number * 100 for number in range(count)]


@pytest.mark.parametrize("receive", [
    lambda socket: socket.recv(timeout=0.03), lambda socket: socket.recv_multipart(timeout=0.03),
    lambda socket: socket.recv_json(timeout=0.03), lambda socket: socket.recv_string(zmq.DONTWAIT),
], ids=["recv", "recv_multipart", "recv_json", "DONTWAIT"])
def test_a_receive_in_vain_raises_again(run, async_context, receive):
    async def main() -> None:
        with pytest.raises(zmq.Again):
            await receive(async_context.socket(zmq.PULL))

    run(main())


def test_rcvtimeo_and_sndtimeo_hold(run, async_context):
    async def main() -> None:
        pull, push = async_context.socket(zmq.PULL), async_context.socket(zmq.PUSH)
        pull.rcvtimeo = push.sndtimeo = 30      # ms
        with pytest.raises(zmq.Again):
            await pull.recv()
        with pytest.raises(zmq.Again):
            await push.send(b"x")

    run(main())


def test_timed_out_receives_leave_nothing_behind(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        for _ in range(200):
            with pytest.raises(zmq.Again):
                await pull.recv(timeout=0.0001)
        assert pull._waiting == 0

    run(main())


RECEIVES = {
    "recv": (lambda s: s.recv(), int), "recv_multipart": (lambda s: s.recv_multipart(), lambda frames: int(frames[0])),
    "recv_string": (lambda s: s.recv_string(), int), "recv_json": (lambda s: s.recv_json(), int),
    "recv copy=False": (lambda s: s.recv(copy=False), lambda frame: int(frame.bytes)),
    "recv_pyobj": (lambda s: s.recv_pyobj(), int),
    "recv_into": (lambda s: receive_into(s), int),
    "async for": (lambda s: s.__anext__(), lambda frames: int(frames[0])),
    "recv_serialized": (lambda s: s.recv_serialized(list), lambda frames: int(frames[0])),
}


async def receive_into(socket: zmq_asyncio.Socket) -> bytes:
    buffer = bytearray(40)
    return bytes(buffer[:await socket.recv_into(buffer)])


@pytest.mark.parametrize(("receive", "number_of"), RECEIVES.values(), ids=RECEIVES.keys())
@pytest.mark.parametrize("how", ["cancel", "wait_for"])
def test_a_cancelled_receive_takes_no_message_with_it(run, async_pair, receive, number_of, how):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    pickled = receive is RECEIVES["recv_pyobj"][0]
    count = 100_000 if LONG_RUN else 1500
    received: list[int] = []
    dice = random.Random(7)

    async def receive_one() -> None:
        received.append(number_of(await receive(pull)))

    async def send_all() -> None:
        for number in range(count):
            await push.send(pickle.dumps(number) if pickled else b"%d" % number)
            if number % 5 == 0:
                await turns(dice.randrange(3))

    async def main() -> None:
        sending = asyncio.ensure_future(send_all())
        while len(received) < count:
            await give_up_often(receive_one, how, dice)
        await sending

    run(main())
    assert received == list(range(count))


def test_frames_given_back_join_the_rest_of_their_message(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        async def receive() -> bytes:
            return await pull.recv()

        task = asyncio.ensure_future(receive())
        await turns(2)
        await push.send_multipart([b"a", b"b", b"c"])
        while pull._waiting:
            pull.poll(0)            # hands the frame over as soon as it is there
        task.cancel()               # told to go on, and not resumed yet
        assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
        assert await pull.poll(0) == zmq.POLLIN
        assert await pull.recv_multipart() == [b"a", b"b", b"c"]

    run(main())


def test_a_cancelled_send_was_not_sent(run, async_context):
    push, pull = async_context.socket(zmq.PUSH), async_context.socket(zmq.PULL)

    async def main() -> None:
        sending = asyncio.ensure_future(push.send_multipart([b"never", b"sent"]))   # nobody is connected
        await turns(2)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        push.connect(f"tcp://127.0.0.1:{port}")
        await push.send(b"sent")
        assert await pull.recv() == b"sent"
        assert await pull.poll(20) == 0

    run(main())


@pytest.mark.parametrize("how", ["cancel", "wait_for", "timeout"])
def test_a_cancelled_send_was_sent_whole_or_not_at_all(run, async_pair, how):
    push, pull = async_pair(zmq.PUSH, zmq.PULL, sndhwm=3, rcvhwm=3)
    count = 100_000 if LONG_RUN else 1000
    known: dict[int, bool] = {}         # whether it was sent, where that can be known
    received: list[int] = []
    dice = random.Random(3)

    async def receive_all() -> None:
        while True:
            frames = await pull.recv_multipart()
            assert frames == [b"%d" % int(frames[0]), b"body" * 1000, frames[0]]
            received.append(int(frames[0]))
            if dice.random() < 0.1:
                await turns(dice.randrange(3))

    async def send(number: int) -> None:
        sending = push.send_multipart([b"%d" % number, b"body" * 1000, b"%d" % number],
                                      timeout=dice.random() * 0.001 if how == "timeout" else None)
        try:
            if how == "wait_for":
                await asyncio.wait_for(sending, dice.random() * 0.001)
            else:
                if how == "cancel" and dice.random() < 0.3:
                    asyncio.get_running_loop().call_soon(sending.cancel)
                await sending
            known[number] = True
        except (asyncio.CancelledError, asyncio.TimeoutError, zmq.Again):
            if how == "timeout" or sending.cancelled():
                known[number] = False
            elif sending.done():
                known[number] = True

    async def main() -> None:
        receiving = asyncio.ensure_future(receive_all())
        for number in range(count):
            await send(number)
        await push.send_multipart([b"%d" % count, b"body" * 1000, b"%d" % count])
        while not received or received[-1] != count:
            await turns(1)
            assert not receiving.done(), receiving.result()
        receiving.cancel()

    run(main())
    assert received == sorted(set(received))
    assert [number for number, sent in known.items() if sent] == received[:-1]


def test_no_wake_up_is_lost_whatever_is_called_between(run, async_pair):
    first, second = async_pair(zmq.PAIR, zmq.PAIR)
    dice = random.Random(11)
    count = 2000

    async def main() -> None:
        async def receive_all() -> None:
            for number in range(count):
                assert await first.recv() == b"%d" % number
                arrived.set()

        arrived = asyncio.Event()
        receiving = asyncio.ensure_future(receive_all())
        for number in range(count):
            for _ in range(dice.randrange(3)):
                dice.choice([
                    lambda: first.get(zmq.EVENTS), lambda: first.poll(0), lambda: first.poll(0, zmq.POLLOUT),
                    lambda: first.send(b"back"), lambda: first.set(zmq.LINGER, 0), lambda: first.last_endpoint])()
            arrived.clear()
            await second.send(b"%d" % number)
            if dice.random() < 0.3:
                await turns(dice.randrange(3))
            while second.get(zmq.EVENTS) & zmq.POLLIN:
                await second.recv()
            if dice.random() < 0.3:     # nothing else wakes who waits
                await asyncio.wait_for(arrived.wait(), 5)
        await asyncio.wait_for(receiving, 5)

    run(main())


def test_poll_tells_what_can_be_done(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        assert await pull.poll(0) == 0
        assert await pull.poll(20) == 0
        assert await push.poll(1000, zmq.POLLOUT) == zmq.POLLOUT
        waiting = asyncio.ensure_future(pull.poll())
        await turns(2)
        await push.send(b"x")
        assert await waiting == zmq.POLLIN
        assert await pull.recv() == b"x"

    run(main())


def test_a_poller_mixes_asyncio_sockets_plain_sockets_and_descriptors(run, async_pair, context, fresh_endpoint):
    import socket as python_socket

    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    plain, other = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    endpoint = fresh_endpoint("inproc")
    plain.bind(endpoint)
    other.connect(endpoint)
    reader, writer = python_socket.socketpair()
    poller = zmq_asyncio.Poller()
    for thing in (pull, plain, reader):
        poller.register(thing, zmq.POLLIN)

    async def main() -> None:
        assert await poller.poll(10) == []
        for act, thing, take in ((lambda: push.send(b"x"), pull, lambda: zmq.Socket.recv(pull)),
                                 (lambda: other.send(b"x"), plain, plain.recv),
                                 (lambda: writer.send(b"x"), reader.fileno(), lambda: reader.recv(1))):
            waiting = poller.poll(5000)
            await turns(3)
            act()
            assert await waiting == [(thing, zmq.POLLIN)]
            take()

    run(main())
    reader.close()
    writer.close()


def test_any_thread_wakes_a_poller(run, async_pair):
    _, pull = async_pair(zmq.PUSH, zmq.PULL)
    poller = zmq_asyncio.Poller()
    poller.register(pull, zmq.POLLIN)

    async def main() -> None:
        waiting = poller.poll()
        await turns(3)
        threading.Timer(0.02, poller.wake).start()
        assert await waiting == []
        poller.wake()
        assert await poller.poll() == []
        assert await poller.poll(0) == []

    run(main())


def test_a_blocking_poller_in_a_thread_and_an_asyncio_socket_share_one_socket(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    told = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(50):
            watching = loop.run_in_executor(None, poller.poll, 10_000)
            waiting = pull.poll(10_000)
            await turns(3)
            zmq.Socket.send(push, b"x")
            assert await waiting == zmq.POLLIN
            told.append(await watching)
            assert await pull.recv() == b"x"

    run(main())
    assert told == [[(pull, zmq.POLLIN)]] * 50


def test_a_message_that_comes_while_others_are_told_is_received(run, async_context, context):
    """Telling a poller what was left asks libzmq once more, which may take the edge of what has come since."""
    pull, push = async_context.socket(zmq.PULL), context.socket(zmq.PUSH)
    push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    spread = random.Random(1)

    async def exchange():
        assert zmq.Poller.poll(poller, 0) == []
        for _ in range(400):
            receiving = asyncio.ensure_future(pull.recv())
            await asyncio.sleep(0)
            push.send(b"x")
            until = time.perf_counter() + spread.random() * 150e-6     # about when it comes
            while time.perf_counter() < until:
                await pull.poll(0)
            assert await asyncio.wait_for(receiving, 5) == b"x"

    run(exchange())


def test_asyncio_sockets_that_share_a_socket_all_wait_for_it(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    shadows = [pull, *(zmq_asyncio.Socket(shadow=pull) for _ in range(3))]

    async def main() -> None:
        for _ in range(20):
            waiting = [asyncio.ensure_future(shadow.recv()) for shadow in shadows]
            await turns(3)
            lost = waiting.pop(random.randrange(4))
            lost.cancel()
            for number in range(3):
                await push.send(b"%d" % number)
            assert sorted(await asyncio.wait_for(asyncio.gather(*waiting), 10)) == [b"0", b"1", b"2"]

    run(main())


def test_sockets_that_share_a_socket_do_not_wake_each_other_for_nothing(run, async_pair):
    class Counting(zmq_asyncio.Socket):
        woken = 0

        def _take_turn(self) -> None:
            Counting.woken += 1
            super()._take_turn()

    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    shadows = [Counting(shadow=pull) for _ in range(2)]

    async def main() -> None:
        waiting = [asyncio.ensure_future(shadow.recv()) for shadow in shadows]
        await push.send(b"1")
        await asyncio.wait(waiting, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        await turns(1000)
        assert Counting.woken < 10
        await push.send(b"2")
        assert sorted(await asyncio.wait_for(asyncio.gather(*waiting), 10)) == [b"1", b"2"]

    run(main())


def test_closing_cancels_whoever_waits(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        waiting = [asyncio.ensure_future(pull.recv()), asyncio.ensure_future(pull.poll())]
        await turns(2)
        pull.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)

    run(main())


def test_the_end_of_the_context_reaches_whoever_waits(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        waiting = asyncio.ensure_future(pull.recv())
        await turns(2)
        async_context.shutdown()
        with pytest.raises(zmq.ContextTerminated):
            await waiting

    run(main())


def test_a_socket_in_use_stays_with_its_loop_and_names_both(async_context):
    pull = async_context.socket(zmq.PULL)
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def begin() -> asyncio.Future:
        return pull.recv()

    async def join(future: asyncio.Future) -> bytes:
        return await future

    waiting = first.run_until_complete(begin())
    for misuse in (begin(), join(waiting)):
        with pytest.raises(RuntimeError, match="another event loop") as error:
            second.run_until_complete(misuse)
        for name in (repr(pull), hex(id(first)), hex(id(second))):
            assert name in str(error.value)
    assert not waiting.done()
    waiting.cancel()
    first.close()
    second.close()


def test_what_a_call_returns_belongs_to_the_loop_that_called_though_another_one_comes_between(async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def look() -> None:
        await pull.try_recv()

    def convert(frames: list[bytes]) -> bytes:
        thread = threading.Thread(target=asyncio.run, args=(look(),))
        thread.start()
        thread.join()
        return frames[0]

    async def main() -> None:
        await push.send(b"x")
        assert await pull.poll(5000) == zmq.POLLIN
        assert await asyncio.wait_for(pull.recv_serialized(convert), 5) == b"x"

    asyncio.run(main())


def test_what_sends_return_are_different_futures_for_whoever_keeps_them(run, async_pair):
    push, _ = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        kept = [push.send(b"x") for _ in range(3)]
        assert len(set(kept)) == 3
        assert [future.result() for future in kept] == [None] * 3
        called: list[asyncio.Future] = []
        kept[0].add_done_callback(called.append)
        if hasattr(kept[0], "__dict__"):
            kept[0].mine = True
        reference = weakref.ref(kept[1])
        del kept[:]
        await turns(2)
        assert len(called) == 1
        called.clear()
        later = [push.send(b"x") for _ in range(3)]
        assert not any(hasattr(future, "mine") for future in later)
        assert reference() is None

    run(main())


def test_a_socket_at_rest_can_move_to_another_loop(async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def exchange() -> bytes:
        receiving = asyncio.ensure_future(pull.recv())
        await turns(2)
        await push.send(b"x")
        return await receiving

    assert asyncio.run(exchange()) == b"x"
    assert asyncio.run(exchange()) == b"x"


def test_a_busy_socket_leaves_the_loop_its_turn(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        async def tick() -> None:
            for _ in range(10):
                await asyncio.sleep(0)

        ticking = asyncio.ensure_future(tick())
        for _ in range(1_000_000):
            await push.send(b"x")
            await pull.recv()
            if ticking.done():
                break
        assert ticking.done()

    run(main())


def test_a_monitor_gives_typed_events(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        with pull.get_monitor_socket() as monitor:
            pull.bind("tcp://127.0.0.1:*")
            event = await monitor.recv()
            assert zmq.events[event[0]] == "EVENT_LISTENING"
            pull.unbind(pull.last_endpoint)
            assert len(await monitor.recv_multipart()) == 2

    run(main())


@pytest.mark.parametrize("first", ["socket", "monitor", "context", "nobody reads"])
def test_a_monitor_ends_with_either_end_and_its_context(run, async_context, first):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        monitor = pull.get_monitor_socket()
        pull.bind("tcp://127.0.0.1:*")

        async def names() -> list[str]:
            return [event.event.name async for event in monitor]

        if first == "nobody reads":
            for _ in range(600):        # with LISTENING and CLOSED more than the default high-water mark of both ends
                pull.bind("tcp://127.0.0.1:*")
                pull.unbind(pull.last_endpoint)
            return
        reading = asyncio.ensure_future(names())
        await turns(5)
        if first == "socket":
            pull.close()
            assert (await asyncio.wait_for(reading, 10))[::2] == ["LISTENING", "MONITOR_STOPPED"]
        elif first == "context":
            async_context.shutdown()
            assert set(await asyncio.wait_for(reading, 10)) <= {"LISTENING"}
        else:
            monitor.close()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(reading, 10)
            pull.unbind(pull.last_endpoint)
        monitor.close()

    run(main())


def test_a_monitor_is_iterated_until_it_stops(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> list[str]:
        monitor = pull.get_monitor_socket()
        pull.bind("tcp://127.0.0.1:*")
        seen: list[str] = []
        async for event in monitor:
            seen.append(event.event.name)
            if len(seen) == 1:
                pull.disable_monitor()
        monitor.close()
        return seen

    assert run(main()) == ["LISTENING", "MONITOR_STOPPED"]


def test_wait_connected_is_awaited(run, async_context, fresh_endpoint):
    push, pull = async_context.socket(zmq.PUSH), async_context.socket(zmq.PULL)
    pull.bind(fresh_endpoint("tcp"))
    push.connect(pull.last_endpoint)

    async def main() -> None:
        assert await push.wait_connected(timeout=5) == 1
        assert await pull.wait_connected(timeout=5) == 1

    run(main())


def test_waiting_for_peers_in_vain_ends_on_time_and_leaves_no_thread(run, async_context, fresh_endpoint):
    pull = async_context.socket(zmq.PULL)
    pull.bind(fresh_endpoint("tcp"))

    async def main() -> None:
        before = threading.active_count()
        with pytest.raises(zmq.Again, match="0 of 1 peers in 0.05 s"):
            await pull.wait_connected(timeout=0.05)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(pull.wait_connected(), 0.05)
        assert threading.active_count() == before

    run(main())


def test_more_sockets_wait_for_peers_than_there_are_threads_to_wait(run, async_context, fresh_endpoint, transport):
    pulls = [async_context.socket(zmq.PULL) for _ in range(50)]
    pushes = [async_context.socket(zmq.PUSH) for _ in pulls]
    for pull in pulls:
        pull.bind(fresh_endpoint(transport))

    async def main() -> None:
        waiting = asyncio.gather(*(socket.wait_connected(timeout=20) for socket in (*pulls, *pushes)))
        await turns(3)
        for push, pull in zip(pushes, pulls):
            push.connect(pull.last_endpoint)
        assert await waiting == [1] * 100

    run(main())


def test_closing_a_socket_ends_its_wait_for_peers(run, async_context, fresh_endpoint):
    pull = async_context.socket(zmq.PULL)
    pull.bind(fresh_endpoint("tcp"))

    async def main() -> None:
        waiting = asyncio.ensure_future(pull.wait_connected())
        await turns(5)
        pull.close()
        with pytest.raises((zmq.ZMQError, asyncio.CancelledError)):
            await asyncio.wait_for(waiting, 10)

    run(main())


def test_a_handshake_that_fails_is_awaited_as_its_exception(run, async_context, fresh_endpoint):
    server, client = async_context.socket(zmq.PULL), async_context.socket(zmq.PUSH)
    server.curve_server = True
    server.curve_secretkey = zmq.curve_keypair()[1]
    server.bind(fresh_endpoint("tcp"))
    client.connect(server.last_endpoint)

    async def main() -> None:
        with pytest.raises(zmq.HandshakeFailed) as caught:
            await client.wait_connected(timeout=10)
        assert caught.value.protocol_error == zmq.Event.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH

    run(main())


def test_a_thread_safe_socket_waits_too(run, async_context):
    server, client = async_context.socket(zmq.SERVER), async_context.socket(zmq.CLIENT)
    port = server.bind_to_random_port("tcp://127.0.0.1")
    client.connect(f"tcp://127.0.0.1:{port}")

    async def main() -> None:
        for _ in range(20):
            question = asyncio.ensure_future(server.recv(copy=False))
            await turns(2)
            await client.send(b"question")
            await server.send(b"answer", routing_id=(await question).routing_id)
            assert await client.recv() == b"answer"

    run(main())


def test_sockets_and_contexts_close_with_their_block(run):
    async def main() -> None:
        async with zmq_asyncio.Context() as context:
            async with context.socket(zmq.PULL) as pull:
                pass
            assert pull.closed
        assert context.closed

    run(main())


def test_a_body_of_another_kind_is_an_error_of_that_receive_only(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        waiting = asyncio.ensure_future(pull.recv_json())
        await turns(2)
        await push.send(b"{no json")
        with pytest.raises(ValueError):
            await waiting
        await push.send(b"1")
        assert await pull.recv_json() == 1

    run(main())


def test_a_bad_frame_is_refused_at_once(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        with pytest.raises(TypeError):
            await push.send("text")
        with pytest.raises(TypeError, match="frame 1"):
            await push.send_multipart([b"a", 5])
        assert await pull.poll(10) == 0

    run(main())


def test_a_peer_on_pyzmq_asyncio_is_answered(run, async_context, pyzmq_peer):
    reply = async_context.socket(zmq.REP)
    port = reply.bind_to_random_port("tcp://127.0.0.1")
    request = pyzmq_peer.socket(zmq.REQ)
    request.connect(f"tcp://127.0.0.1:{port}")

    async def main() -> None:
        for number in range(20):
            answer = request.start("send", b"%d" % number)
            assert await reply.recv() == b"%d" % number
            await reply.send(b"answer %d" % number)
            answer.result()
            assert request.recv() == b"answer %d" % number

    run(main())
