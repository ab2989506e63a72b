"""Lifetimes: cycles, finalizers, objects used before they were made or after they were closed, what refers to what."""

from __future__ import annotations

from collections.abc import Iterator

from misuse.case import Case

# What keeps what alive in a cycle, which is collected then.
CYCLES = {
    "a socket and its context": "context.mine = socket; socket.mine = context",
    "a socket and itself": "socket.mine = socket",
    "a poller and its socket": "poller = zmq.Poller(); poller.register(socket); socket.mine = poller",
    "a monitor's end and its socket": "socket.mine = [socket.get_monitor_socket(), socket]",
    "a frame's buffer and its socket": "class B(bytearray): pass\n    b = B(100_000); b.mine = socket; socket.mine = zmq.Frame(b, copy=False)",
    "a sent buffer and its socket": "class B(bytearray): pass\n    b = B(100_000); b.mine = socket; other.send(b, copy=False)",
    "two contexts, each with the other's socket": (
        "context.mine = Context(); context.mine.mine = socket; context.mine.socket(zmq.PULL).mine = context"),
    "a finalizer that closes": "socket.mine = Closing(socket)",
    "a finalizer that terminates": "socket.mine = Terminating(context)",
    "a finalizer that sends": "socket.mine = Sending(socket)",
    "a finalizer that brings back": "socket.mine = Returning(socket)",
}

IN_CYCLE = """
    import threading

    class Socket(zmq.Socket):
        mine = None

    class Context(zmq.Context):
        mine = None
        _socket_class = Socket

    returned = []

    class Finalizing:
        def __init__(self, thing):
            self.thing = thing

    class Closing(Finalizing):
        def __del__(self):
            self.thing.close(linger=0)

    class Terminating(Finalizing):
        def __del__(self):
            self.thing.destroy(linger=0)

    class Sending(Finalizing):
        def __del__(self):
            caught(self.thing.send, b"last words", zmq.DONTWAIT)

    class Returning(Finalizing):
        def __del__(self):
            returned.append(self.thing)

    def make():
        context = Context()
        socket, other = connected(context, zmq.PAIR, zmq.PAIR)
        {cycle}

    beside = start(lambda: [gc.collect() for _ in range(20)])
    for _ in range(20):
        make()
        gc.collect()
    beside()
    for thing in returned:
        caught(thing.send, b"back", zmq.DONTWAIT)
        thing.close(linger=0)
    returned.clear()
    thing = None
    gc.collect()
    end()
"""

# What is called on each thing that is closed, or was never made.
CALLS = {
    "socket": ["send(b'')", "recv()", "send_multipart([b''])", "recv_multipart()", "poll(1)", "get(zmq.LINGER)",
               "set(zmq.LINGER, 1)", "bind('inproc://x')", "connect('inproc://x')", "unbind('inproc://x')",
               "disconnect('inproc://x')", "monitor('inproc://m')", "get_monitor_socket()", "close()", "__repr__()",
               "fileno()", "send_string('')", "recv_json()", "closed", "underlying", "linger", "context", "__enter__()"],
    "context": ["socket(zmq.PULL)", "get(zmq.IO_THREADS)", "set(zmq.IO_THREADS, 1)", "term()", "destroy()", "shutdown()",
                "__repr__()", "closed", "underlying", "io_threads", "__enter__()"],
}
BEYOND_CALLS = {
    "socket": ["send_many([b''])", "recv_many()", "recv_batch()", "try_send(b'')", "try_recv()", "wait_connected(timeout=0)",
               "peers()", "stats()", "__next__()", "recv_into(bytearray(3))"],
}

ON_DEAD = """
    context = zmq.Context()
    socket = context.socket(zmq.PAIR)
    socket.rcvtimeo = socket.sndtimeo = 10
    shadow = {{"socket": zmq.Socket, "context": zmq.Context}}["{kind}"].shadow({kind}.underlying)
    {how}
    for dead in {dead}:
        for name in {calls}:
            came = caught(lambda: eval("dead." + name))
            if came not in ("nothing", "ENOTSOCK", "ENOTSUP", "EFAULT", "EBADF", "ContextTerminated", "RuntimeError", "TypeError",
                            "AttributeError", "Again", "EINVAL"):
                print(name, came)
    with contextlib.suppress(zmq.ZMQError):
        context.destroy(linger=0)
    end()
"""

OTHERS = {
    "frames are made in every wrong way": """
        for args in ((), (None,), (1,), ("text",), (b"", 1, 2, 3, 4), (zmq.Frame,), (zmq.Frame(b"x"),), ([],)):
            caught(zmq.Frame, *args)
        frame = zmq.Frame.__new__(zmq.Frame)
        for name in ("bytes", "buffer", "more", "__len__", "__repr__", "__copy__", "tracker"):
            caught(lambda: getattr(frame, name)())
            caught(lambda: getattr(frame, name))
        caught(memoryview, frame)
        end()
        """,
    "__init__ is called twice, or never": """
        context = zmq.Context()
        context.__init__()
        socket = context.socket(zmq.PULL)
        caught(socket.__init__, context, zmq.PUSH)
        caught(socket.__init__, zmq.Context(), zmq.PUSH)
        caught(socket.recv, zmq.DONTWAIT)
        socket.close()
        for kind in (zmq.Socket, zmq.Context, zmq.Poller, zmq.MessageTracker, zmq.Frame):
            unmade = kind.__new__(kind)
            for name in dir(unmade):
                if name not in ("__class__", "__init_subclass__", "__subclasshook__"):
                    caught(lambda: getattr(unmade, name))
            for call in ("send", "recv", "close", "term", "destroy", "poll", "wait", "socket", "get", "register"):
                if hasattr(kind, call) and not (kind is zmq.Poller and call == "poll"):
                    caught(lambda: getattr(unmade, call)())
                    caught(lambda: getattr(unmade, call)(b"x"))
            del unmade
        gc.collect()
        del socket
        context.destroy(linger=0)
        end()
        """,
    "a subclass that does not call __init__": """
        class Socket(zmq.Socket):
            def __init__(self, *args, **kwargs):
                pass

        class Context(zmq.Context):
            def __init__(self):
                pass

        context = zmq.Context()
        socket = Socket(context, zmq.PULL)
        caught(socket.recv), caught(socket.close), caught(repr, socket)
        caught(Context().socket, zmq.PULL), caught(Context().term), caught(Context().destroy)
        del socket
        gc.collect()
        context.term()
        end()
        """,
    "shadows outlive what they shadow": """
        context = zmq.Context()
        socket = context.socket(zmq.PULL)
        address, other = socket.underlying, context.underlying
        shadow, shadow_context = zmq.Socket.shadow(address), zmq.Context.shadow(other)
        socket.close()
        print(caught(shadow.recv, zmq.DONTWAIT))
        context.term()
        del socket, context
        gc.collect()
        caught(shadow.close), caught(shadow_context.term)
        end()
        """,
    "addresses that are nobody's are shadowed": """
        for address in (1, 8, 4096, -1, 2**63, 2**70, "a", b"a", 1.5, [], object()):
            for kind in (zmq.Socket, zmq.Context):
                came = caught(kind.shadow, address)
                assert came in ("ValueError", "TypeError", "OverflowError"), (address, came)
        end()
        """,
    "a socket is deleted while it is iterated, polled and monitored": """
        context = zmq.Context()
        socket, other = connected(context)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        monitor = other.get_monitor_socket()
        del other
        gc.collect()
        poller.poll(10)
        del socket
        gc.collect()
        caught(poller.poll, 10)
        del poller
        gc.collect()
        caught(monitor.recv_multipart, zmq.DONTWAIT)
        context.destroy(linger=0)
        end()
        """,
    "weak references to everything that dies": """
        import weakref
        context = zmq.Context()
        seen = []
        socket = context.socket(zmq.PUSH)
        weakref.finalize(socket, seen.append, "socket")
        weakref.finalize(context, seen.append, "context")
        keep = weakref.ref(socket, lambda reference: seen.append(reference()))
        del socket
        gc.collect()
        del context
        gc.collect()
        print(sorted(map(str, seen)))
        end()
        """,
    "a context is forgotten while its socket is used in a thread": """
        def use(socket, peer):
            for _ in range(200):
                socket.send(b"x")
                assert peer.recv() == b"x"

        for _ in range(10):
            context = zmq.Context()
            join = start(lambda pair=connected(context): use(*pair))
            del context
            gc.collect()
            join()
        end()
        """,
    "the collector runs in the middle of everything": """
        gc.set_threshold(1)
        context = zmq.Context()
        for number in range(100):
            first, second = connected(context, zmq.PUSH, zmq.PULL, f"inproc://{number}")
            first.send_multipart([b"a", bytearray(70_000)], copy=False)
            assert len(second.recv_multipart(copy=False)) == 2
            del first, second
        context.destroy(linger=0)
        end()
        """,
    "the library is imported again": """
        context = zmq.Context()
        socket, other = connected(context)
        old = zmq
        name = zmq.__name__
        for module in [module for module in sys.modules if module == name or module.startswith(name + ".")]:
            del sys.modules[module]
        del zmq
        again = caught(__import__, name)
        socket.send(b"x")
        assert other.recv() == b"x"
        context.destroy(linger=0)
        end()
        """,
    "a subinterpreter imports the library, or says that it cannot": """
        program = (
            "try:\\n"
            f" import {zmq.__name__} as zmq\\n"
            " c = zmq.Context(); a = c.socket(zmq.PAIR); b = c.socket(zmq.PAIR)\\n"
            " a.bind('inproc://x'); b.connect('inproc://x'); a.send(b'x'); assert b.recv() == b'x'; c.destroy()\\n"
            " print('works', flush=True)\\n"
            "except ImportError:\\n print('works', flush=True)\\n")      # one clear ImportError is as good
        try:
            import _interpreters as interpreters                # 3.13
        except ImportError:
            import _xxsubinterpreters as interpreters
        for _ in range(2):
            number = interpreters.create()
            getattr(interpreters, "run_string", None)(number, program)
            interpreters.destroy(number)
        context = zmq.Context()
        first, second = connected(context)
        first.send(b"x")
        assert second.recv() == b"x"
        context.destroy(linger=0)
        end()
        """,
}
OTHERS_PRINTED = {
    "shadows outlive what they shadow": "ENOTSOCK\nend",
    "weak references to everything that dies": "['None', 'context', 'socket']\nend",
    "a subinterpreter imports the library, or says that it cannot": "works\nworks\nend",
}


def cases() -> Iterator[Case]:
    for name, cycle in CYCLES.items():
        yield Case(f"lifetime: {name} in a cycle", IN_CYCLE.format(cycle=cycle.replace("\n    ", "\n        ")))
    for kind, calls in CALLS.items():
        beyond = BEYOND_CALLS.get(kind, [])
        hows = {"closed": "socket.close()", "of a terminated context": "context.destroy(linger=0)"}
        if kind == "context":
            hows = {"terminated": "context.destroy(linger=0)"}
        for name, how in hows.items():
            yield Case(f"lifetime: every call on a {kind} {name}",
                       ON_DEAD.format(kind=kind, how=how, calls=calls, dead=f"({kind}, shadow)"))
            if beyond:
                yield Case(f"lifetime: every newer call on a {kind} {name}",
                           ON_DEAD.format(kind=kind, how=how, calls=beyond, dead=f"({kind}, shadow)"), beyond=True)
    for name, program in OTHERS.items():
        yield Case(f"lifetime: {name}", program, OTHERS_PRINTED.get(name, "end"))
