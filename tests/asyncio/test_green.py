"""zmqfast.green under gevent, in a process of its own: gevent's hub stays with the thread that made it."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("gevent")

HEAD = """
import gevent, time
import zmqfast.green as zmq
context = zmq.Context()
def pair(binding, connecting, endpoint="tcp://127.0.0.1:*", **options):
    sockets = context.socket(binding), context.socket(connecting)
    for socket in sockets:
        for name, value in options.items():
            setattr(socket, name, value)
    sockets[0].bind(endpoint)
    sockets[1].connect(sockets[0].last_endpoint)
    return sockets
def later(function, *arguments):
    return gevent.spawn(function, *arguments)
ticks = []
def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.001)
ticker = later(tick)
def after_ticks(function):
    def wait():
        enough = len(ticks) + 5
        while len(ticks) < enough:
            gevent.sleep(0.001)
        function()
    return later(wait)
"""

TAIL = """
ticker.kill()
context.destroy(linger=0)
assert context.closed
print("done")
"""

PROGRAMS = {
    "messages arrive in order while others run": """
        push, pull = pair(zmq.PUSH, zmq.PULL)
        def send():
            for number in range(2000):
                push.send(b"%d" % number)
                if number % 100 == 0:
                    gevent.sleep(0)
        sending = later(send)
        assert [pull.recv() for _ in range(2000)] == [b"%d" % number for number in range(2000)]
        sending.get()
        assert ticks
    """,
    "a wait ends on time and lets others run": """
        push, pull = pair(zmq.PUSH, zmq.PULL)
        for receive in (lambda: pull.recv(timeout=0.02), lambda: pull.recv_multipart(timeout=0.02),
                        lambda: pull.recv_many(timeout=0.02), lambda: pull.recv_batch(timeout=0.02),
                        lambda: pull.recv_into(bytearray(1), timeout=0.02), lambda: pull.recv(zmq.DONTWAIT)):
            try:
                receive()
            except zmq.Again:
                pass
            else:
                raise AssertionError
        pull.rcvtimeo = 20
        try:
            pull.recv_string()
        except zmq.Again:
            pass
        else:
            raise AssertionError
        assert pull.poll(20) == 0 and pull.recv_many(flags=zmq.DONTWAIT) == []
        assert len(ticks) > 3
    """,
    "both directions wait at once": """
        first, second = pair(zmq.PAIR, zmq.PAIR, "inproc://both", sndhwm=5, rcvhwm=5)
        def flood(socket):
            for number in range(3000):
                socket.send(b"%d" % number)
        def drain(socket):
            return [int(socket.recv()) for _ in range(3000)]
        sending = [later(flood, first), later(flood, second)]
        receiving = [later(drain, first), later(drain, second)]
        gevent.joinall(sending, timeout=20, raise_error=True)
        assert [greenlet.get(timeout=20) for greenlet in receiving] == [list(range(3000))] * 2
    """,
    "the typed and the batch calls": """
        push, pull = pair(zmq.PUSH, zmq.PULL)
        later(lambda: (gevent.sleep(0.005), push.send_json({"a": 1}), push.send_multipart([b"a", b"b"]),
                       push.send_many([b"%d" % n for n in range(500)])))
        assert pull.recv_json() == {"a": 1}
        assert pull.recv_multipart() == [b"a", b"b"]
        received = []
        while len(received) < 250:
            received += pull.recv_many(50)
        while len(received) < 500:
            received += pull.recv_batch(max_messages=500 - len(received)).tolist()
        assert received == [b"%d" % n for n in range(500)]
    """,
    "a poller waits for green, plain sockets and descriptors": """
        import socket as python_socket, zmqfast
        push, pull = pair(zmq.PUSH, zmq.PULL)
        plain = zmqfast.Socket(context, zmqfast.PULL)
        plain.bind("inproc://plain")
        other = context.socket(zmq.PUSH)
        other.connect("inproc://plain")
        reader, writer = python_socket.socketpair()
        poller = zmq.Poller()
        for thing in (pull, plain, reader):
            poller.register(thing, zmq.POLLIN)
        assert poller.poll(5) == []
        for act, thing, take in ((lambda: push.send(b"x"), pull, pull.recv), (lambda: other.send(b"x"), plain, plain.recv),
                                 (lambda: writer.send(b"x"), reader.fileno(), lambda: reader.recv(1))):
            later(lambda: (gevent.sleep(0.005), act()))
            assert poller.poll(5000) == [(thing, zmq.POLLIN)], thing
            take()
        assert zmq.select([pull], [push], [], 5) == ([], [push], [])
        plain.close(linger=0); reader.close(); writer.close()
    """,
    "any thread wakes a poller": """
        import threading
        push, pull = pair(zmq.PUSH, zmq.PULL)
        poller = zmq.Poller()
        poller.register(pull, zmq.POLLIN)
        later(lambda: (gevent.sleep(0.005), poller.wake()))
        assert poller.poll() == []
        threading.Timer(0.02, poller.wake).start()
        assert poller.poll() == []
        poller.wake()
        assert poller.poll() == []
        assert poller.poll(0) == []
    """,
    "events that another greenlet reads wake who waits": """
        push, pull = pair(zmq.PUSH, zmq.PULL, "inproc://edge")
        receiving = later(pull.recv)
        gevent.sleep(0.005)
        push.send(b"x")
        pull.get(zmq.EVENTS)
        assert receiving.get(timeout=5) == b"x"
    """,
    "closing ends the wait": """
        pull = context.socket(zmq.PULL)
        def receive():
            try:
                pull.recv()
            except zmq.ZMQError as error:
                return error.errno
        receiving = later(receive)
        gevent.sleep(0.005)
        pull.close()
        assert receiving.get(timeout=5) == zmq.ENOTSOCK
    """,
    "a killed greenlet takes no message with it": """
        push, pull = pair(zmq.PUSH, zmq.PULL)
        received = []
        def receive():
            while True:
                received.append(int(pull.recv()))
        for number in range(300):
            receiving = later(receive)
            push.send(b"%d" % number)
            gevent.sleep(0)
            receiving.kill()
        while len(received) < 300:
            received.append(int(pull.recv(timeout=5)))
        assert received == list(range(300))
    """,
    "peers are waited for while others run": """
        pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        pull.bind("tcp://127.0.0.1:*")
        after_ticks(lambda: push.connect(pull.last_endpoint))
        assert pull.wait_connected(timeout=10) == push.wait_connected(timeout=10) == 1
        assert pull.stats().connected == 1
        try:
            pull.wait_connected(2, timeout=0.02)
        except zmq.Again as error:
            assert "1 of 2 peers in 0.02 s" in str(error)
        else:
            raise AssertionError
    """,
    "a monitor is iterated while others run": """
        pull = context.socket(zmq.PULL)
        monitor = pull.get_monitor_socket()
        after_ticks(lambda: (pull.bind("tcp://127.0.0.1:*"), pull.close()))
        names = [event.event.name for event in monitor]
        assert names[0] == "LISTENING" and names[-1] == "MONITOR_STOPPED", names
        monitor.close()
    """,
    "a device passes messages on both ways": """
        frontend, request = pair(zmq.ROUTER, zmq.REQ)
        backend, reply = pair(zmq.DEALER, zmq.REP)
        running = later(zmq.device, zmq.QUEUE, frontend, backend)
        answering = later(lambda: [reply.send(b"answer to " + reply.recv()) for _ in range(20)])
        for number in range(20):
            request.send(b"%d" % number)
            assert request.recv() == b"answer to %d" % number
        answering.get(timeout=5)
        running.kill()
    """,
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_in_gevent(program):
    ended = subprocess.run([sys.executable, "-c", HEAD + textwrap.dedent(program) + TAIL], capture_output=True,
                           text=True, timeout=50, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "done"), ended.stderr
    assert ended.stderr == ""
