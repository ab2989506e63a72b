"""Two threads in one socket at once: every pair of operations, and what threads do to contexts and pollers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

from misuse.case import Case

# Each is done again and again by its thread to `socket`, a PAIR whose peer sends; none waits for long.
OPERATIONS = {
    "send": "socket.send(BODY, zmq.DONTWAIT)",
    "send without a copy": "socket.send(bytearray(BODY * 3000), zmq.DONTWAIT, copy=False)",
    "send_multipart": "socket.send_multipart([BODY, BODY * 100], zmq.DONTWAIT)",
    "recv": "check(socket.recv())",
    "recv with DONTWAIT": "check(socket.recv(zmq.DONTWAIT, copy=False).bytes)",
    "recv_multipart": "check(*socket.recv_multipart())",
    "poll": "socket.poll(1)",
    "a poller": "poll()",
    "get EVENTS": "socket.get(zmq.EVENTS)",
    "set": "socket.set(zmq.SNDHWM, 5)",
    "bind and unbind": "socket.bind('inproc://more'); socket.unbind('inproc://more')",
    "connect and disconnect": "socket.connect('inproc://more'); socket.disconnect('inproc://more')",
    "monitor": "socket.monitor('inproc://monitor'); socket.monitor(None, 0)",
    "close": "socket.close(linger=0); raise Finished",
    "shutdown": "context.shutdown(); raise Finished",
    "term": "context.term(); raise Finished",
    "destroy": "context.destroy(linger=0); raise Finished",
}

BEYOND = {
    "send_many": "socket.send_many([BODY] * 5, zmq.DONTWAIT)",
    "recv_many": "check(*socket.recv_many(5, zmq.DONTWAIT))",
    "recv_batch": "check(*socket.recv_batch(batch, 5, zmq.DONTWAIT).tolist())",
    "try_send and try_recv": "socket.try_send(BODY); check(socket.try_recv(BODY))",
    "peers": "socket.peers()",
    "wait_connected": "socket.wait_connected(timeout=0)",
}

# Both threads go on until a socket or context is closed, or for a while. Then whoever is left closes the rest.
PAIR_OF_OPERATIONS = """
    BODY = b"body"

    class Finished(Exception):
        pass

    def check(*bodies):
        for body in bodies:
            if body.replace(BODY, b""):
                print("corrupt:", body[:50])

    def loop(operation):
        try:
            while not over.is_set():
                try:
                    operation()
                except zmq.ZMQError as error:
                    if socket.closed or isinstance(error, zmq.ContextTerminated):
                        return
                except AttributeError:      # the handle that close() takes away: reported, not a crash
                    if not socket.closed:
                        raise
        except Finished:
            over.set()
        finally:
            over.set()

    ROUNDS, ROUND_S = {rounds}
    for _ in range(ROUNDS):
        context = zmq.Context()
        socket, peer = connected(context, rcvtimeo=1, sndtimeo=1, rcvhwm=5, sndhwm=5)
        batch = zmq.Batch() if hasattr(zmq, "Batch") else None
        poller = zmq.Poller()
        poller.register(socket)
        over = threading.Event()

        def poll():
            poller.poll(1)

        def first():
            {first}

        def second():
            {second}

        def feed():
            try:
                peer.send(BODY, zmq.DONTWAIT)
                peer.recv(zmq.DONTWAIT)
            except zmq.Again:
                time.sleep(0.0005)

        def first_thread():
            loop(first)
            closed_somehow(socket)

        def second_thread():
            loop(second)
            closed_somehow(socket)

        def feeding_thread():
            loop(feed)
            closed_somehow(peer, socket)

        join = start(first_thread, second_thread, feeding_thread)
        over.wait(ROUND_S)
        over.set()
        join()
        context.term()
    end()
"""

ENDING = {"close", "shutdown", "term", "destroy"}


def cases() -> Iterator[Case]:
    for first, second in combinations_with_replacement([*OPERATIONS, *BEYOND], 2):
        both = {**OPERATIONS, **BEYOND}
        rounds = "5, 0.05" if {first, second} & ENDING else "1, 0.1"
        yield Case(
            f"threads: {first} beside {second}",
            PAIR_OF_OPERATIONS.format(first=both[first], second=both[second], rounds=rounds),
            beyond=bool({first, second} & BEYOND.keys()))
    for name, program in OTHERS.items():
        yield Case(f"threads: {name}", program, beyond="(zmqfast)" in name)


OTHERS = {
    "sockets connect to inproc endpoints that nobody binds, while the context is terminated": """
        for _ in range(30):
            context = zmq.Context()
            sockets = [context.socket(kind) for kind in (zmq.PAIR, zmq.DEALER, zmq.ROUTER, zmq.SUB)]

            def connect(socket):
                with contextlib.suppress(zmq.ZMQError):     # ContextTerminated, or ENOENT: the wait was ended
                    for number in range(100_000):
                        socket.connect(f"inproc://nobody-{number % 3}")
                        socket.disconnect(f"inproc://nobody-{number % 3}")
                closed_somehow(socket)

            def connect_refused(socket):            # a ROUTER may not leave while others wait beside it
                with contextlib.suppress(zmq.ContextTerminated):
                    while True:
                        with contextlib.suppress(zmq.Again):
                            socket.recv(zmq.DONTWAIT)
                        socket.connect("inproc://nobody-1")
                closed_somehow(socket)

            join = start(*[lambda socket=socket: connect(socket) for socket in sockets[:2]],
                         *[lambda socket=socket: connect_refused(socket) for socket in sockets[2:]])
            time.sleep(0.003)
            context.term()
            join()
        end()
        """,
    "one context is terminated by four threads": """
        for _ in range(20):
            context = zmq.Context()
            sockets = [context.socket(zmq.PULL) for _ in range(3)]
            join = start(*[context.term] * 4, *[lambda socket=socket: socket.close() for socket in sockets])
            join()
            assert context.closed
        end()
        """,
    "a context is destroyed while threads open sockets": """
        for _ in range(20):
            context = zmq.Context()

            def open_some():
                kept = []
                try:
                    while True:
                        kept.append(context.socket(zmq.PUSH))
                except (zmq.ZMQError, RuntimeError):
                    closed_somehow(*kept)

            join = start(open_some, open_some, lambda: context.destroy(linger=0))
            join()
            assert context.closed
        end()
        """,
    "a context is terminated while threads get and set its options": """
        for _ in range(20):
            context = zmq.Context()
            context.socket(zmq.PULL).close()

            def use():
                with contextlib.suppress(zmq.ZMQError, RuntimeError):
                    while True:
                        context.set(zmq.MAX_SOCKETS, 100)
                        context.get(zmq.MAX_SOCKETS)

            join = start(use, use, context.term)
            join()
        end()
        """,
    "instance() is asked for by many threads": """
        found = set()
        join = start(*[lambda: found.add(zmq.Context.instance())] * 8)
        join()
        assert len(found) == 1
        zmq.Context.instance().term()
        end()
        """,
    "sockets of one context are opened and closed by four threads": """
        context = zmq.Context()

        def use():
            for number in range(100):
                socket, other = (context.socket(zmq.PAIR) for _ in range(2))
                endpoint = f"inproc://{threading.get_ident()}-{number}"
                socket.bind(endpoint)
                other.connect(endpoint)
                socket.send(b"x")
                assert other.recv() == b"x"
                socket.close()
                other.close()

        join = start(use, use, use, use)
        join()
        context.term()
        end()
        """,
    "sockets are forgotten in other threads than they were made in": """
        context = zmq.Context()
        sockets = [context.socket(zmq.PAIR) for _ in range(200)]
        for number, socket in enumerate(sockets):
            (socket.bind if number % 2 == 0 else socket.connect)(f"inproc://{number // 2}")
        del socket

        def forget():
            while True:
                try:
                    sockets.pop()
                except IndexError:
                    return

        join = start(forget, forget, forget)
        join()
        context.term()
        end()
        """,
    "a thread ends with its socket open": """
        context = zmq.Context()
        local = threading.local()

        def use():
            local.socket = context.socket(zmq.PUSH)
            local.socket.linger = 0
            local.socket.connect("tcp://127.0.0.1:9")
            local.socket.send(b"x")

        join = start(*[use] * 10)
        join()
        context.term()
        end()
        """,
    "one poller is used by three threads": """
        context = zmq.Context()
        socket, peer = connected(context)
        poller = zmq.Poller()
        over = threading.Event()

        def poll():
            while not over.is_set():
                with contextlib.suppress(zmq.ZMQError):
                    poller.poll(1)

        def change():
            while not over.is_set():
                with contextlib.suppress(KeyError):
                    poller.register(socket, zmq.POLLIN)
                    poller.modify(socket, zmq.POLLOUT)
                    poller.unregister(socket)

        join = start(poll, poll, change, change)
        time.sleep(0.3)
        over.set()
        join()
        context.destroy(linger=0)
        end()
        """,
    "a socket is closed while a poller of another thread waits for it": """
        context = zmq.Context()
        for _ in range(10):
            socket = context.socket(zmq.PULL)
            poller = zmq.Poller()
            poller.register(socket, zmq.POLLIN)
            seen = []
            inside = threading.Event()

            def poll():
                inside.set()
                seen.append(caught(poller.poll, 2000))

            join = start(poll)
            inside.wait()
            time.sleep(0.005)
            closed_somehow(socket)
            join()
            assert seen[0] in ("nothing", "ENOTSOCK"), seen
        context.term()
        end()
        """,
    "one tracker is waited for by many threads": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL)
        tracker = push.send(bytearray(1 << 20), copy=False, track=True)
        join = start(*[lambda: tracker.wait(10)] * 6)
        assert len(pull.recv()) == 1 << 20
        join()
        assert tracker.done
        context.destroy(linger=0)
        end()
        """,
    "lent buffers come back to four threads that send and drop": """
        context = zmq.Context()

        def use(number):
            push, pull = connected(context, zmq.PUSH, zmq.PULL, f"inproc://{number}")
            for _ in range(200):
                push.send(bytearray(70_000), copy=False)
                frame = pull.recv(copy=False)
                assert len(frame.buffer) == 70_000
            closed_somehow(push, pull)

        join = start(*[lambda number=number: use(number) for number in range(4)])
        join()
        context.term()
        end()
        """,
    "one frame is read, copied and sent by three threads": """
        import copy
        context = zmq.Context()
        frame = zmq.Frame(bytearray(b"x" * 100_000), copy=False, track=True)

        def use(number):
            push, pull = connected(context, zmq.PUSH, zmq.PULL, f"inproc://{number}")
            for _ in range(100):
                push.send(copy.copy(frame), copy=False)
                assert pull.recv() == b"x" * 100_000
                assert frame.bytes[:3] == bytes(frame.buffer[:3]) == b"xxx"
            closed_somehow(push, pull)

        join = start(*[lambda number=number: use(number) for number in range(3)])
        join()
        context.term()
        end()
        """,
    "a poller's wake() comes from three threads while it is polled and dropped (zmqfast)": """
        context = zmq.Context()
        for _ in range(10):
            poller = zmq.Poller()
            poller.register(context.socket(zmq.PULL), zmq.POLLIN)
            over = threading.Event()

            def wake(poller):
                while not over.is_set():
                    poller.wake()

            join = start(*[lambda poller=poller: wake(poller)] * 3)
            for _ in range(20):
                assert poller.poll(10_000) == []
            del poller
            over.set()
            join()
        context.destroy(linger=0)
        end()
        """,
    "wait_connected waits in two threads while the socket is closed (zmqfast)": """
        context = zmq.Context()
        for _ in range(10):
            pull = context.socket(zmq.PULL)
            pull.bind("tcp://127.0.0.1:*")
            seen = []
            join = start(*[lambda: seen.append(caught(pull.wait_connected, timeout=5))] * 2)
            time.sleep(0.005)
            closed_somehow(pull)
            join()
            assert set(seen) <= {"ENOTSOCK", "SocketBusy"}, seen
        context.term()
        end()
        """,
    "a batch is received into by two threads (zmqfast)": """
        context = zmq.Context()
        batch = zmq.Batch()
        errors = set()

        def use(number):
            push, pull = connected(context, zmq.PUSH, zmq.PULL, f"inproc://{number}")
            for _ in range(200):
                push.send_many([b"x" * 5000] * 20)
                try:
                    pull.recv_batch(batch)
                    for view in batch:
                        assert not bytes(view).strip(b"x")
                except Exception as error:
                    errors.add(type(error).__name__)
                pull.recv_many(100, zmq.DONTWAIT)
            closed_somehow(push, pull)

        join = start(lambda: use(1), lambda: use(2))
        join()
        assert errors <= {"IndexError", "ZMQError", "SocketBusy", "BufferError"}, errors
        context.term()
        end()
        """,
}
