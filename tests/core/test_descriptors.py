"""When file descriptors run out, ZMQError comes; libzmq would have ended the process."""

from __future__ import annotations

import pytest

from program import run

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
