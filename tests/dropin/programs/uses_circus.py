"""A circus arbiter, over ZMQStream and PUB, watches processes; its client asks it for more of them."""

import socket
import sys
import threading

import zmq
from circus import get_arbiter
from circus.client import CircusClient


def free_endpoint() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


control, events = free_endpoint(), free_endpoint()
answers = []


def ask() -> None:
    client = CircusClient(endpoint=control, timeout=30)
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.subscribe(b"watcher.sleeper.")
        subscriber.connect(events)
        try:
            for command, properties in (("numprocesses", {"name": "sleeper"}),
                                        ("incr", {"name": "sleeper", "nb": 2, "waiting": True}),
                                        ("numprocesses", {"name": "sleeper"})):
                answers.append(client.call({"command": command, "properties": properties}))
            while not subscriber.poll(200):         # until the subscription has come
                client.call({"command": "restart", "properties": {"name": "sleeper", "waiting": True}})
            answers.append(subscriber.recv_multipart())
        finally:
            client.call({"command": "quit", "properties": {"waiting": False}})
            client.stop()


arbiter = get_arbiter(
    [{"name": "sleeper", "cmd": sys.executable, "args": ["-c", "import time; time.sleep(100)"], "numprocesses": 1}],
    controller=control, pubsub_endpoint=events)
asking = threading.Thread(target=ask)
asking.start()
arbiter.start()
asking.join()
before, increased, after, event = answers
assert (before["numprocesses"], increased["numprocesses"], after["numprocesses"]) == (1, 3, 3), answers
assert event[0].startswith(b"watcher.sleeper."), event
