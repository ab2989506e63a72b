"""Publish-subscribe: nothing is lost at the start; whatever is lost later, to whatever fault, is counted."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from patterns.parts import BEAT, until
from tcp_link import TcpLink

import zmqfast as zmq
from zmqfast.patterns import codecs
from zmqfast.patterns.codecs import BodyError
from zmqfast.patterns.feeds import HEADER, PACKED
from zmqfast.patterns.publish_subscribe import AsyncPublisher, AsyncSubscriber, Publisher, Subscriber

LOCAL = "tcp://127.0.0.1:*"
TIMEOUT_S = 20
LARGE = bytes(8192)     # some thousands fill every buffer of the system between two processes

# A subscriber that tells its statistics whenever nothing comes for a moment.
SUBSCRIBER = f"""
    import json, sys
    from zmqfast.patterns.publish_subscribe import Subscriber

    with Subscriber(sys.argv[1], sys.argv[2], hwm=10, heartbeat={BEAT}) as subscriber:
        while True:
            try:
                subscriber.recv(timeout=0.1)
            except TimeoutError:
                print(json.dumps(subscriber.statistics), flush=True)
"""

# A publisher that tells where it is, then publishes numbers, as many as it is told each time.
PUBLISHER = f"""
    import sys
    from zmqfast.patterns.publish_subscribe import Publisher

    with Publisher(sys.argv[1], codec="json", keep_last=True, heartbeat={BEAT}) as publisher:
        print(publisher.endpoint, flush=True)
        publisher.wait_for_subscribers()
        number = 0
        while True:
            publisher.publish("number", number)
            number += 1
            if number % 100 == 0:
                print(number, flush=True)
"""


def settled(program, published):
    """The statistics of a SUBSCRIBER once it has taken or missed so many."""
    while True:
        told = json.loads(program.line())
        assert told["received"] + told["lost"] <= published
        if told["received"] + told["lost"] == published:
            return told


def look_at(subscriber, found=None):
    """Let it act, which it does while somebody waits for it."""
    try:
        some = subscriber.recv_many(timeout=BEAT / 2)
    except TimeoutError:
        return
    assert found is not None, some
    found += some


@pytest.mark.parametrize("gather", [0.0, 0.001], ids=["at once", "gathered"])
def test_every_body_comes_in_the_order_of_its_topic(gather):
    with Publisher(LOCAL, slow="block", gather=gather, heartbeat=BEAT) as publisher, \
            Subscriber(publisher.endpoint, ["a", "b"]) as subscriber:
        publisher.wait_for_subscribers(1, "a", TIMEOUT_S)
        publisher.wait_for_subscribers(1, "bc", TIMEOUT_S)
        for number in range(1000):
            publisher.publish("a", b"%d" % number)
            publisher.publish("bc", b"%d" % number)
            publisher.publish("c", b"nobody wants it")
        publisher.publish_many("a", [b"%d" % number for number in range(1000, 2000)])
        publisher.publish_many("a", (b"%d" % number for number in range(2000, 2345)))
        found = {"a": [], "bc": []}
        while sum(map(len, found.values())) < 3345:
            for topic, body in subscriber.recv_many(timeout=TIMEOUT_S):
                found[topic].append(int(body))
        assert found == {"a": list(range(2345)), "bc": list(range(1000))}
        assert subscriber.statistics == {"received": 3345, "lost": 0, "gaps": 0, "conflated": 0, "wrong": 0,
                                         "repeated": 0, "publishers": 1}
        until(lambda: publisher.statistics["published"] == 4345)        # the last one may still be gathered


@pytest.mark.parametrize("gather", [0.0, 0.001], ids=["at once", "gathered"])
def test_asyncio_publisher_and_subscriber(gather):
    async def main():
        async with AsyncPublisher(LOCAL, codec="json", slow="block", gather=gather) as publisher, \
                AsyncSubscriber(publisher.endpoint, codec="json") as subscriber:
            await publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            await subscriber.wait_joined(timeout=TIMEOUT_S)

            async def publish():
                for number in range(500):
                    await publisher.publish("a", number)
                await publisher.publish_many("a", range(500, 20_000))

            publishing = asyncio.create_task(publish())
            found = [await subscriber.recv(TIMEOUT_S)]
            async for item in subscriber:
                found.append(item)
                if len(found) == 19_000:
                    break
            while len(found) < 20_000:
                found += await subscriber.recv_many(timeout=TIMEOUT_S)
            await publishing
            assert found == [("a", number) for number in range(20_000)]
            with pytest.raises(TimeoutError, match="nothing was published within 0.01 s"):
                await subscriber.recv(0.01)

    asyncio.run(main())


def test_an_iteration_that_is_left_goes_on_where_it_was():
    with Publisher(LOCAL) as publisher, Subscriber(publisher.endpoint) as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        publisher.publish_many("a", [b"%d" % number for number in range(50)])
        found = []
        while len(found) < 50:
            for _, body in subscriber:
                found.append(int(body))
                if len(found) % 5 == 4:
                    break
            found.append(int(subscriber.recv(TIMEOUT_S)[1]))
        assert found == list(range(50))


def test_waiting_for_subscribers_tells_how_many_are_missing():
    with Publisher(LOCAL) as publisher:
        with pytest.raises(TimeoutError, match="0 of 2 subscribers to 'a' were there after 0.01 s"):
            publisher.wait_for_subscribers(2, "a", 0.01)
        with Subscriber(publisher.endpoint, ["a", "ab"]):
            publisher.wait_for_subscribers(1, "abc", TIMEOUT_S)
            with pytest.raises(TimeoutError, match="1 of 2 subscribers to 'abc'"):
                publisher.wait_for_subscribers(2, "abc", 0.01)
        until(lambda: publisher.statistics["left"] == 1)


def test_plain_sockets_can_subscribe_and_are_waited_for(context):
    with Publisher(LOCAL) as publisher, Subscriber(publisher.endpoint, "a"):
        sub = context.socket(zmq.SUB)
        sub.subscribe("a")
        sub.connect(publisher.endpoint)
        publisher.wait_for_subscribers(2, "a", TIMEOUT_S)
        publisher.publish("a", b"body")
        topic, header, body = sub.recv_multipart(timeout=TIMEOUT_S)
        assert (topic, len(header), body) == (b"a", 18, b"body")


def test_subscribing_and_unsubscribing_while_it_goes_on():
    with Publisher(LOCAL) as publisher, Subscriber(publisher.endpoint, "a") as subscriber:
        subscriber.subscribe("b")
        publisher.wait_for_subscribers(1, "b", TIMEOUT_S)
        publisher.publish("b", b"1")
        assert subscriber.recv(TIMEOUT_S) == ("b", b"1")
        subscriber.unsubscribe("b")
        until(lambda: publisher._core.count(b"b") == 0)
        publisher.publish("b", b"2")
        publisher.publish("a", b"3")
        assert subscriber.recv(TIMEOUT_S) == ("a", b"3")
        subscriber.subscribe("b")
        publisher.wait_for_subscribers(1, "b", TIMEOUT_S)
        publisher.publish("b", b"4")
        assert subscriber.recv(TIMEOUT_S) == ("b", b"4")
        assert subscriber.statistics["lost"] == 0           # what it did not want it did not lose


def test_late_joiners_get_the_newest_value_of_each_topic():
    with Publisher(LOCAL, codec="json", keep_last=True) as publisher:
        for number in range(3):
            publisher.publish("a.x", number)
        publisher.publish_many("a.y", range(10))
        publisher.publish("b", "other")
        with Subscriber(publisher.endpoint, "a.", codec="json") as subscriber:
            found = [subscriber.recv(TIMEOUT_S) for _ in range(2)]
            assert sorted(found) == [("a.x", 2), ("a.y", 9)]
            publisher.publish("a.x", 3)
            assert subscriber.recv(TIMEOUT_S) == ("a.x", 3)
            assert subscriber.statistics["lost"] == 0


@pytest.mark.parametrize("gather", [0.0, 0.2])
def test_a_buffer_may_change_once_it_is_published(gather):
    with Publisher(LOCAL, keep_last=True, gather=gather) as publisher, Subscriber(publisher.endpoint) as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        body = bytearray(b"old")
        publisher.publish("a", body)
        body[:] = b"new"
        assert subscriber.recv(TIMEOUT_S) == ("a", b"old")
        with Subscriber(publisher.endpoint) as late:
            assert late.recv(TIMEOUT_S) == ("a", b"old")


def test_many_wrong_bodies_of_many_topics_do_not_matter():
    wrong = []
    with Publisher(LOCAL) as publisher, \
            Subscriber(publisher.endpoint, codec="json", keep="topic", hwm=0, on_wrong=wrong.append) as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        for number in range(900):
            publisher.publish(f"topic {number}", b"{")
        publisher.publish("good", b"1")
        until(lambda: subscriber.statistics["received"] == 901)
        assert subscriber.recv(TIMEOUT_S) == ("good", 1)
    assert len(wrong) == 900


def test_publishing_all_the_time_lets_the_loop_have_its_turn():
    async def main():
        async with AsyncPublisher(LOCAL) as publisher:
            turns = 0

            async def count():
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.create_task(count())
            for _ in range(1000):
                await publisher.publish("a", b"body")
            assert turns >= 10
            counting.cancel()

    asyncio.run(main())


def test_a_wrong_body_is_an_error_in_its_place_and_the_rest_comes():
    with Publisher(LOCAL) as publisher, Subscriber(publisher.endpoint, codec="json") as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        publisher.publish_many("prices", [b"1", b"{", b"3"])
        assert subscriber.recv(TIMEOUT_S) == ("prices", 1)
        with pytest.raises(BodyError, match="prices: not a body of codec 'json'"):
            for _ in subscriber:
                pass
        assert next(iter(subscriber)) == ("prices", 3)
        assert subscriber.statistics["wrong"] == 1


def test_wrong_bodies_can_be_given_to_a_function():
    wrong = []
    for keep in ("all", "topic"):
        with Publisher(LOCAL) as publisher, \
                Subscriber(publisher.endpoint, codec="json", keep=keep, on_wrong=wrong.append) as subscriber:
            publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            publisher.publish("prices", b"{")
            publisher.publish("good", b"1")
            assert subscriber.recv(TIMEOUT_S) == ("good", 1)
    assert [(error.topic, error.codec) for error in wrong] == [("prices", "json")] * 2


@pytest.mark.parametrize("keep", ["all", "topic", lambda topic, body: topic], ids=["all", "topic", "function"])
def test_a_wrong_body_that_comes_alone_holds_nobody_up(keep):
    wrong = []
    with Publisher(LOCAL) as publisher, ThreadPoolExecutor(1) as pool, \
            Subscriber(publisher.endpoint, codec="json", keep=keep, on_wrong=wrong.append) as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        waiting = pool.submit(subscriber.recv, TIMEOUT_S)
        publisher.publish("prices", b"{")
        until(lambda: len(wrong) == 1)
        publisher.publish("good", b"1")
        assert waiting.result() == ("good", 1)


def test_what_no_publisher_sent_is_an_error_that_names_its_topic(context):
    with Subscriber(bind=LOCAL, codec="text") as subscriber:
        pub = context.socket(zmq.XPUB)
        pub.connect(subscriber.endpoint)
        until(lambda: pub.try_recv() == b"\1" or look_at(subscriber))
        for frames in ([b"one"], [b"two", b"short"], [b"three", bytes(18), b"its", b"number", b"is 0"], [b"\xff", b""]):
            pub.send_multipart(frames)
        for topic in ("one", "two", "three", r"\\xff"):
            with pytest.raises(BodyError, match=f"{topic}: not a body of codec 'text'"):
                subscriber.recv(TIMEOUT_S)


def test_many_small_bodies_share_a_frame(context):
    bodies = [b"%d" % number for number in range(0, 200_000, 999)]
    with Publisher(LOCAL, chunk=100) as publisher, Subscriber(publisher.endpoint) as subscriber:
        sub = context.socket(zmq.SUB)
        sub.subscribe("a")
        sub.connect(publisher.endpoint)
        publisher.wait_for_subscribers(2, "a", TIMEOUT_S)
        publisher.publish_many("a", bodies)
        messages = [sub.recv_multipart(timeout=TIMEOUT_S) for _ in range(3)]
        assert [len(frames) for frames in messages] == [4, 4, 3]        # the last one has one body
        assert b"".join(frames[-1] for frames in messages) == b"".join(bodies)
        found = []
        while len(found) < len(bodies):
            found += subscriber.recv_many(timeout=TIMEOUT_S)
        assert found == [("a", body) for body in bodies]
        assert subscriber.statistics["lost"] == 0


def test_large_bodies_and_buffers_have_frames_of_their_own():
    for bodies in ([bytes(5000)] * 3, [bytearray(b"a"), memoryview(b"b"), b"c"]):
        with Publisher(LOCAL) as publisher, Subscriber(publisher.endpoint) as subscriber:
            publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            publisher.publish_many("a", bodies)
            assert [subscriber.recv(TIMEOUT_S)[1] for _ in bodies] == [bytes(body) for body in bodies]


@pytest.mark.parametrize("codec", ["bytes", "text"])
def test_a_frame_of_bodies_that_is_damaged_is_an_error_and_the_rest_comes(context, codec):
    with Subscriber(bind=LOCAL, codec=codec) as subscriber:
        pub = context.socket(zmq.XPUB)
        pub.connect(subscriber.endpoint)
        until(lambda: pub.try_recv() == b"\1" or look_at(subscriber))
        header = HEADER.pack(b"somebody", 1, PACKED, 1)
        for frames in ([], [b"\0\0\0\2\0\0\0\1", b"abc"], [b"\xff" * 8, b""], [b"\0\0\0\1", b"a"]):
            pub.send_multipart([b"a", header, *frames])
        pub.send_multipart([b"a", header, b"\0\0\0\2\0\0\0\1", b"xy"])
        for _ in range(4):
            with pytest.raises(BodyError, match=f"a: not a body of codec '{codec}'"):
                subscriber.recv(TIMEOUT_S)
        values = (b"x", b"y") if codec == "bytes" else ("x", "y")
        assert [subscriber.recv(TIMEOUT_S) for _ in values] == [("a", value) for value in values]


def test_another_number_of_frames_is_an_error():
    pytest.importorskip("numpy")
    with Publisher(LOCAL) as publisher, Subscriber(publisher.endpoint, codec="numpy") as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        publisher.publish("array", b"none")
        with pytest.raises(BodyError, match="array: not a body of codec 'numpy': 1 frames, not 2"):
            subscriber.recv(TIMEOUT_S)


@pytest.mark.parametrize("gather", [0.0, 60.0])
def test_a_body_that_cannot_be_written_names_topic_and_codec(gather):
    with Publisher(LOCAL, codec="json", gather=gather) as publisher:
        with pytest.raises(BodyError, match="prices: not a body of codec 'json'"):
            publisher.publish("prices", {1j})
        assert publisher.statistics["published"] == 0


@pytest.mark.parametrize("wrong, error", [
    (lambda: Publisher(), "an endpoint is missing"), (lambda: Subscriber(), "an endpoint is missing"),
    (lambda: Publisher(LOCAL, slow="wait"), "'drop', 'block' or 'disconnect', not 'wait'"),
    (lambda: Publisher(LOCAL, chunk=0), "chunk is at least 1"),
    (lambda: Publisher("ipc:///tmp/x", slow="disconnect"), "is for tcp alone, not for ipc:///tmp/x"),
    (lambda: Subscriber(LOCAL, keep="last"), "'all', 'newest', 'topic' or a function, not 'last'")])
def test_arguments_that_make_no_sense(wrong, error):
    with pytest.raises(ValueError, match=error):
        wrong()


def fill(publisher, program):
    """A stalled subscriber, for which there is no room any more."""
    subscriber = program(SUBSCRIBER, publisher.endpoint, "")
    publisher.wait_for_subscribers(timeout=TIMEOUT_S)
    subscriber.line()
    subscriber.stall()
    with pytest.raises(TimeoutError):
        while True:
            publisher.publish("fill", LARGE, timeout=0.3)   # the system's buffers may take some more
    return subscriber


def test_what_had_no_room_in_time_is_not_published_later(program):
    with Publisher(LOCAL, slow="block", hwm=10, heartbeat=BEAT, gather=60.0, chunk=3) as publisher:
        fill(publisher, program)
        published = publisher.statistics["published"]
        for number in range(2):
            publisher.publish("a", b"%d" % number)      # these wait for others
        for body in (b"2", b"3", bytearray(b"4")):
            with pytest.raises(TimeoutError, match="a: a subscriber has no room after 0.01 s"):
                publisher.publish("a", body, timeout=0.01)
        assert publisher._core.topics["a"].gathered == [b"0", b"1"]
        assert publisher.statistics["published"] == published


def test_what_had_no_room_in_time_is_not_published_later_in_asyncio(program):
    async def main():
        async with AsyncPublisher(LOCAL, slow="block", hwm=10, heartbeat=BEAT, gather=60.0, chunk=2) as publisher:
            subscriber = program(SUBSCRIBER, publisher.endpoint, "")
            await publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            await asyncio.to_thread(subscriber.line)
            subscriber.stall()
            with pytest.raises(TimeoutError):
                while True:
                    await publisher.publish("fill", LARGE, timeout=0.3)
            await publisher.publish("a", b"0")
            with pytest.raises(TimeoutError, match="a: a subscriber has no room after 0 s"):
                await publisher.publish("a", b"1", timeout=0)
            assert publisher._core.topics["a"].gathered == [b"0"]

    asyncio.run(main())


def test_a_closed_publisher_says_so():
    publisher = Publisher(LOCAL)
    publisher.close()
    publisher.close()
    with pytest.raises(RuntimeError, match="closed"):
        publisher.publish("a", b"")


def test_only_the_newest_is_kept_and_the_rest_is_counted():
    with Publisher(LOCAL, codec="json") as publisher, \
            Subscriber(publisher.endpoint, codec="json", keep="newest") as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        for number in range(500):
            publisher.publish("abc"[number % 3], number)
        until(lambda: subscriber.statistics["received"] == 500)
        assert subscriber.recv(TIMEOUT_S) == ("b", 499)
        assert subscriber.statistics["conflated"] == 499
        with pytest.raises(TimeoutError):
            subscriber.recv(0.01)


@pytest.mark.parametrize("keep", ["topic", lambda topic, number: number % 3], ids=["topic", "function"])
def test_the_newest_of_each_key_is_kept(keep):
    with Publisher(LOCAL, codec="json") as publisher, \
            Subscriber(publisher.endpoint, codec="json", keep=keep) as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        for number in range(300):
            publisher.publish("abc"[number % 3], number)
        until(lambda: subscriber.statistics["received"] == 300)
        assert subscriber.recv_many(timeout=TIMEOUT_S) == [("a", 297), ("b", 298), ("c", 299)]
        assert subscriber.statistics["conflated"] == 297


def test_newest_only_in_asyncio():
    async def main():
        async with AsyncPublisher(LOCAL, codec="json") as publisher, \
                AsyncSubscriber(publisher.endpoint, codec="json", keep="topic") as subscriber:
            await publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            for number in range(300):
                await publisher.publish("ab"[number % 2], number)
            while subscriber.statistics["received"] < 300:
                await asyncio.sleep(0.005)
            assert [await subscriber.recv(TIMEOUT_S) for _ in range(2)] == [("a", 298), ("b", 299)]

    asyncio.run(main())


# -- faults ---------------------------------------------------------------------------------------------------------


def test_a_stalled_subscriber_loses_and_counts_what_it_loses_and_nobody_waits(program):
    with Publisher(LOCAL, hwm=10, heartbeat=BEAT) as publisher, Subscriber(publisher.endpoint, "a", hwm=0) as other:
        stalled = program(SUBSCRIBER, publisher.endpoint, "a")
        publisher.wait_for_subscribers(2, "a", TIMEOUT_S)
        publisher.publish("a", LARGE)
        settled(stalled, 1)
        stalled.stall()
        for _ in range(4999):
            publisher.publish("a", LARGE)
        stalled.go_on()
        told = settled(stalled, 5000)       # without one more message: beats tell of the last ones
        assert told["lost"] > 0
        until(lambda: publisher.statistics["lost"] >= told["lost"])
        received = []
        until(lambda: len(received) + other.statistics["lost"] == 5000 or look_at(other, received))


def test_with_block_a_stalled_subscriber_loses_nothing(program):
    with Publisher(LOCAL, hwm=10, slow="block", heartbeat=BEAT) as publisher:
        stalled = program(SUBSCRIBER, publisher.endpoint, "a")
        publisher.wait_for_subscribers(1, "a", TIMEOUT_S)
        stalled.stall()
        with pytest.raises(TimeoutError, match="a: a subscriber has no room after 0.2 s"):
            while True:
                publisher.publish("a", LARGE, timeout=0.2)
        stalled.go_on()
        for _ in range(1000):
            publisher.publish("a", LARGE, timeout=TIMEOUT_S)
        assert settled(stalled, publisher.statistics["published"])["lost"] == 0


def test_asyncio_block_loses_nothing(program):
    async def main():
        async with AsyncPublisher(LOCAL, hwm=10, slow="block", heartbeat=BEAT) as publisher:
            stalled = program(SUBSCRIBER, publisher.endpoint, "a")
            await publisher.wait_for_subscribers(1, "a", TIMEOUT_S)
            stalled.stall()
            with pytest.raises(TimeoutError, match="no room"):
                while True:
                    await publisher.publish("a", LARGE, timeout=0.2)
            stalled.go_on()
            for _ in range(1000):
                await publisher.publish("a", LARGE, timeout=TIMEOUT_S)
            published = publisher.statistics["published"]
            told = await asyncio.to_thread(settled, stalled, published)
            assert told["lost"] == 0

    asyncio.run(main())


def test_a_subscriber_that_takes_nothing_is_disconnected_and_comes_back(program):
    with Publisher(LOCAL, hwm=10, slow="disconnect", patience=0.5, heartbeat=BEAT) as publisher:
        stalled = program(SUBSCRIBER, publisher.endpoint, "a")
        publisher.wait_for_subscribers(1, "a", TIMEOUT_S)
        publisher.publish("a", LARGE)
        settled(stalled, 1)
        stalled.stall()
        deadline = time.monotonic() + TIMEOUT_S
        while publisher.statistics["left"] == 0:
            assert time.monotonic() < deadline
            publisher.publish("a", LARGE)
        stalled.go_on()
        publisher.wait_for_subscribers(1, "a", TIMEOUT_S)
        publisher.publish("a", b"again")
        settled(stalled, publisher.statistics["published"])


def test_a_killed_publisher_is_restarted(program):
    first = program(PUBLISHER, LOCAL)
    endpoint = first.line()
    with Subscriber(endpoint, codec="json", heartbeat=BEAT) as subscriber:
        numbers = [subscriber.recv(TIMEOUT_S)[1] for _ in range(100)]
        assert numbers == list(range(100))
        first.kill()
        again = program(PUBLISHER, endpoint)
        assert again.line() == endpoint
        while numbers[-1] > 0 or len(numbers) == 1:
            numbers.append(subscriber.recv(TIMEOUT_S)[1])
        assert numbers[-1] == 0                     # nothing of the new one's beginning is lost
        assert len(numbers) - 1 + subscriber.statistics["lost"] == numbers[-2] + 1      # nor was it of the old one's
        assert subscriber.statistics["publishers"] == 2


def test_a_killed_subscriber_harms_nobody(program):
    with Publisher(LOCAL, slow="block", hwm=10, heartbeat=BEAT) as publisher, \
            Subscriber(publisher.endpoint, "a", hwm=0) as other:
        killed = program(SUBSCRIBER, publisher.endpoint, "a")
        publisher.wait_for_subscribers(2, "a", TIMEOUT_S)
        killed.stall()
        with pytest.raises(TimeoutError):
            while True:
                publisher.publish("a", LARGE, timeout=0.1)
        killed.kill()
        publisher.publish("a", b"last", timeout=TIMEOUT_S)
        while other.recv(TIMEOUT_S)[1] != b"last":
            pass
        assert other.statistics["lost"] == 0
        assert other.statistics["received"] == publisher.statistics["published"]
        until(lambda: publisher.statistics["subscribers"] == 1)


def test_a_link_is_cut_and_healed_and_what_was_lost_is_counted():
    with Publisher(LOCAL, codec="json", keep_last=True, heartbeat=BEAT) as publisher:
        with TcpLink(publisher.endpoint) as link:
            with Subscriber(link.endpoint, codec="json", heartbeat=BEAT) as subscriber:
                subscriber.wait_joined(timeout=TIMEOUT_S)
                found = []
                for turn in range(3):
                    link.set_cut(True)
                    until(lambda: publisher.statistics["subscribers"] == 0)
                    for number in range(100):
                        publisher.publish(f"topic {turn}", number)
                    link.set_cut(False)
                    while f"topic {turn}" not in dict(found):
                        found.append(subscriber.recv(TIMEOUT_S))
                assert found == [(f"topic {turn}", 99) for turn in range(3)]
                assert subscriber.lost == {f"topic {turn}": 99 for turn in range(3)}
                until(lambda: publisher.statistics["lost"] == 297 or look_at(subscriber))


def test_two_ways_to_a_publisher_give_each_body_once():
    with Publisher(LOCAL, codec="json", keep_last=True) as publisher:
        with TcpLink(publisher.endpoint) as link:
            with Subscriber([publisher.endpoint, link.endpoint], codec="json") as subscriber:
                until(lambda: len(publisher._core.subscriptions) and publisher._core.subscriptions[b""] == 2)
                publisher.publish_many("a", range(1000))
                found = Counter()
                while len(found) < 1000:
                    found.update(number for _, number in subscriber.recv_many(timeout=TIMEOUT_S))
                assert set(found.values()) == {1}


# -- bodies ---------------------------------------------------------------------------------------------------------


def test_arrays_travel_without_a_copy_of_ours():
    numpy = pytest.importorskip("numpy")
    large, small = numpy.arange(100_000, dtype="f4").reshape(100, 1000), numpy.eye(3)
    with Publisher(LOCAL, codec="numpy") as publisher, Subscriber(publisher.endpoint, codec="numpy") as subscriber:
        publisher.wait_for_subscribers(timeout=TIMEOUT_S)
        for value in (large, small):
            publisher.publish("array", value)
            topic, back = subscriber.recv(TIMEOUT_S)
            assert (topic, back.dtype, back.shape) == ("array", value.dtype, value.shape)
            assert (back == value).all()
            owner = back
            while isinstance(owner, numpy.ndarray):
                owner = owner.base
            assert isinstance(owner.obj, zmq.Frame if value is large else bytes)    # libzmq's memory, or a small copy


def test_structs_and_signed_pickles_travel():
    msgspec = pytest.importorskip("msgspec")
    quote = msgspec.defstruct("Quote", [("symbol", str), ("price", float)])
    for codec, value in ((codecs.typed(quote), quote("A", 1.5)), (codecs.signed_pickle(bytes(16)), {1j, (2, None)})):
        with Publisher(LOCAL, codec=codec) as publisher, Subscriber(publisher.endpoint, codec=codec) as subscriber:
            publisher.wait_for_subscribers(timeout=TIMEOUT_S)
            publisher.publish_many("a", [value] * 3)
            assert [subscriber.recv(TIMEOUT_S) for _ in range(3)] == [("a", value)] * 3
