"""When file descriptors run out, ZMQError comes; libzmq would have ended the process."""

from __future__ import annotations

import sys

import pytest

from program import run
from zmqfast import _core

LIMITS = [*range(3, 40), 60, 100]

PROGRAM = """
    import errno
    import resource
    import sys
    import warnings
    import zmqfast as zmq
    import zmqfast.constants        # a file, which would need a descriptor

    warnings.simplefilter("ignore", ResourceWarning)
    for limit in {limits}:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        made = []
        try:
            {step}
        except zmq.ZMQError as error:
            assert error.errno == errno.EMFILE, error
        else:
            print("never", limit)
        for thing in reversed(made):
            thing.close() if isinstance(thing, zmq.Socket) else thing.term()
    print("end")
"""


def program(step: str, limits: list[int]) -> str:
    return PROGRAM.format(step=step.replace("\n", "\n            "), limits=limits)


@pytest.mark.parametrize("step", [
    "for _ in range(300):\n    made.append(zmq.Context())",
    "for _ in range(300):\n    made.append(zmq.Context())\n    made.append(made[-1].socket(zmq.PULL))",
    "made.append(zmq.Context())\nfor _ in range(300):\n    made.append(made[0].socket(zmq.PULL))",
    "made.append(zmq.Context(4))\nfor _ in range(300):\n    made.append(made[0].socket(zmq.PUSH))\n"
    "    made[-1].bind('tcp://127.0.0.1:*')",
    "made.append(zmq.Context())\nfor _ in range(300):\n    made.append(made[0].socket(zmq.PUSH))\n"
    "    made.append(made[-1].get_monitor_socket())",
], ids=["contexts", "contexts with a socket", "sockets", "binds", "monitors"])
def test_running_out_of_descriptors_raises_emfile_at_every_limit(step):
    assert run(program(step, LIMITS)) == "end\n"


def test_sockets_can_be_made_again_once_descriptors_are_free():
    assert run("""
        import errno
        import resource
        import zmqfast as zmq
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with zmq.Context() as context:
            first = context.socket(zmq.PULL)
            resource.setrlimit(resource.RLIMIT_NOFILE, (5, hard))
            try:
                context.socket(zmq.PULL)
            except zmq.ZMQError as error:
                print(error.errno == errno.EMFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            context.socket(zmq.PULL).close()
            first.close()
    """) == "True\n"


PEER = """if True:
    import sys
    import zmqfast as zmq
    print("ready", flush=True)
    endpoint = sys.stdin.readline().strip()
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.linger = 0             # should who lets us in be gone
        push.connect(endpoint)
        push.send(b"let in")
        sys.stdin.readline()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts by preloading a library, as Linux does")
@pytest.mark.skipif(_core.LIBZMQ_SOURCE.startswith("system"), reason="the installed libzmq aborts over ipc, and never rests")
@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:*", "ipc://*", "ws://127.0.0.1:*"])
def test_a_peer_that_connects_when_descriptors_have_run_out_is_let_in_once_there_is_one(endpoint, preloaded):
    assert run("""
        import ctypes
        import os
        import resource
        import subprocess
        import sys
        import time
        import zmqfast as zmq

        endpoint, library, peer = sys.argv[1:]
        library = ctypes.CDLL(library)
        with zmq.Context() as context, context.socket(zmq.PULL) as pull, subprocess.Popen(
            [sys.executable, "-c", peer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as peer:
            pull.bind(endpoint)
            assert peer.stdout.readline() == "ready\\n"
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            taken = []
            try:
                while True:
                    taken.append(os.dup(0))
            except OSError:
                pass
            library.take_refused()
            peer.stdin.write(f"{pull.last_endpoint.decode()}\\n")
            peer.stdin.flush()
            deadline = time.monotonic() + 20
            while not library.take_refused() and time.monotonic() < deadline:
                time.sleep(0.01)
            began = time.monotonic()
            print(began < deadline)
            time.sleep(0.5)
            tries = library.take_refused()
            print(0 < tries <= 20 * (time.monotonic() - began) + 2 or tries)
            for descriptor in taken:
                os.close(descriptor)
            print(pull.recv(timeout=20))
            peer.stdin.close()
    """, endpoint, preloaded("count_calls"), PEER, timeout_s=60) == "True\nTrue\nb'let in'\n"
