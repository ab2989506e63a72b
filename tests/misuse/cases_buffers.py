"""Buffers: resized, released, freed, changed or closed while they are lent; such that cannot be lent; views that stay."""

from __future__ import annotations

from collections.abc import Iterator

from misuse.case import Case

BEGIN = """
    import array, ctypes, mmap, weakref
    context = zmq.Context()
    push, pull = connected(context, zmq.PUSH, zmq.PULL, {endpoint!r}, rcvtimeo=10_000, sndtimeo=10_000)
"""
END = """
    context.destroy(linger=0)
    end()
"""

# `buffer` is lent, `spoil` done to it, and what arrives must be `expected`, or what it has been changed to meanwhile.
LENT = {
    "a bytearray is resized": ("bytearray(b'x' * 200_000)", "buffer.extend(bytes(1 << 22))", "BufferError"),
    "a bytearray is cleared": ("bytearray(b'x' * 200_000)", "buffer.clear()", "BufferError"),
    "a bytearray is popped from": ("bytearray(b'x' * 200_000)", "buffer.pop()", "BufferError"),
    "an array is appended to": ("array.array('B', b'x' * 200_000)", "buffer.append(1)", "BufferError"),
    "a memoryview is released": ("memoryview(bytearray(b'x' * 200_000))", "buffer.release()", "BufferError"),
    "an anonymous map is closed": ("mapped(200_000)", "buffer.close()", "BufferError"),
    "an anonymous map is resized": ("mapped(200_000)", "buffer.resize(1 << 20)", "BufferError"),
    "its owner is forgotten": ("bytearray(b'x' * 200_000)", "globals().pop('buffer'); gc.collect()", "nothing"),
    "its ctypes owner is forgotten": ("ctypes.create_string_buffer(b'x' * 199_999)", "globals().pop('buffer'); gc.collect()",
                                      "nothing"),
    "its thread ends": ("bytearray(b'x' * 200_000)", "start(lambda: None)()", "nothing"),
}

WITH_LENT = """
    def mapped(size):
        made = mmap.mmap(-1, size)
        made[:] = b"x" * size
        return made

    def spoil():
        {spoil}

    for send in (lambda: push.send(buffer, copy=False), lambda: push.send_multipart([buffer, b"more"], copy=False),
                 lambda: push.send(zmq.Frame(buffer, copy=False), copy=False)):
        buffer = {buffer}
        size = memoryview(buffer).nbytes
        send()
        print(caught(spoil))
        received = pull.recv_multipart()[0]
        assert len(received) == size and not received.rstrip(b"\\0").strip(b"x")
        del received
        gc.collect()
"""

# What cannot be lent or copied: each way to send says so, and nothing is left behind.
REFUSED = {
    "None": "None", "a str": "'text'", "an int": "5", "an object": "object()", "a released memoryview": "released()",
    "a strided memoryview": "memoryview(bytes(100))[::2]", "a closed map": "closed_map()",
    "an exporter that raises": "raising()", "a list": "[b'a']", "a socket": "push", "a frame of a closed world": "zmq.Frame",
}

WITH_REFUSED = """
    def released():
        view = memoryview(b"abc")
        view.release()
        return view

    def closed_map():
        made = mmap.mmap(-1, 100)
        made.close()
        return made

    def raising():
        class Raising:
            def __buffer__(self, flags):        # asked for from Python 3.12 on
                raise ZeroDivisionError

        return Raising()

    refused = {refused}
    errors = {{"TypeError", "BufferError", "ValueError", "ZeroDivisionError"}}
    for call in (lambda: push.send(refused), lambda: push.send(refused, copy=False), lambda: push.send_multipart([b"a", refused]),
                 lambda: push.send_multipart([b"a" * 100_000, refused, b"b"], copy=False), lambda: zmq.Frame(refused, copy=False)
                 if refused is not None and not isinstance(refused, str) else push.send(refused),
                 *([lambda: push.try_send(refused), lambda: push.send_many([refused])]
                   if hasattr(push, "send_many") and not isinstance(refused, list) else [])):
        came = caught(call)
        assert came in errors, came
    push.send_multipart([b"whole", b"message"])
    assert pull.recv_multipart() == [b"whole", b"message"]
"""

OTHERS = {
    "what is sent without a copy is written to meanwhile": """
        buffer = bytearray(b"x" * 1_000_000)
        push.send(buffer, copy=False)
        for i in range(0, len(buffer), 4096):
            buffer[i] = 121
        received = pull.recv()
        assert len(received) == 1_000_000 and set(received) <= {120, 121}
        """,
    "the buffer's last reference is libzmq's": """
        class Owner(bytearray):
            pass

        owner = Owner(b"x" * 200_000)
        gone = weakref.ref(owner)
        push.send(owner, copy=False)
        del owner
        assert pull.recv() == b"x" * 200_000
        deadline = time.monotonic() + 10
        while gone() is not None and time.monotonic() < deadline:
            push.send(b"", copy=False)
            pull.recv()
        print(gone())
        """,
    "an owner that uses the socket when it goes": """
        class Owner(bytearray):
            def __del__(self):
                with contextlib.suppress(zmq.ZMQError):
                    push.send(b"last words", zmq.DONTWAIT)
                    push.get(zmq.EVENTS)

        for _ in range(50):
            push.send(Owner(b"x" * 100_000), copy=False)
            while len(pull.recv()) != 100_000:
                pass
        gc.collect()
        """,
    "an owner that closes the socket when it goes": """
        class Owner(bytearray):
            def __del__(self):
                caught(push.close)

        push.send(Owner(b"x" * 100_000), copy=False)
        assert len(pull.recv()) == 100_000
        deadline = time.monotonic() + 5
        while not push.closed and time.monotonic() < deadline:
            caught(push.send, bytearray(100_000), zmq.DONTWAIT, copy=False)
        """,
    "an owner that raises when it goes": """
        sys.unraisablehook = lambda unraisable: None

        class Owner(bytearray):
            def __del__(self):
                raise ZeroDivisionError

        for _ in range(20):
            push.send(Owner(b"x" * 100_000), copy=False)
            assert len(pull.recv()) == 100_000
        """,
    "recv_into what cannot be written": """
        for target in (b"bytes", memoryview(b"bytes"), memoryview(bytearray(10))[::2], "str", None, 5, object()):
            push.send(b"message")
            came = caught(pull.recv_into, target) if hasattr(pull, "recv_into") else "TypeError"
            assert came in ("TypeError", "BufferError", "ValueError"), (target, came)
        """,
    "recv_into what is too small, empty, or resized by a handler": """
        if hasattr(pull, "recv_into"):
            target = bytearray(4)
            push.send(b"x" * 100_000)
            assert pull.recv_into(target) == 100_000 and target == b"xxxx"
            push.send(b"x" * 100)
            assert pull.recv_into(bytearray()) == 100
            signal.signal(signal.SIGUSR1, lambda number, frame: print(caught(target.extend, b"more")))
            interrupt_in(0.05, signal.SIGUSR1)
            pull.rcvtimeo = 400
            print(caught(pull.recv_into, target))
        else:
            print("BufferError")
            print("Again")
        """,
    "one received frame is sent, kept, viewed and sent again": """
        push.send(b"x" * 100_000)
        frame = pull.recv(copy=False)
        view = memoryview(frame)
        for _ in range(50):
            push.send(frame, copy=False)
            push.send_multipart([frame, frame], copy=False)
            assert pull.recv() == b"x" * 100_000
            assert pull.recv_multipart() == [b"x" * 100_000] * 2
        del frame
        gc.collect()
        assert bytes(view) == b"x" * 100_000
        """,
    "views of a frame outlive it, its socket and its context": """
        views = []
        for size in (0, 1, 30, 100, 8000, 100_000):
            push.send(b"x" * size)
            frame = pull.recv(copy=False)
            views.append((size, frame.buffer, memoryview(frame), frame.bytes))
        del frame
        context.destroy(linger=0)
        push = pull = context = None
        gc.collect()
        for size, *same in views:
            assert all(bytes(view) == b"x" * size for view in same)
        del views, same
        gc.collect()
        context = zmq.Context()
        """,
    "a sent frame's own view is written to": """
        frame = zmq.Frame(bytearray(b"x" * 100_000), copy=False)
        push.send(frame, copy=False)
        view = memoryview(frame)
        if not view.readonly:
            view[0:3] = b"yyy"
        received = pull.recv()
        assert received[3:] == b"x" * 99_997
        """,
    "the list of frames changes while it is sent": """
        class Sneaky(list):
            def __iter__(self):
                self.clear()
                return iter([b"a", b"b"])

            def __len__(self):
                return 50

            def __getitem__(self, index):
                raise ZeroDivisionError

        came = caught(push.send_multipart, Sneaky([b"a", b"b", b"c"]))
        push.send_multipart([b"end"])
        while pull.recv_multipart() != [b"end"]:
            pass
        """,
    "a generator of frames closes the socket it is sent on": """
        def frames():
            yield b"a"
            push.close()
            yield b"b"

        print(caught(push.send_multipart, frames()))
        """,
    "a generator of frames sends on the socket itself": """
        def frames():
            yield b"a"
            push.send_multipart([b"inner", b"whole"])
            yield b"b"

        push.send_multipart(frames())
        print(sorted([pull.recv_multipart(), pull.recv_multipart()]))
        """,
    "a generator of frames raises": """
        def frames():
            yield b"a"
            yield bytearray(100_000)
            raise ZeroDivisionError

        print(caught(push.send_multipart, frames()), caught(push.send_multipart, frames(), copy=False))
        push.send_multipart([b"whole"])
        assert pull.recv_multipart() == [b"whole"]
        """,
    "a hundred thousand frames are one message": """
        push.send_multipart([b"x"] * 100_000)
        assert pull.recv_multipart() == [b"x"] * 100_000
        """,
    "a tracker is asked of what was never sent": """
        frame = zmq.Frame(bytearray(100_000), copy=False, track=True)
        print(frame.tracker.done, caught(frame.tracker.wait, 0.01))
        tracker = frame.tracker
        del frame
        gc.collect()
        tracker.wait(10)
        """,
    "trackers are made of anything": """
        for things in ((None,), (1,), ("a",), (b"",), (zmq.MessageTracker,), ([],)):
            assert caught(zmq.MessageTracker, *things) in ("TypeError", "ValueError", "nothing"), things
        """,
    "NumPy arrays of every shape are lent": """
        try:
            import numpy
        except ImportError:
            numpy = None
        if numpy is not None:
            for made in (numpy.zeros(0), numpy.zeros(()), numpy.zeros((3, 4)), numpy.zeros((300, 400), order="F"),
                         numpy.zeros(100_000)[::2], numpy.zeros((10, 10)).T, numpy.array(["text"]), numpy.zeros(5, "M8[s]"),
                         numpy.broadcast_to(numpy.zeros(1), (1000,)), numpy.array([object()])):
                for copy in (True, False):
                    if caught(push.send, made, copy=copy) == "nothing":
                        assert len(pull.recv()) == made.nbytes
        """,
}
OTHERS_PRINTED = {
    "the buffer's last reference is libzmq's": "None",
    "recv_into what is too small, empty, or resized by a handler": "BufferError\nAgain",
    "a generator of frames closes the socket it is sent on": "ENOTSOCK",
    "a generator of frames sends on the socket itself": "[[b'a', b'b'], [b'inner', b'whole']]",
    "a generator of frames raises": "ZeroDivisionError ZeroDivisionError",
    "a tracker is asked of what was never sent": "False NotDone",
}

BEYOND = {
    "send_many's generator closes the socket": ("""
        def messages():
            yield b"a"
            push.close()
            yield b"b"

        print(caught(push.send_many, messages()))
        """, "ENOTSOCK"),
    "send_many's generator sends, receives and raises": ("""
        def messages():
            for number in range(100):
                yield b"%d" % number
                push.send(b"inner")
                assert pull.recv() == b"%d" % number
                assert pull.recv() == b"inner"
            raise ZeroDivisionError

        print(caught(push.send_many, messages()))
        """, "ZeroDivisionError"),
    "send_many's buffers are resized": ("""
        buffers = [bytearray(100_000) for _ in range(5)]
        push.send_many(buffers, copy=False)
        came = {caught(buffer.clear) for buffer in buffers}     # "nothing" for what is out already
        assert came <= {"BufferError", "nothing"}, came
        assert [len(pull.recv()) for _ in buffers] == [100_000] * 5
        """, ""),
    "views of a batch outlive it, and what it is received into next": ("""
        batch = zmq.Batch()
        kept = []
        for number in range(20):
            push.send_many([b"%d" % number * 1000] * 10)
            got = 0
            while got < 10:
                pull.recv_batch(batch)
                kept += [(number, view) for view in batch]
                kept.append((number, batch.data))
                got += len(batch)
        del batch
        gc.collect()
        for number, view in kept:
            assert set(bytes(view)) == set(b"%d" % number)
        """, ""),
    "a batch is indexed out of range, written to and cast": ("""
        batch = zmq.Batch()
        push.send_many([b"abc", b""])
        while len(batch) < 2:
            pull.recv_batch(batch)
        print(*[caught(lambda index=index: batch[index]) for index in (2, -3, 2**62, "a", None, -1)])
        print(*[caught(memoryview.__setitem__, view, 0, 1) for view in (batch[0], batch.data)], caught(lambda: batch.offsets.cast("d")))
        """, "IndexError IndexError IndexError TypeError TypeError nothing\nTypeError TypeError TypeError"),
    "recv_batch and recv_many are given wrong numbers": ("""
        for call in (pull.recv_batch, pull.recv_many):
            for number in (0, -1, 2**62, 2**70, "a", None, 1.5):
                key = "max_messages"
                pull.rcvtimeo = 10
                came = caught(call, **{key: number})
                assert came in ("ValueError", "OverflowError", "TypeError", "Again", "MemoryError"), (number, came)
        """, ""),
    "a batch receives frames larger than its memory": ("""
        for size in (1, 70_000, 5_000_000, 3):
            push.send_multipart([b"x" * size, b"y" * size])
            batch = pull.recv_batch()
            assert batch.tolist() in ([b"x" * size, b"y" * size], [[b"x" * size, b"y" * size]]), batch
        """, ""),
}


def cases() -> Iterator[Case]:
    for endpoint in ("inproc://buffers", "tcp://127.0.0.1:*"):
        transport = endpoint.partition(":")[0]
        for name, (buffer, spoil, printed) in LENT.items():
            if printed == "BufferError" and transport == "tcp":
                spoil = f"caught(lambda: {spoil})"      # it may be out already, and the buffer free again
                printed = "nothing"
            yield Case(f"buffers: {name} while it is lent over {transport}",
                       BEGIN.format(endpoint=endpoint) + WITH_LENT.format(buffer=buffer, spoil=spoil) + END,
                       f"{printed}\n" * 3 + "end")
    for name, refused in REFUSED.items():
        yield Case(f"buffers: {name} is sent", BEGIN.format(endpoint="inproc://x") + WITH_REFUSED.format(refused=refused) + END)
    for name, program in OTHERS.items():
        yield case_of(name, program, OTHERS_PRINTED.get(name, ""))
    for name, (program, printed) in BEYOND.items():
        yield case_of(name, program, printed, beyond=True)


def case_of(name: str, program: str, printed: str, beyond: bool = False) -> Case:
    dedented = program.replace("\n        ", "\n    ")
    return Case(f"buffers: {name}", BEGIN.format(endpoint="tcp://127.0.0.1:*") + dedented + END,
                f"{printed}\nend" if printed else "end", beyond)
