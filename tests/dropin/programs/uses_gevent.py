"""A gevent user: a server, a client and a third greenlet, each of which gets its turn."""

import zmq                                      # before the monkey-patching, as many programs do
from gevent import monkey

monkey.patch_all()
import gevent  # noqa: E402
import zmq.green  # noqa: E402

context = zmq.green.Context()
server, client = context.socket(zmq.REP), context.socket(zmq.REQ)
port = server.bind_to_random_port("tcp://127.0.0.1")
client.connect(f"tcp://127.0.0.1:{port}")
ticks = []


def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0)


def serve():
    for _ in range(200):
        server.send(server.recv().upper())


def ask():
    return [client.send(b"question %d" % i) or client.recv() for i in range(200)]


ticker, serving, asking = gevent.spawn(tick), gevent.spawn(serve), gevent.spawn(ask)
answers = asking.get(timeout=30)
serving.join(timeout=30)
ticker.kill()
assert answers == [b"QUESTION %d" % i for i in range(200)], answers
assert ticks, "the other greenlet never ran"
context.destroy(linger=0)
