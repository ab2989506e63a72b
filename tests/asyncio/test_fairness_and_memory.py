"""A busy socket leaves the loop its turns, and nothing is left of what has been waited for."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import warnings
import weakref

import pytest

import zmqfast as zmq
import zmqfast.asyncio as zmq_asyncio

from asyncio_loops import LONG_RUN, LOOPS, turns

TURNS = 20


@pytest.mark.parametrize("form", ["recv", "recv_multipart", "recv_many", "send", "poll"])
def test_every_form_leaves_the_loop_its_turns(run, async_context, fresh_endpoint, form):
    push, pull = async_context.socket(zmq.PUSH), async_context.socket(zmq.PULL)
    push.sndhwm = pull.rcvhwm = 0
    pull.bind(fresh_endpoint("inproc"))
    push.connect(pull.last_endpoint)

    async def call() -> None:
        if form == "send":
            await push.send(b"x")
            return
        zmq.Socket.send(shadow, b"x")
        if form == "poll":
            await pull.poll()
        elif form == "recv_many":
            await pull.recv_many(1)
        else:
            await getattr(pull, form)()

    shadow = zmq.Socket(shadow=push)

    async def main() -> None:
        ticking = asyncio.ensure_future(turns(TURNS))
        for _ in range(2_000_000):
            await call()
            if ticking.done():
                break
        assert ticking.done()

    run(main())


def test_what_was_waited_for_leaves_nothing_behind(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        async def receive(timeout: float | None) -> None:
            await pull.recv(timeout=timeout)

        for_ever = asyncio.ensure_future(receive(None))     # those behind it leave the middle of the queue
        await turns(1)
        for number in range(1000):
            task = asyncio.ensure_future(receive(60 if number % 2 else 0.0001))
            await turns(1)
            if number % 2:
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert pull._waiting == 1
        await push.send(b"x")
        await for_ever
        assert pull._waiting == 0
        gc.collect()
        assert not [found for found in gc.get_objects() if isinstance(found, zmq_asyncio.WaitingFuture)]

    run(main())


def resident_kib() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc to read the memory from")
def test_memory_stays_constant(run, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    messages = 10_000_000 if LONG_RUN else 100_000

    async def exchange(count: int) -> None:
        async def send() -> None:
            for _ in range(count):
                await push.send(b"x" * 100)

        sending = asyncio.ensure_future(send())
        for _ in range(count):
            await pull.recv()
        await sending

    async def main() -> None:
        await exchange(20_000)
        before_kib = resident_kib()
        await exchange(messages)
        assert resident_kib() - before_kib < 8 * 1024

    run(main())


@pytest.mark.parametrize("new_loop", LOOPS)
def test_closing_the_loop_cancels_who_waits_and_prints_nothing(new_loop, capfd, async_context):
    pull = async_context.socket(zmq.PULL)
    loop = new_loop()

    async def begin() -> list[asyncio.Future]:
        return [pull.recv(), pull.poll(), pull.recv_many(timeout=60), async_context.socket(zmq.PUSH).send(b"x")]

    waiting = loop.run_until_complete(begin())
    loop.close()
    gc.collect()
    pull.close()
    assert all(future.cancelled() for future in waiting[:3])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_socket_outlives_a_loop_that_was_closed_under_it(new_loop, async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    first, second = new_loop(), new_loop()

    async def begin() -> asyncio.Future:
        return pull.recv()

    async def exchange() -> bytes:
        waiting = asyncio.ensure_future(pull.recv())
        await push.send(b"x")
        return await waiting

    waiting = first.run_until_complete(begin())
    first.close()
    assert second.run_until_complete(exchange()) == b"x"
    assert waiting.cancelled()
    second.close()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")     # in whatever context the last reference goes
def test_a_dropped_socket_is_collected_and_its_descriptor_forgotten(run, fresh_endpoint):
    context = zmq_asyncio.Context()
    endpoint = fresh_endpoint("inproc")

    async def main() -> None:
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.bind(endpoint)
        push.connect(endpoint)
        receiving = asyncio.ensure_future(pull.recv())
        await turns(2)
        await push.send(b"x")
        assert await receiving == b"x"
        gone = weakref.ref(pull)
        del pull, receiving
        await turns(2)          # the loop still has the callback that made us go on
        gc.collect()
        assert gone() is None
        push.close(linger=0)
        await turns(3)

    run(main())
    context.term()


def test_a_waiting_task_keeps_its_socket_alive(run, fresh_endpoint):
    context = zmq_asyncio.Context()
    endpoint = fresh_endpoint("inproc")
    received: list[bytes] = []

    async def main() -> None:
        async def work() -> None:
            with context.socket(zmq.PULL) as pull:
                pull.bind(endpoint)
                received.append(await pull.recv())

        task = weakref.ref(asyncio.ensure_future(work()))   # nobody but the loop keeps it
        await turns(2)
        gc.collect()
        with context.socket(zmq.PUSH) as push:
            push.connect(endpoint)
            await push.send(b"x")
            deadline = time.monotonic() + 5
            while not received and time.monotonic() < deadline:
                await asyncio.sleep(0.001)
        assert task() is None or task().done()

    run(main())
    assert received == [b"x"]
    context.term()


def test_a_call_from_another_thread_says_what_is_wrong(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        waiting = pull.recv()
        with pytest.raises(RuntimeError, match="outside the thread of its event loop"):
            await asyncio.get_running_loop().run_in_executor(None, pull.recv)
        waiting.cancel()

    run(main())


def test_closing_in_another_thread_cancels_who_waits(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        waiting = [asyncio.ensure_future(pull.recv()), asyncio.ensure_future(pull.poll())]
        await turns(2)
        await asyncio.get_running_loop().run_in_executor(None, pull.close)
        for receiving in waiting:
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(receiving, 5)

    run(main())


@pytest.mark.parametrize("end", ["close", "forget"])
def test_a_socket_that_gets_the_descriptor_of_one_closed_in_another_thread_is_woken(run, end):
    """The loop is busy meanwhile, and has had no turn to let go of the descriptor."""
    context = zmq_asyncio.Context()

    async def main() -> None:
        push, old = context.socket(zmq.PUSH), [context.socket(zmq.PULL)]
        kept.append(push)
        push.bind("tcp://127.0.0.1:*")
        assert await old[0].poll(1) == 0            # from here on the loop watches it
        await turns(2)              # the loop still has the callback that made us go on
        descriptor = old[0].fileno()
        thread = threading.Thread(target=old[0].close if end == "close" else forget, args=() if end == "close" else (old,))
        thread.start()
        thread.join()
        old.clear()
        new = reuse(descriptor)
        new.connect(push.last_endpoint)
        receiving = asyncio.ensure_future(new.recv())
        await turns(10)
        await push.send(b"x")
        assert await asyncio.wait_for(receiving, 10) == b"x"

    def reuse(descriptor: int) -> zmq_asyncio.Socket:
        """A socket with that descriptor, which the system gives out as soon as libzmq has let go of it."""
        for _ in range(900):
            kept.append(context.socket(zmq.PULL))
            if kept[-1].fileno() == descriptor:
                break
            time.sleep(0.001)
        assert kept[-1].fileno() == descriptor
        return kept[-1]

    def forget(old: list[zmq_asyncio.Socket]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            old.clear()
            gc.collect()

    kept: list[zmq_asyncio.Socket] = []
    try:
        run(main())
    finally:
        context.destroy(linger=0)


def test_without_a_loop_it_says_so(async_context):
    with pytest.raises(RuntimeError, match="no running event loop"):
        async_context.socket(zmq.PULL).recv()


def test_a_shadow_that_closes_the_socket_cancels_who_waits(run, async_context):
    pull = async_context.socket(zmq.PULL)

    async def main() -> None:
        waiting = asyncio.ensure_future(pull.recv())
        await turns(2)
        zmq.Socket(shadow=pull).close()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 5)
        with pytest.raises(zmq.ZMQError) as error:
            await pull.recv()
        assert error.value.errno == zmq.ENOTSOCK

    run(main())


@pytest.mark.parametrize("use", [
    lambda future: asyncio.wait_for(future, 5), lambda future: asyncio.gather(future), lambda future: asyncio.wait([future]),
    lambda future: asyncio.shield(future), asyncio.ensure_future,
], ids=["wait_for", "gather", "wait", "shield", "ensure_future"])
@pytest.mark.parametrize("first", ["the message", "the receive"])
def test_what_a_call_returns_is_a_future_like_any_other(run, async_pair, use, first):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)

    async def main() -> None:
        if first == "the message":
            await push.send(b"x")
            assert await pull.poll(5000) == zmq.POLLIN
        future = pull.recv()
        assert isinstance(future, asyncio.Future) and asyncio.isfuture(future)
        called: list[asyncio.Future] = []
        future.add_done_callback(called.append)
        if first != "the message":
            assert not future.done()
            await push.send(b"x")
        await use(future)
        assert await asyncio.wait_for(future, 5) == b"x"
        await turns(2)
        assert called == [future]
        assert future.get_loop() is asyncio.get_running_loop()

    run(main())


@pytest.mark.skipif(zmq.Poller()._without_set, reason="the system has no set of descriptors that can be watched as one")
def test_the_loop_watches_one_descriptor_for_all_sockets(async_context):
    pulls = [async_context.socket(zmq.PULL) for _ in range(20)]
    loop = CountingLoop()

    async def main() -> None:
        waiting = [asyncio.ensure_future(pull.recv()) for pull in pulls]
        await turns(2)
        assert loop.watched == [1, 0]
        for pull in pulls:
            pull.close()
        await asyncio.wait(waiting, timeout=5)
        assert loop.watched == [1, 1]

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts the descriptors that it was told to watch, and to watch no longer."""

    def __init__(self) -> None:
        self.watched = [0, 0]
        super().__init__()

    def add_reader(self, *args: object) -> None:
        self.watched[0] += 1
        super().add_reader(*args)

    def remove_reader(self, *args: object) -> bool:
        self.watched[1] += 1
        return super().remove_reader(*args)


def test_an_interrupt_while_one_is_served_leaves_the_others_their_messages(async_context, fresh_endpoint):
    pairs = []
    for _ in range(3):
        pull, push = async_context.socket(zmq.PULL), async_context.socket(zmq.PUSH)
        pull.bind(fresh_endpoint("inproc"))
        push.connect(pull.last_endpoint)
        pairs.append((pull, push))
    loop = asyncio.new_event_loop()

    def interrupt(frames: list[bytes]) -> None:
        raise KeyboardInterrupt

    async def begin() -> list[asyncio.Future]:
        waiting = [asyncio.ensure_future(pull.recv()) for pull, _ in pairs[1:]]
        pairs[0][0].recv_serialized(interrupt)
        return waiting

    async def send() -> None:
        for _, push in pairs:
            await push.send(b"x")
        await asyncio.sleep(5)

    async def receive(waiting: list[asyncio.Future]) -> list[bytes]:
        return await asyncio.wait_for(asyncio.gather(*waiting), 5)

    waiting = loop.run_until_complete(begin())
    sending = loop.create_task(send())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(sending)
    assert loop.run_until_complete(receive(waiting)) == [b"x", b"x"]
    sending.cancel()
    loop.run_until_complete(asyncio.wait([sending]))
    loop.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_leaves_the_loop_of_its_parent_alone(async_pair):
    push, pull = async_pair(zmq.PUSH, zmq.PULL)
    loop = asyncio.new_event_loop()

    async def begin() -> asyncio.Future:
        return pull.recv()

    async def end() -> bytes:
        await push.send(b"x")
        return await asyncio.wait_for(waiting, 5)

    waiting = loop.run_until_complete(begin())
    child = os.fork()
    if child == 0:
        pull.close()
        pull._unwatch()     # what its end would do
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert loop.run_until_complete(end()) == b"x"
    loop.close()
