"""What ends or hangs pyzmq: each case in a process of its own, judged by its exit and by what it printed."""

import signal
import subprocess
import sys
import textwrap

import pytest

import zmqfast
from differential.differences import is_wanted

HANG_S = 3

START = """
import gc, resource, signal, sys, threading
import {library} as zmq

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
context = zmq.Context()
"""

CASES = {
    "a bytearray is resized while it is sent without a copy": """
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.bind("inproc://a")
        push.connect("inproc://a")
        data = bytearray(b"x" * (1 << 22))
        push.send(data, copy=False)
        try:
            data.extend(bytes(1 << 26))
            data.clear()
        except BufferError:
            print("BufferError")
        received = pull.recv()
        print(len(received), received == b"x" * (1 << 22))
        """,
    "close() while another thread receives": """
        pull = context.socket(zmq.PULL)
        pull.bind("inproc://a")
        def receive():
            inside.set()
            try:
                pull.recv()
            except zmq.ZMQError as error:
                print("receive:", type(error).__name__)
        inside = threading.Event()
        thread = threading.Thread(target=receive, daemon=True)
        thread.start()
        inside.wait()
        import os, time
        while open(f"/proc/self/task/{thread.native_id}/wchan").read() in ("0", "") and \\
                open(f"/proc/self/task/{thread.native_id}/stat").read().split()[2] != "S":
            pass
        try:
            pull.close(linger=0)
        except zmq.ZMQError as error:
            print("close:", type(error).__name__)
        print("alive")
        os._exit(0)
        """,
    "two threads send on one socket": """
        push = context.socket(zmq.PUSH)
        push.linger = 0
        push.bind("tcp://127.0.0.1:*")
        pull = context.socket(zmq.PULL)
        pull.connect(push.last_endpoint.decode())
        errors = set()
        def send():
            for _ in range(30000):
                try:
                    push.send(b"x" * 100, zmq.DONTWAIT)
                except zmq.ZMQError as error:
                    errors.add(type(error).__name__)
        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print("alive", errors <= {"Again", "SocketBusy"})
        import os; sys.stdout.flush(); os._exit(0)
        """,
    "contexts are made when descriptors have run out": """
        import os
        resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
        kept = []
        try:
            while True:
                kept.append(zmq.Context())
                kept.append(kept[-1].socket(zmq.PUB))
        except zmq.ZMQError as error:
            print(type(error).__name__, error.errno)
        sys.stdout.flush()
        os._exit(0)
        """,
    "a receive with RCVTIMEO under a timer signal": """
        import os
        signal.signal(signal.SIGALRM, lambda *_: None)
        pull = context.socket(zmq.PULL)
        pull.rcvtimeo = 300
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        try:
            pull.recv()
        except zmq.Again:
            print("Again")
        sys.stdout.flush()
        os._exit(0)
        """,
    "a context and its sockets are garbage together": """
        class Holder: pass
        def make():
            holder = Holder()
            holder.me = holder
            holder.context = zmq.Context()
            holder.socket = holder.context.socket(zmq.PUSH)
        import warnings
        warnings.simplefilter("ignore")
        make()
        gc.collect()
        print("collected")
        """,
    "a monitor's socket is closed before the next bind": """
        pull = context.socket(zmq.PULL)
        monitor = pull.get_monitor_socket()
        monitor.close()
        pull.bind("tcp://127.0.0.1:*")
        pull.close()
        context.term()
        print("ended")
        """,
    "a monitor that nobody reads is ended": """
        pull = context.socket(zmq.PULL)
        pull.monitor("inproc://m", zmq.EVENT_ALL)
        pull.disable_monitor()
        pull.close()
        context.term()
        print("ended")
        """,
    "a frame's group is asked for by name": """
        try:
            print(repr(zmq.Frame(b"abc").get("group")))
        except Exception as error:
            print(type(error).__name__)
        """,
    "a shadow is ended before its context": """
        shadow = zmq.Context.shadow(context)
        shadow.term()
        context.term()
        print("ended")
        """,
    "a frame is made with too many arguments": """
        try:
            zmq.Frame(b"", False, None, None, 5)
        except TypeError as error:
            print(type(error).__name__)
        """,
    "a negative time to poll": """
        import os
        pull = context.socket(zmq.PULL)
        signal.signal(signal.SIGALRM, lambda *_: (print("still waiting"), sys.stdout.flush(), os._exit(0)))
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        print(pull.poll(-5))
        """,
    "exit with an open socket and an unsent message": """
        import warnings
        warnings.simplefilter("ignore")
        push = context.socket(zmq.PUSH)
        push.linger = 100
        push.connect("tcp://127.0.0.1:1")
        push.send(b"x")
        print("leaving")
        """,
    "exit with a thread that receives": """
        def receive():
            socket = context.socket(zmq.PULL)
            socket.recv()
        threading.Thread(target=receive, daemon=True).start()
        print("leaving")
        sys.stdout.flush()
        import os; os._exit(0)
        """,
}


def start(library: str, name: str) -> subprocess.Popen:
    script = START.format(library=library) + textwrap.dedent(CASES[name])
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def outcome(process: subprocess.Popen) -> str:
    try:
        printed, _ = process.communicate(timeout=HANG_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "hangs"
    if process.returncode < 0:
        return f"is killed by {signal.Signals(-process.returncode).name}"
    return f"prints {printed.split()} and exits with {process.returncode}"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.skipif(sys.platform == "win32", reason="signals, limits and /proc")
def test_misuse(name):
    both = start("zmq", name), start("zmqfast", name)
    theirs, ours = map(outcome, both)
    assert theirs == ours or is_wanted(f"misuse: {name}", theirs, ours), f"pyzmq {theirs}, zmqfast {ours}"
    assert ours.startswith("prints") and "Traceback" not in ours


def test_the_misused_library_is_the_one_under_test():
    import subprocess

    script = "import zmqfast; print(zmqfast.__file__)"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == zmqfast.__file__
