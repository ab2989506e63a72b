"""Signals in every call that waits: storms, handlers that raise, Ctrl-C, in the main thread and beside others."""

from __future__ import annotations

from collections.abc import Iterator

from misuse.case import Case

# Each waits for ever where `limit` is None, else for about that many seconds. `lone` sockets have no peer.
WAITS = {
    "recv": "lone(zmq.PULL, limit).recv()",
    "recv_multipart": "lone(zmq.PULL, limit).recv_multipart()",
    "recv_json": "lone(zmq.PULL, limit).recv_json()",
    "send": "lone(zmq.PUSH, limit).send(b'')",
    "send without a copy": "lone(zmq.PUSH, limit).send(bytearray(100_000), copy=False)",
    "send_multipart": "lone(zmq.PUSH, limit).send_multipart([b'a', b'b'])",
    "send to a full queue": "full(limit).send(b'')",
    "poll": "lone(zmq.PULL).poll(None if limit is None else limit * 1000)",
    "a poller": "poller(lone(zmq.PULL)).poll(None if limit is None else limit * 1000)",
    "a poller with a descriptor": "poller(lone(zmq.PULL), os.pipe()[0]).poll(None if limit is None else limit * 1000)",
    "zmq_poll": "zmq.zmq_poll([(lone(zmq.PULL), zmq.POLLIN)], -1 if limit is None else int(limit * 1000))",
    "select": "zmq.select([lone(zmq.PULL)], [], [], limit)",
}
WAITS_BEYOND = {
    "recv_many": "lone(zmq.PULL, limit).recv_many()",
    "recv_batch": "lone(zmq.PULL, limit).recv_batch()",
    "recv with a timeout": "lone(zmq.PULL).recv(timeout=limit)",
    "recv_into": "lone(zmq.PULL, limit).recv_into(bytearray(8))",
    "send_many": "lone(zmq.PUSH, limit).send_many([b'a'])",
    "a receive of a thread-safe socket": "lone(zmq.CLIENT, limit).recv()",
    "wait_connected": "bound(zmq.PULL).wait_connected(timeout=limit)",
}
# Has no limit.
UNLIMITED = {
    "a proxy": "zmq.proxy(bound(zmq.PULL), bound(zmq.PUSH))",
    "a steerable proxy": "zmq.proxy_steerable(bound(zmq.PULL), bound(zmq.PUSH), None, bound(zmq.PAIR))",
    "a device": "device_of(zmq).start()",
    "term": "keep.append(lone(zmq.PUSH)); context.term()",
    "destroy with linger": "unsent(); context.destroy(linger=-1)",
    "leaving a context with unsent messages": "unsent(); context.__exit__(None, None, None)",
}
UNLIMITED_BEYOND = {
    "iteration": "next(iter(lone(zmq.PULL)))",
}
TRACKED = {"a tracker": "tracked().wait(-1 if limit is None else limit)"}

BEGIN = """
    context = zmq.Context()
    keep = []

    def lone(kind, limit=None):
        socket = context.socket(kind)
        socket.linger = 0
        if limit is not None:
            socket.rcvtimeo = socket.sndtimeo = int(limit * 1000)
        keep.append(socket)
        return socket

    def bound(kind):
        socket = lone(kind)
        socket.bind("tcp://127.0.0.1:*")
        return socket

    def full(limit):
        first, second = connected(context, zmq.PUSH, zmq.PULL, "inproc://full", sndhwm=1, rcvhwm=1)
        keep.extend([first, second])
        if limit is not None:
            first.sndtimeo = int(limit * 1000)
        try:
            while True:
                first.send(b"", zmq.DONTWAIT)
        except zmq.Again:
            return first

    def poller(*sources):
        poller = zmq.Poller()
        for source in sources:
            poller.register(source, zmq.POLLIN)
        return poller

    def tracked():
        push, pull = connected(context, zmq.PUSH, zmq.PULL, "inproc://tracked")
        keep.extend([push, pull])
        return push.send(bytearray(100_000), copy=False, track=True)

    def unsent():
        socket = context.socket(zmq.PUSH)
        socket.connect("tcp://127.0.0.1:9")
        socket.send(b"x")

    def device_of(zmq):
        import importlib
        device = importlib.import_module(zmq.__name__ + ".devices").Device(zmq.QUEUE, zmq.PULL, zmq.PUSH)
        device.bind_in("tcp://127.0.0.1:*")
        device.bind_out("tcp://127.0.0.1:*")
        return device

    def waiting(limit):
        {wait}
"""
# Leaves by os._exit: what a context that could not end waits for is another case.
STORM = BEGIN + """
    handled = []
    alarm_every(0.003, lambda number, frame: handled.append(number))
    began = time.monotonic()
    came = caught(waiting, 0.15)
    took = time.monotonic() - began
    alarm_every(0)
    assert came in ("nothing", "Again", "NotDone"), came
    assert 0.14 < took < 10, took
    assert handled
    context.destroy(linger=0)
    end()
"""
RAISING = BEGIN + """
    def handler(number, frame):
        raise Interrupt

    signal.signal(signal.SIGUSR1, handler)
    interrupt_in(0.05, signal.SIGUSR1)
    try:
        waiting(None)
    except Interrupt:
        end()
    sys.stdout.flush()
    os._exit(0)
"""
CTRL_C = BEGIN + """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt_in(0.05)
    try:
        waiting(None)
    except KeyboardInterrupt:
        end()
    sys.stdout.flush()
    os._exit(0)
"""
CTRL_C_BESIDE = BEGIN + """
    others = zmq.Context()
    there, came = [], []

    def other(kind, call):
        with others.socket(kind) as socket:
            there.append(socket)
            came.append(caught(call, socket))

    join = start(*[lambda: other(zmq.PULL, lambda socket: socket.recv())] * 2,
                 lambda: other(zmq.PULL, lambda socket: socket.poll()))
    while len(there) < 3:
        time.sleep(0.001)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt_in(0.05)
    try:
        waiting(None)
    except KeyboardInterrupt:
        print("interrupted")
    others.term()               # the others did not notice, and are told now
    join()
    print("\\n".join(came), flush=True)
    os._exit(0)
"""

OTHERS = {
    "a handler closes the socket that receives": ("""
        context = zmq.Context()
        pull = context.socket(zmq.PULL)
        signal.signal(signal.SIGUSR1, lambda number, frame: pull.close())
        interrupt_in(0.05, signal.SIGUSR1)
        print(caught(pull.recv))
        context.term()
        end()
        """, "ENOTSOCK\nend"),
    "a handler terminates the context in which it interrupts a receive": ("""
        context = zmq.Context()
        pull = context.socket(zmq.PULL)
        signal.signal(signal.SIGUSR1, lambda number, frame: context.destroy(linger=0))
        interrupt_in(0.05, signal.SIGUSR1)
        print(caught(pull.recv))
        end()
        """, "ENOTSOCK\nend"),
    "a handler sends on the socket that receives, again and again": ("""
        context = zmq.Context()
        first, second = connected(context)
        received = []

        def handler(number, frame):
            first.send(b"x")
            received.append(second.recv())

        alarm_every(0.002, handler)
        first.rcvtimeo = 200
        print(caught(first.recv))
        alarm_every(0)
        assert len(received) > 5 and set(received) == {b"x"}
        context.destroy(linger=0)
        end()
        """, "Again\nend"),
    "a handler receives on the socket that receives": ("""
        context = zmq.Context()
        first, second = connected(context)
        signal.signal(signal.SIGUSR1, lambda number, frame: print(caught(first.recv, zmq.DONTWAIT)))
        interrupt_in(0.05, signal.SIGUSR1)
        first.rcvtimeo = 1000
        print(caught(first.recv))
        context.destroy(linger=0)
        end()
        """, "Again\nAgain\nend"),
    "a handler raises in the middle of ten thousand sends and receives": ("""
        context = zmq.Context()
        first, second = connected(context, zmq.PUSH, zmq.PULL, sndhwm=0, rcvhwm=0)

        def handler(number, frame):
            if frame.f_code.co_name == "step":
                raise Interrupt

        def step(call, *args):
            return call(*args)

        alarm_every(0.001, handler)
        sent = interrupts = 0
        while sent < 10_000 or interrupts < 20:
            try:
                step(first.send_multipart, [b"%d" % sent, b"x" * 100])
                sent += 1
            except Interrupt:
                interrupts += 1
        last = -1
        while True:
            try:
                number, body = step(second.recv_multipart, zmq.DONTWAIT)
            except Interrupt:
                continue
            except zmq.Again:
                break
            assert body == b"x" * 100 and int(number) >= last, number      # whole messages, in order
            last = int(number)
        alarm_every(0)
        print(last >= sent - 1 - interrupts)
        context.destroy(linger=0)
        end()
        """, "True\nend"),
    "a handler raises during connect, bind, socket() and term()": ("""
        def handler(number, frame):
            if frame.f_code.co_name == "step":
                raise Interrupt

        contexts = []

        def step():
            context = zmq.Context()
            contexts.append(context)
            socket = context.socket(zmq.PUSH)
            socket.linger = 0
            socket.bind("tcp://127.0.0.1:*")
            socket.connect("tcp://127.0.0.1:9")
            socket.close()
            context.term()

        alarm_every(0.0007, handler)
        for _ in range(300):
            with contextlib.suppress(Interrupt):
                step()
        alarm_every(0)
        for context in contexts:
            context.destroy(linger=0)
        end()
        """, "end"),
    "Ctrl-C comes twice in a program that lingers": ("""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupt_in(0.1)
        try:
            with zmq.Context() as context:
                with context.socket(zmq.PUSH) as push:
                    push.connect("tcp://127.0.0.1:9")
                    push.send(b"x")
                try:
                    context.term()
                except KeyboardInterrupt:
                    print("once")
                    interrupt_in(0.1)
                    raise
        except KeyboardInterrupt:
            print("twice")
        sys.stdout.flush()
        os._exit(0)
        """, "once\ntwice"),
    "signals come while lent buffers come back": ("""
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL, "tcp://127.0.0.1:*")
        alarm_every(0.001)
        for _ in range(300):
            push.send(bytearray(50_000), copy=False)
            assert len(pull.recv()) == 50_000
        alarm_every(0)
        context.destroy(linger=0)
        end()
        """, "end"),
    "SIGINT is ignored": ("""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        context = zmq.Context()
        pull = context.socket(zmq.PULL)
        pull.rcvtimeo = 300
        interrupt_in(0.05)
        print(caught(pull.recv))
        context.destroy(linger=0)
        end()
        """, "Again\nend"),
    "SIGPIPE has its default action when a peer is gone": ("""
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL, "tcp://127.0.0.1:*")
        push.send(b"x")
        assert pull.recv() == b"x"
        pull.close(linger=0)
        for _ in range(100):
            caught(push.send, b"x" * 100_000, zmq.DONTWAIT)
            time.sleep(0.002)
        context.destroy(linger=0)
        end()
        """, "end"),
}


def cases() -> Iterator[Case]:
    limited = {**WAITS, **TRACKED, **WAITS_BEYOND}
    beyond = WAITS_BEYOND.keys() | UNLIMITED_BEYOND.keys()
    for name, wait in limited.items():
        yield Case(f"signals: a storm during {name}", STORM.format(wait=wait), beyond=name in beyond)
    for name, wait in {**limited, **UNLIMITED, **UNLIMITED_BEYOND}.items():
        yield Case(f"signals: a handler raises during {name}", RAISING.format(wait=wait), beyond=name in beyond)
        yield Case(f"signals: Ctrl-C during {name}", CTRL_C.format(wait=wait), beyond=name in beyond)
        if name not in TRACKED:
            yield Case(f"signals: Ctrl-C during {name}, beside three threads that wait",
                       CTRL_C_BESIDE.format(wait=wait), "interrupted\n" + "ContextTerminated\n" * 3, beyond=name in beyond)
    for name, (program, printed) in OTHERS.items():
        yield Case(f"signals: {name}", program, printed)
