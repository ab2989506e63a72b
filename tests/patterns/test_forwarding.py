"""Forwarding: publishers and subscribers meet in between, and numbers, welcomes and waiting go through."""

from __future__ import annotations

import asyncio
import threading

import pytest
from patterns.parts import BEAT, until
from tcp_link import TcpLink

import zmqfast as zmq
from zmqfast.patterns.feeds import HEADER, PACKED
from zmqfast.patterns.forwarding import AsyncForwarder, AsyncLastValueCache, Forwarder, LastValueCache
from zmqfast.patterns.publish_subscribe import AsyncPublisher, AsyncSubscriber, Publisher, Subscriber

LOCAL = "tcp://127.0.0.1:*"
TIMEOUT_S = 20
LARGE = bytes(8192)

# A cache or forwarder that tells where it is.
BETWEEN = """
    import sys
    from zmqfast.patterns.forwarding import Forwarder, LastValueCache

    kind = dict(Forwarder=Forwarder, LastValueCache=LastValueCache)[sys.argv[1]]
    between = kind(sys.argv[2], sys.argv[3])
    print(between.frontend, between.backend, flush=True)
    between.run()
"""


@pytest.mark.parametrize("kind", [Forwarder, LastValueCache])
def test_bodies_come_through_in_order_and_waiting_sees_the_far_end(kind):
    with kind(LOCAL, LOCAL, slow="block") as between, \
            Publisher(connect=between.frontend, slow="block") as publisher, \
            Subscriber(between.backend, "a") as one, Subscriber(between.backend, "") as two:
        if kind is Forwarder:
            publisher.wait_for_subscribers(2, "a", TIMEOUT_S)
        else:                           # the cache is the one who subscribes
            publisher.wait_for_subscribers(1, "a", TIMEOUT_S)
            until(lambda: between.statistics["subscribers"] == 2)
        publisher.publish_many("b", [b"%d" % number for number in range(300)])
        publisher.publish_many("a", [b"%d" % number for number in range(5000)])
        for subscriber in (one, two):
            found = []
            while len(found) < 5000:
                found += [int(body) for topic, body in subscriber.recv_many(timeout=TIMEOUT_S) if topic == "a"]
            assert found == list(range(5000))
            assert subscriber.statistics["lost"] == subscriber.statistics["repeated"] == 0


def test_asyncio_forwarder_and_cache():
    async def main(kind):
        async with kind(LOCAL, LOCAL) as between, AsyncPublisher(connect=between.frontend, codec="json") as publisher, \
                AsyncSubscriber(between.backend, codec="json") as subscriber:
            await publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            await subscriber.wait_joined(timeout=TIMEOUT_S)
            await publisher.publish_many("a", range(5000))
            found = []
            while len(found) < 5000:
                found += [number for _, number in await subscriber.recv_many(timeout=TIMEOUT_S)]
            assert found == list(range(5000))
            assert between.statistics["forwarded"] >= 50

    asyncio.run(main(AsyncForwarder))
    asyncio.run(main(AsyncLastValueCache))


def test_a_plain_proxy_will_do(context):
    frontend, backend = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
    control, ours = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    ends = []
    for socket in (frontend, backend):
        socket.bind(LOCAL)
        ends.append(socket.last_endpoint.decode())
    control.bind("inproc://control")
    ours.connect("inproc://control")
    proxy = threading.Thread(target=zmq.proxy_steerable, args=(frontend, backend, None, control))
    proxy.start()
    try:
        with Publisher(connect=ends[0], codec="json", keep_last=True) as publisher, \
                Subscriber(ends[1], codec="json") as subscriber:
            publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            publisher.publish("a", 1)
            assert subscriber.recv(TIMEOUT_S) == ("a", 1)
            with Subscriber(ends[1], codec="json") as late:
                assert late.recv(TIMEOUT_S) == ("a", 1)
    finally:
        ours.send(b"TERMINATE")
        proxy.join()


def test_whoever_captures_sees_all_that_comes_through(context):
    with Forwarder(LOCAL, LOCAL, capture=LOCAL) as forwarder, Publisher(connect=forwarder.frontend) as publisher, \
            Subscriber(forwarder.backend) as subscriber, Subscriber(forwarder.capture) as spy:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        seen, number = [], 0
        while not seen:                 # a PUB socket does not tell who has subscribed
            publisher.publish("a", b"%d" % number)
            number += 1
            try:
                seen += spy.recv_many(timeout=0.01)
            except TimeoutError:
                pass
        publisher.publish("a", b"last")
        while seen[-1] != ("a", b"last"):
            seen += spy.recv_many(timeout=TIMEOUT_S)
        found = []
        while len(found) < number + 1:
            found += subscriber.recv_many(timeout=TIMEOUT_S)
        assert found[-len(seen):] == seen


def test_late_joiners_get_the_newest_from_the_cache_and_publishers_may_be_gone():
    with LastValueCache(LOCAL, LOCAL) as cache:
        with Publisher(connect=cache.frontend, codec="json") as publisher:
            publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            publisher.publish_many("a.x", range(250))           # the last 50 share a frame
            publisher.publish("a.y", "y")
            publisher.publish("b", "b")
        until(lambda: cache.statistics["topics"] == 3)
        with Subscriber(cache.backend, "a.", codec="json") as late:
            assert sorted(late.recv(TIMEOUT_S) for _ in range(2)) == [("a.x", 249), ("a.y", "y")]
            assert late.statistics["lost"] == 0


def test_the_cache_asks_publishers_for_what_they_keep():
    with Publisher(LOCAL, codec="json", keep_last=True) as publisher:
        publisher.publish("a", 1)
        with LastValueCache(None, LOCAL, publishers=publisher.endpoint) as cache, \
                Subscriber(cache.backend, codec="json") as subscriber:
            assert subscriber.recv(TIMEOUT_S) == ("a", 1)
            publisher.publish("a", 2)
            assert subscriber.recv(TIMEOUT_S) == ("a", 2)


def test_messages_of_others_do_not_stop_the_cache(context):
    with LastValueCache(LOCAL, LOCAL) as cache, Publisher(connect=cache.frontend) as publisher, \
            Subscriber(cache.backend) as subscriber:
        stranger = context.socket(zmq.XPUB)
        stranger.connect(cache.frontend)
        stranger.recv(timeout=TIMEOUT_S)
        packed = HEADER.pack(bytes(8), 1, PACKED, 1)
        for frames in ([b""], [b"a", b"b"], [b"\xff" * 30], [b"a", bytes(18)], [b"a", packed, b"\0" * 8, b"a"],
                       [b"\xff" * 30, bytes(18)]):
            stranger.send_multipart(frames)
        until(lambda: cache.statistics["strange"] == 5)     # the last one is another's private topic
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        until(lambda: cache.statistics["subscribers"] == 1)
        publisher.publish("b", b"good")
        while subscriber.recv(TIMEOUT_S) != ("b", b"good"):
            pass


@pytest.mark.parametrize("kind", ["Forwarder", "LastValueCache"])
def test_one_in_between_is_killed_and_restarted_and_what_was_lost_is_counted(program, kind):
    first = program(BETWEEN, kind, LOCAL, LOCAL)
    frontend, backend = first.line().split()
    with Publisher(connect=frontend, codec="json", keep_last=True, heartbeat=BEAT) as publisher, \
            Subscriber(backend, codec="json", heartbeat=BEAT) as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        subscriber.wait_joined(timeout=TIMEOUT_S)
        publisher.publish("a", 0)
        assert subscriber.recv(TIMEOUT_S) == ("a", 0)
        first.kill()
        until(lambda: publisher.statistics["subscribers"] == 0)
        for number in range(1, 100):
            publisher.publish("a", number)
        again = program(BETWEEN, kind, frontend, backend)
        assert again.line().split() == [frontend, backend]
        assert subscriber.recv(TIMEOUT_S) == ("a", 99)
        assert subscriber.statistics["lost"] == 98


def test_a_link_to_the_cache_is_cut_and_healed_and_the_newest_comes():
    with LastValueCache(LOCAL, LOCAL) as cache, Publisher(connect=cache.frontend, codec="json") as publisher:
        with TcpLink(cache.backend) as link:
            with Subscriber(link.endpoint, codec="json") as subscriber:
                subscriber.wait_joined(timeout=TIMEOUT_S)
                publisher.wait_for_subscribers(timeout=TIMEOUT_S)
                publisher.publish("a", 0)
                assert subscriber.recv(TIMEOUT_S) == ("a", 0)
                link.set_cut(True)
                until(lambda: cache.statistics["subscribers"] == 0)
                publisher.publish_many("a", range(1, 100))
                until(lambda: cache.statistics["forwarded"] >= 2)
                link.set_cut(False)
                assert subscriber.recv(TIMEOUT_S) == ("a", 99)
                assert subscriber.statistics["lost"] == 98


def test_a_subscriber_that_blocks_stops_what_comes_through_and_nothing_is_lost():
    with Forwarder(LOCAL, LOCAL, slow="block", hwm=10) as forwarder, \
            Publisher(connect=forwarder.frontend, slow="block", hwm=10) as publisher, \
            Subscriber(forwarder.backend, hwm=10) as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        with pytest.raises(TimeoutError, match="no room"):
            while True:
                publisher.publish("a", LARGE, timeout=0.3)
        published = publisher.statistics["published"]
        received = 0
        while received < published:
            received += len(subscriber.recv_many(timeout=TIMEOUT_S))
        publisher.publish("a", b"last", timeout=TIMEOUT_S)
        assert subscriber.recv(TIMEOUT_S) == ("a", b"last")
        assert subscriber.statistics["lost"] == 0
