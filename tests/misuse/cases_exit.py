"""The end of a program that has forgotten something, or is in the middle of it: it ends by itself."""

from __future__ import annotations

from collections.abc import Iterator

from misuse.case import Case

# Left open, lent, or unsent when the program ends.
FORGOTTEN = {
    "a context": "context = zmq.Context()",
    "a bound socket": "s = zmq.Context().socket(zmq.PULL); s.bind('tcp://127.0.0.1:*')",
    "a socket that connects in vain": "s = zmq.Context().socket(zmq.PULL); s.connect('tcp://127.0.0.1:9')",
    "instance() and a socket": "zmq.Context.instance().socket(zmq.PUB).bind('inproc://x')",
    "a socket in a global, a context in none": "s = (lambda: zmq.Context().socket(zmq.PUB))()",
    "a connected pair": "c = zmq.Context(); pair = connected(c, endpoint='tcp://127.0.0.1:*'); pair[0].send(b'x')",
    "a lent buffer": "c = zmq.Context(); a, b = connected(c); a.send(bytearray(1 << 20), copy=False)",
    "a tracker of a lent buffer": "c = zmq.Context(); a, b = connected(c); t = a.send(bytearray(1 << 20), copy=False, track=True)",
    "received frames and views": "c = zmq.Context(); a, b = connected(c); a.send(b'x' * 70_000); f = b.recv(copy=False); v = f.buffer",
    "a monitor": "c = zmq.Context(); s = c.socket(zmq.PULL); m = s.get_monitor_socket(); s.bind('tcp://127.0.0.1:*')",
    "a monitor that nobody reads": "c = zmq.Context(); s = c.socket(zmq.PULL); s.monitor('inproc://m'); s.bind('tcp://127.0.0.1:*')",
    "a poller": "p = zmq.Poller(); p.register(zmq.Context().socket(zmq.PULL)); p.poll(1)",
    "a connection that waits over inproc": "s = zmq.Context().socket(zmq.PUSH); s.connect('inproc://nobody'); s.send(b'x')",
    "a cycle": "class C(zmq.Context): pass\nc = C(); s = c.socket(zmq.PULL); c.cycle = s",
    "an unsent message": "c = zmq.Context(); s = c.socket(zmq.PUSH); s.connect('tcp://127.0.0.1:9'); s.send(b'x')",
    "an unsent message that is lent": (
        "c = zmq.Context(); s = c.socket(zmq.PUSH); s.connect('tcp://127.0.0.1:9'); s.send(bytearray(70_000), copy=False)"),
    "a context with linger": "c = zmq.Context(); c.linger = 100; s = c.socket(zmq.PUSH); s.connect('tcp://127.0.0.1:9'); s.send(b'x')",
    "a background device": (
        "from importlib import import_module as i; d = i(zmq.__name__ + '.devices').ThreadDevice(zmq.QUEUE, zmq.PULL, zmq.PUSH)\n"
        "d.bind_in('tcp://127.0.0.1:*'); d.bind_out('tcp://127.0.0.1:*'); d.start()"),
    "an authenticator's thread": (
        "from importlib import import_module as i; c = zmq.Context(); a = i(zmq.__name__ + '.auth.thread').ThreadAuthenticator(c)\n"
        "a.start()"),
    "a log handler": (
        "import logging; from importlib import import_module as i; h = i(zmq.__name__ + '.log.handlers').PUBHandler('inproc://log')\n"
        "logging.getLogger().addHandler(h); logging.warning('words')"),
    "an asyncio socket": (
        "from importlib import import_module as i; a = i(zmq.__name__ + '.asyncio'); s = a.Context().socket(zmq.PULL)"),
    "an asyncio socket whose receive never came": (
        "import asyncio; from importlib import import_module as i; a = i(zmq.__name__ + '.asyncio')\n"
        "async def main():\n    global s\n    s = a.Context().socket(zmq.PULL); s.bind('tcp://127.0.0.1:*')\n"
        "    asyncio.ensure_future(s.recv()); await asyncio.sleep(0)\nasyncio.run(main())"),
    "a socket of a thread that has ended": (
        "c = zmq.Context(); l = threading.local()\ndef f(): l.s = c.socket(zmq.PUSH)\nstart(f)()"),
    "sockets that an atexit function closes": (
        "import atexit; c = zmq.Context(); s = c.socket(zmq.PUSH); atexit.register(c.destroy, linger=0)"),
    "sockets that an atexit function uses": (
        "import atexit; c = zmq.Context(); a, b = connected(c)\n"
        "atexit.register(lambda: (a.send(bytearray(70_000), copy=False), b.recv(copy=False)))"),
    "sockets that an atexit function opens": (
        "import atexit; atexit.register(lambda: zmq.Context.instance().socket(zmq.PULL).bind('tcp://127.0.0.1:*'))"),
    "a finalizer that uses sockets": (
        "class F:\n    def __init__(self): self.c = zmq.Context(); self.a, self.b = connected(self.c)\n"
        "    def __del__(self): self.a.send(b'x'); self.b.recv(); self.c.destroy(linger=0)\nf = F(); f.me = f"),
    "a finalizer that waits for a message": (
        "class F:\n    def __init__(self): self.c = zmq.Context(); self.s = self.c.socket(zmq.PULL); self.s.rcvtimeo = 50\n"
        "    def __del__(self): caught(self.s.recv)\nf = F()"),
}
FORGOTTEN_BEYOND = {
    "a watch": "s = zmq.Context().socket(zmq.PULL); s.bind('tcp://127.0.0.1:*'); caught(s.wait_connected, timeout=0)",
    "a batch and its views": "c = zmq.Context(); a, b = connected(c); a.send(b'x'); k = b.recv_batch(); v = k.data; w = k[0]",
    "a context that exit_linger bounds": (
        "c = zmq.Context(); c.exit_linger = 200; s = c.socket(zmq.PUSH); s.connect('tcp://127.0.0.1:9'); s.send(b'x')"),
}

# What a daemon thread waits in when the program ends.
IN_THREAD = {
    "a receive": "context.socket(zmq.PULL).recv()",
    "a receive into a multipart": "context.socket(zmq.PULL).recv_multipart()",
    "a send": "context.socket(zmq.PUSH).send(b'')",
    "a send of a lent buffer": "context.socket(zmq.PUSH).send(bytearray(70_000), copy=False)",
    "a poll": "context.socket(zmq.PULL).poll()",
    "a poller": "poller.poll()",
    "a proxy": "zmq.proxy(bound(zmq.PULL), bound(zmq.PUSH))",
    "term": "context.socket(zmq.PULL); keep.append(context.socket(zmq.PUSH)); context.term()",
    "a busy loop of messages": "busy()",
    "a busy loop of lent buffers": "busy(bytearray(70_000))",
    "an asyncio loop": "asyncio.run(forever())",
}
IN_THREAD_BEYOND = {
    "wait_connected": "bound(zmq.PULL).wait_connected()",
    "recv_many": "context.socket(zmq.PULL).recv_many()",
    "recv_batch": "context.socket(zmq.PULL).recv_batch()",
    "iteration": "next(iter(context.socket(zmq.PULL)))",
    "a receive of a thread-safe socket": "context.socket(zmq.CLIENT).recv()",
}
WITH_THREAD = """
    import asyncio
    from importlib import import_module
    azmq = import_module(zmq.__name__ + ".asyncio")
    context = zmq.Context()
    keep = []
    poller = zmq.Poller()
    poller.register(context.socket(zmq.PULL), zmq.POLLIN)

    def bound(kind):
        socket = context.socket(kind)
        socket.bind("tcp://127.0.0.1:*")
        return socket

    def busy(body=b"x"):
        first, second = connected(context, zmq.PUSH, zmq.PULL)
        while True:
            first.send(body, copy=False)
            second.recv(copy=False)

    async def forever():
        socket = azmq.Context().socket(zmq.PULL)
        socket.bind("tcp://127.0.0.1:*")
        await socket.recv()

    inside = threading.Event()

    def wait():
        inside.set()
        {wait}

    threading.Thread(target=wait, daemon=True).start()
    inside.wait()
    time.sleep(0.05)            # most will be inside; the exit must be right wherever they are
    {leave}
"""
LEAVING = {"by its end": "end()", "by sys.exit": "end(); sys.exit()", "by os._exit": "end(); os._exit(0)"}

# Where sys.exit() is called from.
INSIDE = {
    "a signal handler during a receive": """
        context = zmq.Context()
        signal.signal(signal.SIGUSR1, lambda number, frame: sys.exit(0))
        interrupt_in(0.05, signal.SIGUSR1)
        end()
        context.socket(zmq.PULL).recv()
        """,
    "a generator of messages": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL)
        end()
        push.send_multipart(sys.exit(0) for _ in range(2))
        """,
    "an asyncio task": """
        import asyncio
        from importlib import import_module
        azmq = import_module(zmq.__name__ + ".asyncio")

        async def main():
            socket = azmq.Context().socket(zmq.PULL)
            socket.bind("tcp://127.0.0.1:*")
            asyncio.get_running_loop().call_later(0.01, sys.exit, 0)
            await socket.recv()

        end()
        asyncio.run(main())
        """,
    "a finalizer of a lent buffer": """
        sys.unraisablehook = lambda unraisable: None

        left = []

        class Leaving(bytearray):
            def __del__(self):
                left.append(self)
                sys.exit(0)

        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL)
        push.send(Leaving(70_000), copy=False)
        pull.recv()
        while not left:
            push.send(b"", copy=False)
            pull.recv()
        end()
        """,
    "a loop of a stream": """
        try:
            import tornado
        except ImportError:
            end()
            sys.exit(0)
        import asyncio
        from importlib import import_module
        zmqstream = import_module(zmq.__name__ + ".eventloop.zmqstream")

        async def main():
            context = zmq.Context()
            push, pull = connected(context, zmq.PUSH, zmq.PULL)
            stream = zmqstream.ZMQStream(pull)
            stream.on_recv(lambda frames: (end(), os._exit(0)))
            push.send(b"x")
            await asyncio.sleep(10)

        asyncio.run(main())
        """,
    "__exit__ of a context": """
        class Context(zmq.Context):
            def __exit__(self, *args):
                super().__exit__(*args)
                end()
                sys.exit(0)

        with Context() as context:
            context.socket(zmq.PULL).bind("tcp://127.0.0.1:*")
        """,
}

# A program that sends, forgets everything, and ends; and the peer that receives what then arrives.
DELIVERS = """
    import subprocess

    def work():
        context = zmq.Context()
        push = context.socket(zmq.PUSH)
        push.connect(f"tcp://127.0.0.1:{{sys.argv[1]}}")
        for number in range(5000):
            push.send(b"%d" % number)
        {keep}

    if len(sys.argv) > 1:
        work()
    else:
        context = zmq.Context()
        pull = context.socket(zmq.PULL)
        pull.rcvhwm = 10
        pull.rcvtimeo = 20_000
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        process = subprocess.Popen([sys.executable, __file__, str(port)])
        assert [int(pull.recv()) for _ in range(5000)] == list(range(5000))
        print(process.wait())
        context.destroy(linger=0)
        end()
"""

NOWHERE = {
    "a forgotten context waits for a peer that does not exist, until Ctrl-C": ("""
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def forget():
            context = zmq.Context()
            push = context.socket(zmq.PUSH)
            push.connect("tcp://127.0.0.1:9")
            push.send(b"x")
            interrupt_in(0.2)

        try:
            forget()
            for _ in range(200):
                time.sleep(0.1)
        except KeyboardInterrupt:
            print("interrupted")
        sys.stdout.flush()
        os._exit(0)
        """, "interrupted"),
    "an exit that waits for ever for a peer that does not exist, until Ctrl-C": ("""
        import atexit
        signal.signal(signal.SIGINT, signal.default_int_handler)
        context = zmq.Context()
        push = context.socket(zmq.PUSH)
        push.connect("tcp://127.0.0.1:9")
        push.send(b"x")

        def finish():
            interrupt_in(0.2)
            try:
                context.destroy()
            except KeyboardInterrupt:
                print("interrupted")
                sys.stdout.flush()
                os._exit(0)

        atexit.register(finish)
        """, "interrupted"),
}


def cases() -> Iterator[Case]:
    for name, forgotten in {**FORGOTTEN, **FORGOTTEN_BEYOND}.items():
        yield Case(f"exit: with {name} forgotten", f"{forgotten}\nend()", beyond=name in FORGOTTEN_BEYOND)
    for name, wait in {**IN_THREAD, **IN_THREAD_BEYOND}.items():
        for how, leave in LEAVING.items():
            yield Case(f"exit: {how}, with a daemon thread in {name}", WITH_THREAD.format(wait=wait, leave=leave),
                       beyond=name in IN_THREAD_BEYOND)
    for name, program in INSIDE.items():
        yield Case(f"exit: inside {name}", program)
    for name, keep in {"forgotten by a function": "pass", "in a cycle": "context.sockopts[-1] = context"}.items():
        yield Case(f"exit: a context {name} delivers what was sent", DELIVERS.format(keep=keep), "0\nend")
    for name, (program, printed) in NOWHERE.items():
        yield Case(f"exit: {name}", program, printed)
