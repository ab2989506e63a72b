"""What the tests of the patterns put into other processes."""

from __future__ import annotations

import asyncio
import inspect
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time

BEAT = 0.25     # s: the heartbeat of all; a loaded machine may stall for two of them before somebody counts as gone

# Tells its two endpoints.
BROKER = f"""
    import sys
    from zmqfast.patterns.request_reply import Broker

    broker = Broker(sys.argv[1], sys.argv[2], heartbeat={BEAT})
    print(broker.frontend, broker.backend, flush=True)
    broker.run()
"""


class Counter:
    """An actor's object."""

    def __init__(self, start: int = 0) -> None:
        self.value = start

    def add(self, number: int) -> int:
        self.value += number
        return self.value

    def pid(self) -> int:
        return os.getpid()

    def divide(self, by: int) -> float:
        return self.value / by

    def raise_unpicklable(self) -> None:
        class Local(Exception):
            pass

        raise Local("only here")

    def raise_textless(self) -> None:
        raise_textless()

    def give_unpicklable(self) -> object:
        return threading.Lock()

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def wait_for(self, event: threading.Event) -> bool:
        return event.wait(20)


class Textless(Exception):
    def __str__(self) -> str:
        raise LookupError


def raise_textless(body: object = None) -> None:
    raise Textless


class Unmakeable:
    def __init__(self) -> None:
        raise LookupError("cannot be made")


def double(number: int) -> int:
    return 2 * number


class AsBlocking:
    """The asyncio classes with the blocking ones' interface, in a loop of their own."""

    def __init__(self, make):
        self.make = make

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.thing = self.run(self.enter())
        return self

    async def enter(self):
        return await self.make().__aenter__()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def __exit__(self, *_):
        self.run(self.thing.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def __getattr__(self, name):
        found = getattr(self.thing, name)
        if not callable(found):
            return found

        def called(*args, **kwargs):
            result = found(*args, **kwargs)
            return self.run(result) if inspect.isawaitable(result) else result

        return called


def until(happened, timeout_s: float = 15.0) -> None:
    """Look until it has happened; for what no event tells of."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


class Program:
    """A Python program in a process of its own, which tells lines: `Program(source, *arguments).line()`."""

    def __init__(self, source: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)], stdout=subprocess.PIPE, bufsize=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})

    def line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], 20)
            assert ready, "the program tells nothing"
            some = self.process.stdout.read(1)      # no more: select() would not see what a buffer holds
            assert some, "the program has ended"
            line += some
        return line.decode().rstrip("\n")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stall(self) -> None:
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.signal(signal.SIGCONT)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.process.stdout.close()


def halve(number: int) -> float:
    return 1 / number


def kill_oneself(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
