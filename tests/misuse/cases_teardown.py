"""What belongs together, torn down in every order: monitors, pollers, proxies, asyncio sockets, devices."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from misuse.case import Case

# `steps` are done in every order, by name; sockets that are left then are closed, and the context is terminated.
ORDERS = """
    import asyncio
    from importlib import import_module
    {begin}
    def ending(call):
        came = caught(call)
        assert came in ("nothing", "ENOTSOCK", "ContextTerminated", "SocketBusy", "KeyError", "ENOENT", "Again", "RuntimeError"), came

    for order in {orders}:
        context = zmq.Context()
        context.linger = 0
        {make}
        for step in order:
            {{{steps}}}[step]()
        {left}
        context.destroy(linger=0)
        gc.collect()
    end()
"""

MONITORS = """
        socket, other = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        {monitor}
        socket.bind("tcp://127.0.0.1:*")
        other.connect(socket.last_endpoint.decode())
        other.send(b"x")
        assert socket.recv() == b"x"
"""
MONITOR_STEPS = {
    "socket": "lambda: ending(lambda: socket.close())",
    "end": "lambda: ending(lambda: end_of.close())",
    "stop": "lambda: ending(lambda: socket.disable_monitor() if not socket.closed else None)",
    "rebind": "lambda: ending(lambda: socket.bind('tcp://127.0.0.1:*'))",
}
MONITOR_WAYS = {
    "get_monitor_socket()": "end_of = socket.get_monitor_socket()",
    "monitor() and a PAIR": (
        "socket.monitor('inproc://m', zmq.EVENT_ALL); end_of = context.socket(zmq.PAIR); end_of.connect('inproc://m')"),
    "a PAIR and then monitor()": (
        "end_of = context.socket(zmq.PAIR); end_of.connect('inproc://m'); socket.monitor('inproc://m', zmq.EVENT_ALL)"),
    "monitor() that nobody reads": "socket.monitor('inproc://m', zmq.EVENT_ALL); end_of = context.socket(zmq.PAIR)",
}

POLLER_STEPS = {
    "close": "lambda: ending(lambda: socket.close())",
    "poll": "lambda: ending(lambda: poller.poll(1))",
    "unregister": "lambda: ending(lambda: poller.unregister(socket))",
    "forget": "lambda: globals().update(poller=zmq.Poller())",
    "term": "lambda: ending(lambda: context.destroy(linger=0))",
}

PROXY = """
        frontend, backend, capture = (context.socket(kind) for kind in (zmq.PULL, zmq.PUSH, zmq.PUB))
        for one in (frontend, backend, capture):
            one.bind("tcp://127.0.0.1:*")
        ended = []

        def run():
            ended.append(caught(zmq.proxy, frontend, backend, capture))
            closed_somehow(frontend, backend, capture)

        source, sink = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        source.connect(frontend.last_endpoint.decode())
        sink.connect(backend.last_endpoint.decode())
        join = start(run)
        source.send(b"x")
        assert sink.recv() == b"x"
"""
PROXY_STEPS = {
    "source": "lambda: ending(lambda: source.close())",
    "sink": "lambda: ending(lambda: sink.close())",
    "frontend": "lambda: ending(lambda: frontend.close())",
    "backend": "lambda: ending(lambda: backend.close())",
    "capture": "lambda: ending(lambda: capture.close())",
}

ASYNCIO_BEGIN = """
    azmq = import_module(zmq.__name__ + ".asyncio")
    """
ASYNCIO_MAKE = """
        async def main():
            acontext = azmq.Context()
            acontext.linger = 0
            pull, push = acontext.socket(zmq.PULL), acontext.socket(zmq.PUSH)
            pull.bind("inproc://async")
            tasks = [asyncio.ensure_future(pull.recv_multipart()), asyncio.ensure_future(pull.recv()),
                     asyncio.ensure_future(push.send(b"x"))]
            await asyncio.sleep(0)

            async def cancel():
                for task in tasks:
                    task.cancel()

            async def close():
                pull.close()
                push.close()

            async def term():
                acontext.destroy(linger=0)

            async def connect():
                ending(lambda: push.connect("inproc://async"))

            async def turn():
                await asyncio.sleep(0)

            async def forget():
                nonlocal pull, push
                pull = push = acontext.socket(zmq.PULL) if not acontext.closed else pull

            for step in order:
                await locals()[step]()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            acontext.destroy(linger=0)

        asyncio.run(main())
"""

OTHERS = {
    "a loop is closed while an asyncio socket waits": ("""
        import asyncio
        from importlib import import_module
        azmq = import_module(zmq.__name__ + ".asyncio")
        context = azmq.Context()
        pull = context.socket(zmq.PULL)
        pull.bind("tcp://127.0.0.1:*")
        for _ in range(3):
            loop = asyncio.new_event_loop()

            async def wait():
                return asyncio.ensure_future(pull.recv())

            task = loop.run_until_complete(wait())
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
            loop.close()
        context.destroy(linger=0)
        end()
        """, "end"),
    "an asyncio socket is used from two loops in two threads": ("""
        import asyncio
        import gc
        import sys
        from importlib import import_module
        azmq = import_module(zmq.__name__ + ".asyncio")
        sys.setswitchinterval(1e-5)     # threads take turns inside every call
        gc.set_threshold(20)
        context = azmq.Context()
        pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        push.connect(f"tcp://127.0.0.1:{port}")

        async def use():
            for _ in range(200):
                try:
                    await push.send(b"x", zmq.DONTWAIT)
                    await asyncio.wait_for(pull.recv(), 0.001)
                except Exception:   # whatever it is: neither library nor loop is made for that
                    pass

        def run():
            for _ in range(10):     # a new loop each time
                try:
                    asyncio.run(use())
                except Exception:
                    pass

        join = start(run, run)
        join()
        context.destroy(linger=0)
        end()
        """, "end"),
    "a callback of an asyncio receive closes, terminates and receives again": ("""
        import asyncio
        from importlib import import_module
        azmq = import_module(zmq.__name__ + ".asyncio")

        async def main():
            for act in ("close", "destroy", "recv"):
                context = azmq.Context()
                pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
                port = pull.bind_to_random_port("tcp://127.0.0.1")
                push.connect(f"tcp://127.0.0.1:{port}")
                futures = [pull.recv() for _ in range(5)]

                def done(future):
                    if act == "close":
                        pull.close(linger=0)
                    elif act == "destroy":
                        context.destroy(linger=0)
                    elif not pull.closed:
                        futures.append(pull.recv())

                for future in futures:
                    future.add_done_callback(done)
                for number in range(3):
                    await push.send(b"%d" % number)
                await asyncio.sleep(0.05)
                for future in futures:
                    future.cancel()
                await asyncio.gather(*futures, return_exceptions=True)
                context.destroy(linger=0)

        asyncio.run(main())
        end()
        """, "end"),
    "an asyncio future is dropped, and the message goes to the next": ("""
        import asyncio
        from importlib import import_module
        azmq = import_module(zmq.__name__ + ".asyncio")

        async def main():
            context = azmq.Context()
            pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
            port = pull.bind_to_random_port("tcp://127.0.0.1")
            push.connect(f"tcp://127.0.0.1:{port}")
            for _ in range(20):
                cancelled = pull.recv()
                cancelled.cancel()
                await push.send(b"x")
                assert await asyncio.wait_for(pull.recv(), 10) == b"x"
            context.destroy(linger=0)

        asyncio.run(main())
        end()
        """, "end"),
    "Ctrl-C ends an asyncio program that waits": ("""
        import asyncio
        from importlib import import_module
        azmq = import_module(zmq.__name__ + ".asyncio")

        async def main():
            pull = azmq.Context.instance().socket(zmq.PULL)
            pull.bind("tcp://127.0.0.1:*")
            interrupt_in(0.1)
            await pull.recv()

        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        azmq.Context.instance().destroy(linger=0)
        end()
        """, "interrupted\nend"),
    "a proxy's sockets are one, closed, or shared with a thread": ("""
        context = zmq.Context()
        one, other = connected(context)
        closed = context.socket(zmq.PULL)
        closed.close()
        print(caught(zmq.proxy, one, closed), caught(zmq.proxy, closed, closed))
        ended = []

        def run():
            ended.append(caught(zmq.proxy, one, one))
            one.close()

        join = start(run)
        other.send(b"echo")
        assert other.recv() == b"echo"
        print(caught(one.send, b"x"))
        other.close()
        context.term()
        join()
        print(*ended)
        end()
        """, "ENOTSOCK ENOTSOCK\nSocketBusy\nContextTerminated\nend"),
    "who hears of the context's end drops what is unsent": ("""
        context = zmq.Context()
        push = context.socket(zmq.PUSH)
        push.connect("tcp://127.0.0.1:1")       # where nobody listens
        push.send(b"unsent")

        def work():
            idle = context.socket(zmq.PULL)
            told.set()
            print(caught(idle.recv))
            idle.close()
            push.close(linger=0)

        told = threading.Event()
        join = start(work)
        told.wait()
        context.term()
        join()
        end()
        """, "ContextTerminated\nend"),
    "a device and its context end in every order": ("""
        from importlib import import_module
        devices = import_module(zmq.__name__ + ".devices")
        threading.excepthook = lambda arguments: None       # a device whose context ends before it has begun
        for _ in range(5):
            device = devices.ThreadDevice(zmq.QUEUE, zmq.PULL, zmq.PUSH)
            context = zmq.Context()
            device.context_factory = lambda: context
            device.bind_in("inproc://in")
            device.bind_out("inproc://out")
            device.start()
            context.term()
            device.join(10)
            assert not device.launcher.is_alive()
        end()
        """, "end"),
}


def orders(title: str, steps: dict[str, str], make: str, left: str = "", begin: str = "", longest: int = 4) -> Iterator[Case]:
    """Every order of these steps that begins with one of them: a case for each beginning."""
    text = ", ".join(f"{name!r}: {step}" for name, step in steps.items())
    for first in steps:
        found = [order for length in range(1, longest + 1) for order in permutations(steps, length) if order[0] == first]
        yield Case(f"teardown: {title}, {first} first",
                   ORDERS.format(begin=begin, orders=found, make=make.strip("\n").lstrip(), steps=text, left=left or "pass"))


def cases() -> Iterator[Case]:
    for way, monitor in MONITOR_WAYS.items():
        yield from orders(f"a monitor by {way}", MONITOR_STEPS, MONITORS.format(monitor=monitor), longest=3)
    yield from orders(
        "a poller", POLLER_STEPS, "socket, other = connected(context); poller = zmq.Poller(); poller.register(socket)")
    yield from orders("a proxy", PROXY_STEPS, PROXY, left="source.close(); sink.close(); context.term(); join()", longest=2)
    steps = {name: f"lambda: {name!r}" for name in ("cancel", "close", "term", "connect", "turn", "forget")}
    yield from orders("asyncio sockets", steps, ASYNCIO_MAKE.replace("for step in order", "for step in order"),
                      begin=ASYNCIO_BEGIN.strip(), longest=3)
    for name, (program, printed) in OTHERS.items():
        yield Case(f"teardown: {name}", program, printed)
