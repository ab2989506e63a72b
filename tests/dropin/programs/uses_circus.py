"""A circus arbiter, over ZMQStream and PUB, watches processes; its client asks it for more of them."""

import socket
import sys
import threading
import time

import zmq
from circus import get_arbiter
from circus.client import CircusClient


def free_endpoint() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


control, events = free_endpoint(), free_endpoint()
answers = []


def call(client: CircusClient, command: str, **properties: object) -> dict[str, object]:
    """What the arbiter answers; it refuses while it does something else, such as starting its watchers."""
    deadline_s = time.monotonic() + 60
    while True:
        answer = client.call({"command": command, "properties": properties})
        if answer["status"] == "ok" or time.monotonic() > deadline_s:
            return answer


def ask() -> None:
    client = CircusClient(endpoint=control, timeout=30)
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.subscribe(b"watcher.sleeper.")
        subscriber.connect(events)
        try:
            answers.append(call(client, "numprocesses", name="sleeper"))
            answers.append(call(client, "incr", name="sleeper", nb=2, waiting=True))
            answers.append(call(client, "numprocesses", name="sleeper"))
            while not subscriber.poll(200):         # until the subscription has come
                call(client, "restart", name="sleeper", waiting=True)
            answers.append(subscriber.recv_multipart())
        finally:
            call(client, "quit", waiting=False)
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
