"""One publisher, and the subscribers of another process: deliveries per second."""

from __future__ import annotations

from typing import Any

from . import others, sockets
from .between import copies, receiver, send_for_ever
from .clock import chunk_of, settled_rate


def topics(job: dict[str, Any]) -> list[bytes]:
    """What is subscribed to: everything, or eight hexadecimal digits each."""
    number = job["subscriptions"]
    return [b""] if number == 1 else [b"%08x" % (place * 2654435761 % 2**32) for place in range(number)]


def publish(job: dict[str, Any]) -> None:
    """Publish a message of each topic in turn, once every subscription has come; waits for who is slow, until it is ended."""
    messages = [topic.ljust(job["size"], b"x") for topic in topics(job)] if job["subscriptions"] > 1 else copies(job)
    if job["library"] in others.NAMES:
        publisher = others.publishing(job)
    else:
        publisher = zmq_publisher(job)
    send_for_ever([publisher], messages, job)


def zmq_publisher(job: dict[str, Any]) -> Any:
    zmq = sockets.module(job)
    publisher = sockets.opened(zmq.Context(), zmq, "XPUB", job)
    publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
    publisher.setsockopt(zmq.RCVHWM, 0)         # none of many subscriptions is dropped on its way
    if job["library"] == "pyomq":
        publisher.on_mute = zmq.OMQ_ON_MUTE_BLOCK
    else:
        publisher.setsockopt(zmq.XPUB_NODROP, 1)
    sockets.bind(publisher, job)
    for _ in range(job["connections"] * job["subscriptions"]):
        publisher.recv()
    return publisher


def subscribe(job: dict[str, Any]) -> float:
    """Deliveries per second, counted by subscribers that are asked in turn: each of them gets everything."""
    if job["library"] in others.NAMES:
        subscribers = [others.subscribing(job) for _ in range(job["connections"])]
    else:
        subscribers = zmq_subscribers(job)
    for subscriber in subscribers:
        subscriber.recv()
    return settled_rate(receiver(subscribers, job), chunk_of(job["size"]), job["seconds"])


def zmq_subscribers(job: dict[str, Any]) -> list[Any]:
    zmq = sockets.module(job)
    context = sockets.roomy_context(zmq, job["connections"])
    subscribers = []
    for _ in range(job["connections"]):
        subscriber = sockets.opened(context, zmq, "SUB", job)
        if job["subscriptions"] > 1:
            subscriber.setsockopt(zmq.SNDHWM, 0)        # as the publisher's RCVHWM
        subscriber.connect(job["endpoint"])
        for topic in topics(job):
            subscriber.setsockopt(zmq.SUBSCRIBE, topic)
        subscribers.append(subscriber)
    return subscribers
