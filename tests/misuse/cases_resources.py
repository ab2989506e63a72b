"""What runs out: file descriptors at every step, sockets of a context, memory, threads."""

from __future__ import annotations

from collections.abc import Iterator

from misuse.case import Case

# Done again and again at each limit, until there is an error, or forty times. What it makes is kept meanwhile.
STEPS = {
    "contexts": "keep(zmq.Context())",
    "contexts with a socket": "keep(zmq.Context()); keep(kept[-1].socket(zmq.PULL))",
    "contexts with four I/O threads": "keep(zmq.Context(4)); keep(kept[-1].socket(zmq.PULL))",
    "sockets": "keep(context().socket(zmq.PULL))",
    "tcp binds": "keep(context().socket(zmq.PUSH)); kept[-1].bind('tcp://127.0.0.1:*')",
    "ipc binds": "keep(context().socket(zmq.PUSH)); kept[-1].bind('ipc://*')",
    "tcp connects": "keep(context().socket(zmq.PUSH)); kept[-1].connect('tcp://127.0.0.1:9')",
    "names to resolve": "keep(context().socket(zmq.PUSH)); kept[-1].connect('tcp://localhost:9')",
    "inproc pairs": "connected_kept(f'inproc://{len(kept)}')",
    "inproc waits": "keep(context().socket(zmq.PUSH)); kept[-1].connect(f'inproc://{len(kept)}')",
    "tcp pairs that talk": "talk(*connected_kept('tcp://127.0.0.1:*'))",
    "monitors": "keep(context().socket(zmq.PUSH)); keep(kept[-1].get_monitor_socket())",
    "pollers": "keep(context().socket(zmq.PULL)); keep(zmq.Poller()); kept[-1].register(kept[-2]); kept[-1].poll(0)",
    "instance()": "keep(zmq.Context.instance().socket(zmq.PUB))",
}
STEPS_BEYOND = {
    "wait_connected": "keep(context().socket(zmq.PUSH)); kept[-1].bind('tcp://127.0.0.1:*'); connected_in_vain(kept[-1])",
    "peers and stats": "keep(context().socket(zmq.PULL)); kept[-1].bind('tcp://127.0.0.1:*'); kept[-1].peers(); kept[-1].stats()",
    "udp binds": "keep(context().socket(zmq.DISH)); kept[-1].bind('udp://127.0.0.1:*')",
    "udp connects": "keep(context().socket(zmq.RADIO)); kept[-1].connect('udp://127.0.0.1:9'); kept[-1].send(b'x', group='x')",
    "thread-safe sockets": "keep(context().socket(zmq.SERVER)); kept[-1].bind('inproc://' + str(len(kept)))",
    "thread-safe sockets that are polled": "keep(context().socket(zmq.SERVER)); kept[-1].poll(0)",
}

DESCRIPTORS = """
    import importlib
    for module in ("constants", "monitor", "endpoint_checks"):      # files, which would need descriptors
        with contextlib.suppress(ImportError):
            importlib.import_module(f"{{zmq.__name__}}.{{module}}")
    warm = zmq.Context()
    warm_up = [warm.socket(zmq.PUSH), warm.socket(zmq.PULL)]
    warm_up[0].bind("tcp://127.0.0.1:*")
    del warm_up
    warm.destroy(linger=0)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    kept, made_one = [], []

    def keep(thing):
        kept.append(thing)

    def context():
        if not made_one:
            made_one.append(zmq.Context())
        return made_one[0]

    def connected_kept(endpoint):
        keep(context().socket(zmq.PUSH))
        keep(context().socket(zmq.PULL))
        kept[-2].linger = 0
        kept[-2].bind(endpoint)
        kept[-1].connect(kept[-2].last_endpoint.decode() if "tcp" in endpoint else endpoint)
        return kept[-2:]

    def talk(push, pull):
        push.sndtimeo = pull.rcvtimeo = 20      # no descriptor may be left to accept the peer with
        try:
            push.send(b"x")
            assert pull.recv() == b"x"
        except zmq.Again:
            pass

    def connected_in_vain(socket):
        try:
            socket.wait_connected(timeout=0)
        except zmq.Again:
            pass

    for limit in {limits}:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
        try:
            for _ in range(40):
                {step}
        except zmq.ZMQError as error:
            assert error.errno in (errno.EMFILE, errno.EINVAL) or {resolving}, (limit, error)
        except OSError as error:        # Python's own
            assert error.errno == errno.EMFILE, (limit, error)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        for thing in kept:
            if isinstance(thing, zmq.Socket):
                thing.close(linger=0)
        for thing in kept + made_one:
            if isinstance(thing, zmq.Context):
                thing.destroy(linger=0)
        kept.clear()
        made_one.clear()
    end()
"""

OTHERS = {
    "descriptors run out in the middle of a conversation": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL, "tcp://127.0.0.1:*", rcvtimeo=5000)
        push.send(b"connected")
        assert pull.recv() == b"connected"
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (4, most))
        for number in range(1000):
            push.send(b"%d" % number)
            assert pull.recv() == b"%d" % number
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        context.destroy(linger=0)
        end()
        """,
    "descriptors have run out when the program ends": """
        from zmqfast import monitor, endpoint_checks        # files, which would need descriptors
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        begun = len(os.listdir("/proc/self/fd"))
        for kind, endpoint in ((zmq.PULL, "tcp://127.0.0.1:*"), (zmq.PUB, "ipc://*"), (zmq.DISH, "udp://127.0.0.1:*"), (zmq.SERVER, "inproc://x")):
            for limit in range(begun, begun + 30, 2):
                sys.stdout.flush()
                pid = os.fork()
                if pid == 0:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
                    try:
                        context = zmq.Context()
                        kept = []
                        for _ in range(20):
                            kept.append(context.socket(kind))
                            if len(kept) == 1 or kind != zmq.SERVER:
                                kept[-1].bind(endpoint)
                    except zmq.ZMQError as error:
                        assert error.errno == errno.EMFILE
                    if limit % 4 == 0:
                        del kept, context
                    sys.exit(0)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                assert status == 0, (endpoint, limit, status)
        end()
        """,
    "a server accepts more peers than it has descriptors for": """
        import socket as plain
        context = zmq.Context()
        pull = context.socket(zmq.PULL)
        pull.rcvtimeo = 10_000
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, most))
        peers = []
        with contextlib.suppress(OSError):
            while True:
                peers.append(plain.create_connection(("127.0.0.1", port)))
        for peer in peers:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        push = context.socket(zmq.PUSH)
        push.connect(f"tcp://127.0.0.1:{port}")
        push.send(b"still here")
        assert pull.recv() == b"still here"
        context.destroy(linger=0)
        end()
        """,
    "a context has room for so many sockets": """
        for most in range(1, 20):
            context = zmq.Context()
            context.max_sockets = most
            sockets = []
            try:
                for _ in range(100):
                    sockets.append(context.socket(zmq.PAIR))
            except zmq.ZMQError as error:
                assert error.errno == errno.EMFILE
            assert 1 <= len(sockets) <= most, (len(sockets), most)
            sockets.pop().close()
            context.destroy(linger=0)
        end()
        """,
    "sockets wait over inproc until a context is full, and it is terminated": """
        for kind in (zmq.PUSH, zmq.PAIR, zmq.ROUTER, zmq.SUB):
            context = zmq.Context()
            context.max_sockets = 50
            try:
                for _ in range(100):
                    with context.socket(kind) as socket:
                        socket.connect("inproc://nobody")
            except zmq.ZMQError as error:
                assert error.errno == errno.EMFILE
            context.term()
        end()
        """,
    "a full context is terminated while a socket waits over inproc": """
        context = zmq.Context()
        context.max_sockets = 3
        waiting, second = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        waiting.connect("inproc://nobody")
        third = context.socket(zmq.PULL)
        if caught(context.term) == "EMFILE":        # libzmq aborts here
            third.close()
            second.close()
            while caught(context.destroy, linger=0) == "EMFILE":
                time.sleep(0.001)
        end()
        """,
    "two of three sockets wait for the third to bind over inproc": """
        context = zmq.Context()
        context.max_sockets = 3
        first, second = context.socket(zmq.PUSH), context.socket(zmq.PUSH)
        first.connect("inproc://x")
        second.connect("inproc://x")
        pull = context.socket(zmq.PULL)
        pull.bind("inproc://x")
        first.send(b"1")
        second.send(b"2")
        assert {pull.recv(), pull.recv()} == {b"1", b"2"}
        context.destroy(linger=0)
        end()
        """,
    "two thousand connections wait over inproc": """
        context = zmq.Context()
        push = context.socket(zmq.PUSH)
        for number in range(2000):
            push.connect(f"inproc://nobody-{number}")
        context.destroy(linger=0)
        context = zmq.Context()
        push = context.socket(zmq.PUSH)
        for number in range(2000):
            push.connect("inproc://nobody")
            push.disconnect("inproc://nobody")
        del push, context
        gc.collect()
        end()
        """,
    "a message is larger than the memory": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL)
        data = bytearray(300 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + (350 << 20), resource.RLIM_INFINITY))
        sent = [caught(push.send, data) for _ in range(3)]
        assert set(sent) <= {"nothing", "MemoryError", "ENOMEM"} and sent[-1] != "nothing", sent
        for _ in range(sent.count("nothing")):
            assert caught(pull.recv) in ("nothing", "MemoryError")
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        del data
        push.send(b"goes on")
        pull.rcvtimeo = 1000
        while True:
            try:
                if pull.recv() == b"goes on":
                    break
            except MemoryError:
                pass
        context.destroy(linger=0)
        end()
        """,
    "a frame is received that is larger than the memory": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL, rcvtimeo=5000)
        data = mmap.mmap(-1, 1100 << 20)    # a Python without a GIL has reserved a GiB for its objects already
        for receive in (pull.recv, pull.recv_multipart, lambda: pull.recv(copy=False).bytes):
            push.send(data, copy=False)
            resource.setrlimit(resource.RLIMIT_AS, (address_space() + (200 << 20), resource.RLIM_INFINITY))
            print(caught(receive))
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        push.send(b"goes on")
        assert pull.recv() == b"goes on"
        context.destroy(linger=0)
        end()
        """,
    "a frame over tcp is larger than the receiver's memory": """
        sys.stdout.flush()
        to_child, from_parent = os.pipe()
        pid = os.fork()
        if pid == 0:
            context = zmq.Context()
            pull = context.socket(zmq.PULL)
            pull.rcvtimeo = 3000
            port = int(os.read(to_child, 20))
            resource.setrlimit(resource.RLIMIT_AS, (address_space() + (200 << 20), resource.RLIM_INFINITY))
            pull.connect(f"tcp://127.0.0.1:{port}")     # not before: the frame would be there, and beyond the limit
            outcome = caught(pull.recv)     # libzmq cannot take the frame in, and leaves the peer
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(outcome)
            sys.stdout.flush()
            context.destroy(linger=0)
            os._exit(0)
        context = zmq.Context()
        push = context.socket(zmq.PUSH)
        push.linger = 0
        port = push.bind_to_random_port("tcp://127.0.0.1")
        data = bytes(500 << 20)     # takes its time, which the other one does not wait
        os.write(from_parent, b"%d" % port)
        push.sndtimeo = 10_000
        push.send(data)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status == 0, status
        context.destroy(linger=0)
        end()
        """,
    "a list of buffers to send is larger than the memory": """
        context = zmq.Context()
        push, pull = connected(context, zmq.PUSH, zmq.PULL, rcvtimeo=2000)
        data = bytearray(100 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + (350 << 20), resource.RLIM_INFINITY))
        came = caught(push.send_multipart, [data] * 10)
        assert came in ("MemoryError", "ENOMEM"), came
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        push.send_multipart([b"whole", b"message"])
        assert pull.recv_multipart() == [b"whole", b"message"]
        context.destroy(linger=0)
        end()
        """,
    "there is no memory for another thread": """
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + (6 << 20), resource.RLIM_INFINITY))
        context = zmq.Context()
        came = caught(context.socket, zmq.PULL)
        assert came in ("EAGAIN", "Again", "MemoryError", "ENOMEM"), came
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        context.socket(zmq.PULL).close()
        context.term()
        end()
        """,
}
OTHERS_PRINTED = {
    "a frame is received that is larger than the memory": "MemoryError\nMemoryError\nMemoryError\nend",
    "a frame over tcp is larger than the receiver's memory": "Again\nend",
}
LIMITS = "range(3, 201)"


def cases() -> Iterator[Case]:
    for name, step in {**STEPS, **STEPS_BEYOND}.items():
        resolving = "limit < 30" if "resolve" in name else "False"      # the resolver has errors of its own
        yield Case(f"resources: descriptors run out for {name}",
                   DESCRIPTORS.format(step=step, limits=LIMITS, resolving=resolving), beyond=name in STEPS_BEYOND)
    for name, program in OTHERS.items():
        yield Case(f"resources: {name}", program, OTHERS_PRINTED.get(name, "end"), beyond="zmqfast" in program)
