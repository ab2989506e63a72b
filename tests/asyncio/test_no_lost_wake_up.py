"""Whatever is called in between, every message arrives, in order, and nobody waits while there is one.

That is shown without a clock. Over inproc a message is there once it was sent, so whoever waits for it has it within
AT_ONCE turns of the loop. And waiting sets no timer: the loop sleeps until a descriptor fires, so no wait ends by chance.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket as python_socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zmqfast as zmq
import zmqfast.asyncio as zmq_asyncio

from asyncio_loops import LONG_RUN, LOOPS

AT_ONCE = 5         # turns of the loop: one tells of the message, one resumes its task, and they may take one for others
GIVE_UP_S = 20      # over tcp, where only libzmq's threads know whether a message is there: so long a wait has no end

STEPS = st.lists(st.one_of(
    st.tuples(st.just("send"), st.integers(1, 5)),
    st.tuples(st.just("send_back"), st.integers(1, 3)),
    st.tuples(st.just("receive"), st.sampled_from(["recv", "recv_multipart", "recv_many", "recv_batch"])),
    st.tuples(st.just("wait_for"), st.sampled_from([0.0, 0.0005, 0.002])),
    st.tuples(st.just("timeout"), st.sampled_from([0.0, 0.0005, 0.002])),
    st.tuples(st.just("cancel"), st.integers(0, 3)),
    st.tuples(st.just("events"), st.none()),
    st.tuples(st.just("shadow_events"), st.none()),
    st.tuples(st.just("core_poll"), st.none()),
    st.tuples(st.just("poll"), st.sampled_from([zmq.POLLIN, zmq.POLLOUT, zmq.POLLIN | zmq.POLLOUT])),
    st.tuples(st.just("poll_later"), st.sampled_from([1, 3])),
    st.tuples(st.just("poller"), st.none()),
    st.tuples(st.just("option"), st.none()),
    st.tuples(st.just("other_socket"), st.none()),
    st.tuples(st.just("descriptor"), st.none()),
    st.tuples(st.just("settle"), st.none()),
    st.tuples(st.just("turns"), st.integers(1, 3)),
    st.tuples(st.just("pause"), st.sampled_from([0.0005, 0.002])),
), min_size=1000 if LONG_RUN else 30, max_size=1500 if LONG_RUN else 120)


class Model:
    """Numbers go out on `far` and must come in on `near`, where everything else happens as well."""

    def __init__(self, context: zmq_asyncio.Context, endpoint: str) -> None:
        self.context = context
        self.near, self.far = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self.is_there_once_sent = endpoint.startswith("inproc")
        self.near.bind(endpoint)
        self.far.connect(self.near.last_endpoint)
        self.shadow = zmq.Socket(shadow=self.near.underlying)
        self.others = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self.others[0].bind(f"inproc://others-{id(self)}")
        self.others[1].connect(f"inproc://others-{id(self)}")
        self.reader, self.writer = python_socket.socketpair()
        self.reader.setblocking(False)
        self.sent = 0
        self.received: list[int] = []
        self.receiving = 0
        self.one_at_a_time = True       # of several receivers, who goes on first is the loop's choice
        self.tasks: list[asyncio.Task[None]] = []

    async def run(self, steps: list[tuple[str, object]]) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self.reader, lambda: self.reader.recv(100))
        for name, argument in steps:
            await getattr(self, name)(argument)
        await self.settle(None)
        self.reap(cancel=True)
        await asyncio.sleep(0)
        await self.take_the_rest()
        loop.remove_reader(self.reader)
        assert self.sent == len(self.received)
        assert (self.received if self.one_at_a_time else sorted(self.received)) == list(range(self.sent))

    async def take_the_rest(self) -> None:
        """What is there arrives at once, also for one who waits already."""
        while len(self.received) < self.sent:
            await self.receive("recv")
            await self.settle(None)
        await self.receive("recv")
        await asyncio.sleep(0)
        await self.send(1)
        await self.settle(None)

    async def receive_one(self, form: str | float) -> None:
        self.receiving += 1
        self.one_at_a_time = self.one_at_a_time and self.receiving == 1
        try:
            await self.receive_in(form)
        finally:
            self.receiving -= 1

    async def receive_in(self, form: str | float) -> None:
        """One of the forms, or recv() with so many seconds."""
        if isinstance(form, float):
            self.note([await self.near.recv(timeout=form)])
        elif form == "recv":
            self.note([await self.near.recv()])
        elif form == "recv_multipart":
            self.note(await self.near.recv_multipart())
        elif form == "recv_many":
            self.note(await self.near.recv_many(3))
        else:
            self.note((await self.near.recv_batch(max_messages=3)).tolist())

    def note(self, frames: list[bytes]) -> None:
        self.received += [int(frame) for frame in frames]

    def reap(self, cancel: bool = False) -> None:
        for task in self.tasks:
            if cancel:
                task.cancel()
        self.tasks = [task for task in self.tasks if not task.done()]

    async def send(self, count: int) -> None:
        for _ in range(count):
            await self.far.send(b"%d" % self.sent)
            self.sent += 1

    async def send_back(self, count: int) -> None:
        for _ in range(count):
            await self.near.send(b"back")
        while self.far.get(zmq.EVENTS) & zmq.POLLIN:
            await self.far.recv()

    async def receive(self, form: str) -> None:
        self.reap()
        self.tasks.append(asyncio.ensure_future(self.receive_one(form)))

    async def cancel(self, place: int) -> None:
        if place < len(self.tasks):
            self.tasks.pop(place).cancel()

    async def settle(self, _: None) -> None:
        """Who waits while there is a message gets it, though nothing else is called."""
        self.reap()
        while self.tasks and len(self.received) < self.sent:
            if self.is_there_once_sent:
                before = len(self.received)
                await self.turns(AT_ONCE)
                assert len(self.received) > before, "a wake-up was lost"
            else:
                done, _ = await asyncio.wait(self.tasks, timeout=GIVE_UP_S, return_when=asyncio.FIRST_COMPLETED)
                assert done, "a wake-up was lost"
            self.reap()

    async def wait_for(self, timeout: float) -> None:
        try:
            await asyncio.wait_for(self.receive_one("recv"), timeout)
        except asyncio.TimeoutError:
            pass

    async def timeout(self, timeout: float) -> None:
        try:
            await self.receive_one(timeout)
        except zmq.Again:
            pass

    async def events(self, _: None) -> None:
        self.near.get(zmq.EVENTS)

    async def shadow_events(self, _: None) -> None:
        self.shadow.get(zmq.EVENTS)

    async def core_poll(self, _: None) -> None:
        zmq.Poller.poll(self.poller_of(self.near, zmq.Poller()), 0)

    async def poll(self, flags: int) -> None:
        await self.near.poll(0, flags)

    async def poll_later(self, timeout_ms: int) -> None:
        await self.near.poll(timeout_ms)

    async def poller(self, _: None) -> None:
        await self.poller_of(self.near, zmq_asyncio.Poller()).poll(1)

    def poller_of(self, socket: zmq.Socket, poller: zmq.Poller) -> zmq.Poller:
        poller.register(socket, zmq.POLLIN)
        return poller

    async def option(self, _: None) -> None:
        self.near.linger = 0
        assert self.near.get(zmq.LINGER) == 0

    async def other_socket(self, _: None) -> None:
        await self.others[0].send(b"x")
        assert await asyncio.wait_for(self.others[1].recv(), GIVE_UP_S) == b"x"

    async def descriptor(self, _: None) -> None:
        self.writer.send(b"x")

    async def turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def close(self) -> None:
        for socket in (self.near, self.far, *self.others):
            socket.close(linger=0)
        self.reader.close()
        self.writer.close()


class LoopWithoutTimers(asyncio.SelectorEventLoop):
    """Sleeps until a descriptor fires, or another thread calls."""

    def call_at(self, when, callback, *args, context=None):
        raise AssertionError(f"a timer for {callback!r}")

    call_later = call_at


@pytest.mark.parametrize("transport", ["inproc", "tcp"])
def test_waiting_needs_no_timer(transport, fresh_endpoint):
    async def main() -> None:
        for number in range(200):
            receiving = asyncio.ensure_future(near.recv())
            polling = asyncio.ensure_future(near.poll())
            await asyncio.sleep(0)
            await far.send(b"%d" % number)
            plain.get(zmq.EVENTS)           # takes the edge of the descriptor
            assert await receiving == b"%d" % number
            assert await polling == zmq.POLLIN
            sending = asyncio.ensure_future(near.send_many([b"x" * 100_000] * 10))
            assert [len(await far.recv()) for _ in range(10)] == [100_000] * 10
            assert await sending == 10

    with contextlib.closing(LoopWithoutTimers()) as loop, zmq_asyncio.Context() as context:
        near, far = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        near.sndhwm = far.rcvhwm = 2
        near.bind(fresh_endpoint(transport))
        far.connect(near.last_endpoint)
        plain = zmq.Socket(shadow=near.underlying)
        loop.run_until_complete(main())
        context.destroy(linger=0)


@pytest.mark.parametrize("new_loop", LOOPS)
@pytest.mark.parametrize("transport", ["inproc", "tcp"])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=not LONG_RUN)
@given(steps=STEPS)
def test_every_message_arrives_in_order_whatever_is_called_between(new_loop, transport, steps):
    loop = new_loop()
    with zmq_asyncio.Context() as context:
        model = Model(context, f"inproc://near-{time.monotonic_ns()}" if transport == "inproc" else "tcp://127.0.0.1:*")
        try:
            loop.run_until_complete(model.run(steps))
        finally:
            model.close()
            loop.close()


def poll_once(socket: zmq.Socket) -> None:
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    zmq.Poller.poll(poller, 0)


CALLS_PAST_THE_ENGINE = {
    "get": lambda socket: socket.get(zmq.EVENTS),
    "get of a shadow": lambda socket: zmq.Socket(shadow=socket).get(zmq.EVENTS),
    "poll of a shadow": lambda socket: zmq.Socket(shadow=socket).poll(0),
    "send of a shadow": lambda socket: zmq.Socket(shadow=socket).send(b"back"),
    "Poller": poll_once,
    "select": lambda socket: zmq.select([socket], [], [], 0),
    "bind": lambda socket: socket.bind("tcp://127.0.0.1:*"),
    "connect": lambda socket: socket.connect("tcp://127.0.0.1:9"),
}


@pytest.mark.parametrize("call", CALLS_PAST_THE_ENGINE.values(), ids=CALLS_PAST_THE_ENGINE.keys())
def test_a_call_past_the_engine_wakes_who_waits(run, async_context, fresh_endpoint, call):
    near, far = async_context.socket(zmq.PAIR), async_context.socket(zmq.PAIR)
    near.bind(fresh_endpoint("inproc"))
    far.connect(near.last_endpoint)

    async def main() -> None:
        waiting = asyncio.ensure_future(near.recv())
        await asyncio.sleep(0.01)
        await far.send(b"x")
        call(near)                  # takes the edge of the descriptor
        assert await asyncio.wait_for(waiting, GIVE_UP_S) == b"x"

    run(main())
