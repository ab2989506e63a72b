"""After fork(): what was inherited is closed in the child, and the parent does not notice."""

from __future__ import annotations

from program import forks, run

CHILD = """
    import os
    import sys
    import warnings
    import zmqfast as zmq

    warnings.simplefilter("ignore", DeprecationWarning)     # of fork in a process with threads, from 3.12 on

    def in_child(check):
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                check()
                sys.stdout.flush()
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


def test_inherited_sockets_and_contexts_are_closed_in_the_child():
    assert run(CHILD + """
    with zmq.Context() as context, context.socket(zmq.PAIR) as first, context.socket(zmq.PAIR) as second:
        first.bind("inproc://pair")
        second.connect("inproc://pair")

        def check():
            assert first.closed and context.closed
            first.close()
            context.term()
            try:
                first.send(b"x")
            except zmq.ZMQError as error:
                assert error.errno == zmq.ENOTSOCK
                print("closed")

        in_child(check)
        first.send(b"unharmed")
        print(second.recv().decode())
    """) == "closed\nunharmed\n"


@forks
def test_the_child_makes_sockets_of_its_own():
    assert run(CHILD + """
    context = zmq.Context.instance()
    with context.socket(zmq.PULL) as pull:
        port = pull.bind_to_random_port("tcp://127.0.0.1")

        def check():
            own = zmq.Context.instance()
            assert own is not context
            with own.socket(zmq.PUSH) as push:
                push.connect(f"tcp://127.0.0.1:{port}")
                push.send(b"from the child")
            own.term()

        in_child(check)
        print(pull.recv().decode())
    context.term()
    """) == "from the child\n"


def test_a_child_that_forgets_everything_ends_by_itself():
    assert run(CHILD + """
    import gc
    context = zmq.Context()
    sockets = [context.socket(zmq.PULL) for _ in range(3)]
    sockets[0].bind("tcp://127.0.0.1:*")

    def check():
        global context
        sockets.clear()
        context = None
        gc.collect()

    in_child(check)
    print(context.closed, len(sockets))
    context.destroy()
    """) == "False 3\n"


@forks
def test_multiprocessing_by_fork_works_beside_open_sockets():
    assert run("""
    import multiprocessing
    import warnings
    import zmqfast as zmq

    def work(port):
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.connect(f"tcp://127.0.0.1:{port}")
            push.send(b"done")

    warnings.simplefilter("ignore", DeprecationWarning)     # of fork in a process with threads, from 3.12 on
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        processes = [multiprocessing.get_context("fork").Process(target=work, args=(port,)) for _ in range(3)]
        for process in processes:
            process.start()
        print([pull.recv().decode() for _ in processes])
        for process in processes:
            process.join()
    """) == "['done', 'done', 'done']\n"


def test_a_thread_that_waits_in_the_parent_goes_on_after_a_fork():
    assert run(CHILD + """
    import threading
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        pull = context.socket(zmq.PULL)
        push.bind("inproc://pair")
        pull.connect("inproc://pair")

        def wait():
            with pull:
                print(pull.recv().decode())

        thread = threading.Thread(target=wait)
        thread.start()
        in_child(lambda: None)
        push.send(b"still here")
        thread.join()
    """) == "still here\n"
