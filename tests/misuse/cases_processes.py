"""fork and multiprocessing: what a child does with what it has inherited, and what the parent notices of it: nothing."""

from __future__ import annotations

from collections.abc import Iterator

from misuse.case import Case

# What a forked child does. It has inherited `context`, `push` and `pull` (connected over tcp), `poller` and `port`.
IN_CHILD = {
    "sends": "print(caught(push.send, b'child'))",
    "sends without a copy": "print(caught(push.send, bytearray(100_000), copy=False))",
    "receives": "print(caught(pull.recv))",
    "polls": "print(caught(pull.poll, 10))",
    "polls with a poller": "print(caught(poller.poll, 10))",
    "asks for an option": "print(caught(pull.get, zmq.EVENTS))",
    "binds": "print(caught(pull.bind, 'tcp://127.0.0.1:*'))",
    "monitors": "print(caught(pull.get_monitor_socket))",
    "runs a proxy": "print(caught(zmq.proxy, pull, push))",
    "opens a socket": "print(caught(context.socket, zmq.PUSH))",
    "closes": "print(caught(push.close), caught(pull.close, linger=0))",
    "terminates": "print(caught(context.term))",
    "destroys": "print(caught(context.destroy, linger=0))",
    "forgets": "del push, pull, poller, context; gc.collect(); print('forgotten')",
    "makes a context of its own": "print(send_home(zmq.Context()))",
    "asks for instance()": "print(send_home(zmq.Context.instance()))",
    "forks again": "print(fork(lambda: send_home(zmq.Context.instance())))",
    "starts a thread that sends": "t = threading.Thread(target=lambda: print(caught(push.send, b'x'))); t.start(); t.join()",
}

WITH_FORK = """
    context = zmq.Context.instance()
    push, pull = connected(context, zmq.PUSH, zmq.PULL, "tcp://127.0.0.1:*", rcvtimeo=5000, sndtimeo=5000)
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    pull_home = context.socket(zmq.PULL)
    pull_home.rcvtimeo = 10_000
    port = pull_home.bind_to_random_port("tcp://127.0.0.1")
    {before}

    def send_home(own):
        assert own is not context
        with own.socket(zmq.PUSH) as socket:
            socket.connect(f"tcp://127.0.0.1:{{port}}")
            socket.send(b"home")
        own.term()

    def child():
        global context, push, pull, poller
        {child}

    status = fork(child)
    {after}
    push.send(b"unharmed")
    assert pull.recv() == b"unharmed"
    assert poller.poll(0) == []
    assert status == 0, status
    context.destroy(linger=0)
    end()
"""

HOME = {"makes a context of its own", "asks for instance()", "forks again"}

PRINTED = {
    "opens a socket": "ENOTSUP", "monitors": "ENOTSUP", "closes": "nothing nothing", "terminates": "nothing", "destroys": "nothing",
    "forgets": "forgotten", "makes a context of its own": "None", "asks for instance()": "None", "forks again": "0",
}

# What a process does that multiprocessing has started, by each of its start methods.
IN_PROCESS = {
    "returns": "pass",
    "sends home": "send_home(port)",
    "forgets an open socket": "zmq.Context.instance().socket(zmq.PUSH).connect('tcp://127.0.0.1:9')",
    "uses instance() and leaves it": "zmq.Context.instance().socket(zmq.PULL).close()",
    "raises": "raise SystemExit(3)",
    "leaves a thread in a receive": (
        "threading.Thread(target=lambda: zmq.Context.instance().socket(zmq.PULL).recv(), daemon=True).start()"),
}

WITH_MULTIPROCESSING = """
    import multiprocessing

    def send_home(port):
        with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
            socket.connect(f"tcp://127.0.0.1:{{port}}")
            socket.send(b"home")

    def work(port):
        {work}

    if __name__ == "__main__":
        with zmq.Context.instance() as context, context.socket(zmq.PULL) as pull:
            pull.rcvtimeo = 20_000
            port = pull.bind_to_random_port("tcp://127.0.0.1")
            method = multiprocessing.get_context({method!r})
            processes = [method.Process(target=work, args=(port,)) for _ in range(2)]
            for process in processes:
                process.start()
            if {home}:
                assert [pull.recv() for _ in processes] == [b"home"] * 2
            for process in processes:
                process.join()
            print([process.exitcode for process in processes])
        end()
"""

OTHERS = {
    "a child is forked while another thread receives": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL)
        received = []

        def receive():
            for _ in range(20):
                received.append(pull.recv())
            pull.close()

        join = start(receive)
        for number in range(20):
            assert fork(lambda: None) == 0
            push.send(b"%d" % number)
        join()
        assert received == [b"%d" % number for number in range(20)]
        context.destroy(linger=0)
        end()
        """,
    "a child is forked while another thread polls": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL)
        poller = zmq.Poller()
        poller.register(pull, zmq.POLLIN)
        seen = []
        join = start(lambda: seen.append(poller.poll(10_000)))
        for _ in range(5):
            assert fork(lambda: poller.wake() if hasattr(poller, "wake") else None) == 0
        assert seen == []
        push.send(b"x")
        join()
        assert seen == [[(pull, zmq.POLLIN)]]
        context.destroy(linger=0)
        end()
        """,
    "a child is forked while buffers are lent": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL)
        buffers = [bytearray(100_000) for _ in range(10)]
        trackers = [push.send(buffer, copy=False, track=True) for buffer in buffers]

        def child():
            buffers.clear()
            trackers.clear()
            gc.collect()

        assert fork(child) == 0
        assert all(len(pull.recv()) == 100_000 for _ in range(10))
        for tracker in trackers:
            tracker.wait(10)
        context.destroy(linger=0)
        end()
        """,
    "a child is forked in a with block": """
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                raise SystemExit(7)             # leaves both, with their __exit__
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
            assert not pull.closed and not context.closed
        end()
        """,
    "a child ends as a program does, with all that it has inherited": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL, "tcp://127.0.0.1:*")
        monitor = pull.get_monitor_socket()
        push.send(bytearray(100_000), copy=False)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            sys.exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
        assert len(pull.recv()) == 100_000
        context.destroy(linger=0)
        end()
        """,
    "a child is forked by another thread than the one that made the sockets": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL)
        status = []

        def in_thread():
            status.append(fork(lambda: print(caught(push.send, b"x"))))

        join = start(in_thread)
        join()
        push.send(b"x")
        assert pull.recv() == b"x" and status == [0]
        context.destroy(linger=0)
        end()
        """,
    "an asyncio program is forked, and the child has a loop of its own": """
        import asyncio
        from importlib import import_module
        azmq = import_module(zmq.__name__ + ".asyncio")

        async def talk():
            context = azmq.Context()
            push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
            port = push.bind_to_random_port("tcp://127.0.0.1")
            pull.connect(f"tcp://127.0.0.1:{port}")
            await push.send(b"x")
            assert await pull.recv() == b"x"
            context.destroy(linger=0)

        async def main():
            context = azmq.Context()
            pull = context.socket(zmq.PULL)
            port = pull.bind_to_random_port("tcp://127.0.0.1")
            waiting = asyncio.ensure_future(pull.recv())
            await asyncio.sleep(0)

            def child():
                asyncio._set_running_loop(None)
                asyncio.run(talk())

            assert fork(child) == 0
            with context.socket(zmq.PUSH) as push:
                push.connect(f"tcp://127.0.0.1:{port}")
                await push.send(b"unharmed")
                assert await waiting == b"unharmed"
            context.destroy(linger=0)

        asyncio.run(main())
        end()
        """,
    "sockets and contexts are pickled": """
        import pickle
        context = zmq.Context()
        socket = context.socket(zmq.PULL)
        print(*[caught(pickle.dumps, thing) for thing in (socket, context, zmq.Poller())])
        context.destroy(linger=0)
        """,
    "a pool of processes works beside open sockets": """
        import concurrent.futures
        import multiprocessing

        def work(number):
            with zmq.Context() as context, context.socket(zmq.PAIR) as first, context.socket(zmq.PAIR) as second:
                first.bind("inproc://x")
                second.connect("inproc://x")
                first.send(b"%d" % number)
                return int(second.recv())

        if __name__ == "__main__":
            context = zmq.Context()
            socket = context.socket(zmq.PULL)
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
                print(sum(pool.map(work, range(20))))
            context.destroy(linger=0)
            end()
        """,
    "every descriptor is closed before fork, behind libzmq's back, in the child only": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL, "tcp://127.0.0.1:*")

        def child():
            os.closerange(3, 1000)
            print(caught(push.send, b"x"), caught(pull.recv))
            with zmq.Context() as own, own.socket(zmq.PUSH) as socket:
                socket.bind("tcp://127.0.0.1:*")

        assert fork(child) == 0
        push.send(b"x")
        assert pull.recv() == b"x"
        context.destroy(linger=0)
        end()
        """,
}
OTHERS_PRINTED = {
    "a child is forked by another thread than the one that made the sockets": "ENOTSOCK\nend",
    "sockets and contexts are pickled": "TypeError TypeError TypeError",
    "a pool of processes works beside open sockets": "190\nend",
    "every descriptor is closed before fork, behind libzmq's back, in the child only": "ENOTSOCK ENOTSOCK\nend",
}


def cases() -> Iterator[Case]:
    for name, child in IN_CHILD.items():
        after = "assert pull_home.recv() == b'home'" if name in HOME else ""
        yield Case(f"fork: a child {name}", WITH_FORK.format(child=child, before="", after=after),
                   f"{PRINTED.get(name, 'ENOTSOCK')}\nend")
    for method in ("fork", "spawn", "forkserver"):
        for name, work in IN_PROCESS.items():
            status = 3 if name == "raises" else 0
            yield Case(
                f"multiprocessing by {method}: a process {name}",
                WITH_MULTIPROCESSING.format(work=work, method=method, home=name == "sends home"),
                f"[{status}, {status}]\nend")
    for name, program in OTHERS.items():
        yield Case(f"fork: {name}", program, OTHERS_PRINTED.get(name, "end"))
