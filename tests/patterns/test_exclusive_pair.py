"""Exclusive pair: pipes, and actors in threads and processes, blocking and asyncio."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest
from patterns.parts import Counter, Textless, Unmakeable, double

import zmqfast as zmq
import zmqfast.asyncio
from zmqfast.patterns.codecs import BodyError
from zmqfast.patterns.exclusive_pair import Actor, ActorDied, AsyncActor, RemoteError, RemoteTraceback, pipe

LIVES = pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])


class Blocking:
    """Actor with AsyncActor's interface, so that one test speaks to both."""

    def __init__(self, *args, **kwargs):
        self.arguments = args, kwargs

    async def __aenter__(self):
        args, kwargs = self.arguments
        self.actor = Actor(*args, **kwargs)
        return self

    async def __aexit__(self, *_):
        self.actor.stop()

    async def call(self, *args, **kwargs):
        # Calls are made in order here, and waited for elsewhere.
        return await asyncio.to_thread(self.actor.submit(*args, **kwargs).result, 20)

    async def stop(self, timeout):
        await asyncio.to_thread(self.actor.stop, timeout)

    @property
    def pid(self):
        return self.actor.pid


FORMS = pytest.mark.parametrize("form", [Blocking, AsyncActor], ids=["blocking", "asyncio"])


def test_a_pipe_carries_between_threads(context):
    near, far = pipe(context)

    def echo():
        with far:
            for _ in range(1000):
                far.send_multipart(far.recv_multipart())

    thread = threading.Thread(target=echo)
    thread.start()
    with near:
        for number in range(1000):
            near.send_multipart([b"number", str(number).encode()])
            assert near.recv_multipart(timeout=10) == [b"number", str(number).encode()]
    thread.join()


def test_a_pipe_carries_between_a_thread_and_a_task(context):
    async def main():
        near, far = pipe(context, zmqfast.asyncio.Socket)
        thread = threading.Thread(target=lambda: far.send(far.recv() + b" back"))
        thread.start()
        with near, far:
            await near.send(b"there and")
            assert await near.recv(timeout=10) == b"there and back"
            thread.join()

    asyncio.run(main())


def test_a_pipe_carries_between_two_tasks(context):
    async def main():
        near, far = pipe(context, zmqfast.asyncio.Socket, zmqfast.asyncio.Socket, hwm=10)

        async def echo():
            for _ in range(1000):
                await far.send(await far.recv())

        with near, far:
            echoing = asyncio.create_task(echo())
            sending = asyncio.gather(*(near.send(b"%d" % number) for number in range(1000)))
            assert [int(await near.recv(timeout=10)) for _ in range(1000)] == list(range(1000))
            await sending
            await echoing

    asyncio.run(main())


@FORMS
@LIVES
def test_calls_return_in_order(form, process):
    async def main():
        async with form(Counter, 5, process=process) as actor:
            assert await asyncio.gather(*(actor.call("add", number) for number in (1, 2, 3))) == [6, 8, 11]
            assert (await actor.call("pid") == os.getpid()) is not process

    asyncio.run(main())


@FORMS
@LIVES
def test_exceptions_reach_the_caller_and_the_actor_goes_on(form, process):
    async def main():
        async with form(Counter, 6, process=process) as actor:
            with pytest.raises(ZeroDivisionError) as caught:
                await actor.call("divide", 0)
            if process:
                assert isinstance(caught.value.__cause__, RemoteTraceback)
                assert "in divide" in str(caught.value.__cause__)
            assert await actor.call("divide", by=2) == 3

    asyncio.run(main())


@FORMS
@LIVES
def test_what_cannot_be_made_raises_in_the_start(form, process):
    async def main():
        with pytest.raises(LookupError, match="cannot be made"):
            async with form(Unmakeable, process=process):
                pass

    asyncio.run(main())


@FORMS
def test_what_cannot_be_pickled_is_an_error_of_its_call(form):
    async def main():
        async with form(Counter, process=True) as actor:
            with pytest.raises(RemoteError, match="Local: only here(.|\n)*raise_unpicklable"):
                await actor.call("raise_unpicklable")
            with pytest.raises(Textless):
                await actor.call("raise_textless")
            with pytest.raises(BodyError, match="give_unpicklable.*pickle"):
                await actor.call("give_unpicklable")
            with pytest.raises(BodyError, match="add.*pickle"):
                await actor.call("add", threading.Lock())
            assert await actor.call("add", 1) == 1

    asyncio.run(main())


@FORMS
def test_a_killed_process_fails_every_call_that_has_no_answer(form):
    async def main():
        async with form(Counter, process=True) as actor:
            os.kill(actor.pid, signal.SIGSTOP)
            calls = [asyncio.ensure_future(actor.call("add", 1)) for _ in range(3)]
            await asyncio.sleep(0)
            os.kill(actor.pid, signal.SIGKILL)
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(outcome, ActorDied) and "status -9" in str(outcome)
            with pytest.raises(ActorDied):
                await actor.call("add", 1)

    asyncio.run(main())


@FORMS
def test_a_stalled_process_is_ended_by_force(form):
    async def main():
        async with form(Counter, process=True) as actor:
            os.kill(actor.pid, signal.SIGSTOP)
            with pytest.raises(TimeoutError):
                await actor.stop(0.05)

    asyncio.run(main())


def test_a_process_ends_with_the_one_that_started_it(tmp_path):
    import subprocess
    import sys

    program = ("import os, signal\nfrom patterns.parts import Counter\n"
               "from zmqfast.patterns.exclusive_pair import Actor\n"
               "if __name__ == '__main__':\n"
               "    print(Actor(Counter, process=True).call('pid'), flush=True)\n"
               "    os.kill(os.getpid(), signal.SIGKILL)\n")
    script = tmp_path / "program.py"
    script.write_text(program)
    done = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    with done:
        assert int(done.stdout.readline()) > 0
        assert done.stdout.read() == b""        # the actor had the other end of it too, so it has ended
    assert done.returncode == -signal.SIGKILL


def test_many_threads_share_an_actor():
    with Actor(Counter) as actor:
        results: list[int] = []
        threads = [threading.Thread(target=lambda: results.extend(actor.call("add", 1) for _ in range(100)))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == list(range(1, 401))


def test_a_call_has_a_deadline_of_its_own():
    go_on = threading.Event()
    with Actor(Counter) as actor:
        slow = actor.submit("wait_for", go_on)
        with pytest.raises(TimeoutError):
            actor.call("add", 1, timeout=0.02)
        go_on.set()
        assert slow.result(10) is True
        assert actor.call("add", 1) == 2        # the one that nobody waited for was carried out


def test_a_plain_function_is_an_actor_too():
    with Actor(lambda: double) as actor:
        assert actor.call("", 21) == 42


@FORMS
@LIVES
def test_stop_twice_and_call_afterwards(form, process):
    async def main():
        async with form(Counter, process=process) as actor:
            await actor.stop(10)
            with pytest.raises(ActorDied):
                await actor.call("add", 1)

    asyncio.run(main())


def test_a_cancelled_call_is_forgotten():
    async def main():
        go_on = threading.Event()
        async with AsyncActor(Counter) as actor:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(actor.call("wait_for", go_on), 0.01)
            go_on.set()
            assert await actor.call("add", 1) == 1

    asyncio.run(main())


def test_a_context_of_ones_own_ends_afterwards(context):
    with Actor(Counter, context=context) as actor:
        assert actor.call("add", 1) == 1
    assert isinstance(context, zmq.Context)
