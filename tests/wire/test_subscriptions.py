"""Subscriptions between the libraries: what a publisher learns, and what subscribers get."""

import pytest
from wire.conftest import subscribe, wait_for_message
from zmqfast import SUB, SUBSCRIBE, UNSUBSCRIBE, XPUB, XPUB_VERBOSE, XPUB_VERBOSER

TOPICS = [b"", b"a", b"ab", b"\0", b"\xff" * 300, *(b"x" * size for size in (245, 246, 255, 256)), "é".encode(), b"x" * 10_000]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: f"{len(topic)} bytes {topic[:2]!r}")
def test_a_subscription_and_its_end_are_seen_by_xpub(tcp_ends, topic):
    xpub, sub = tcp_ends(XPUB, SUB)
    subscribe(xpub, sub, topic)
    sub.set(int(UNSUBSCRIBE), topic)
    assert xpub.recv() == b"\x00" + topic


def test_topics_are_prefixes(tcp_ends):
    xpub, sub = tcp_ends(XPUB, SUB)
    subscribe(xpub, sub, b"ab")
    subscribe(xpub, sub, b"xyz")
    for message in (b"a", b"ab", b"abc", b"b", b"", b"xy", b"xyz1", b"AB", b"ab last"):
        xpub.send(message)
    assert [sub.recv() for _ in range(4)] == [b"ab", b"abc", b"xyz1", b"ab last"]


def test_only_the_first_frame_is_compared(tcp_ends):
    xpub, sub = tcp_ends(XPUB, SUB)
    subscribe(xpub, sub, b"a")
    xpub.send_multipart([b"b", b"a"])
    xpub.send_multipart([b"a", b"b"])
    assert sub.recv_multipart() == [b"a", b"b"]


def test_nothing_comes_after_the_last_unsubscribe(tcp_ends):
    xpub, sub = tcp_ends(XPUB, SUB)
    subscribe(xpub, sub, b"a")
    subscribe(xpub, sub, b"b")
    sub.set(int(UNSUBSCRIBE), b"a")
    assert xpub.recv() == b"\x00a"
    xpub.send(b"a is over")
    xpub.send(b"b goes on")
    assert sub.recv() == b"b goes on"


def test_a_second_subscription_is_counted(tcp_ends):
    xpub, sub = tcp_ends(XPUB, SUB)
    subscribe(xpub, sub, b"a")
    sub.set(int(SUBSCRIBE), b"a")
    sub.set(int(UNSUBSCRIBE), b"a")
    subscribe(xpub, sub, b"end of the story")
    xpub.send(b"a is still wanted")
    assert sub.recv() == b"a is still wanted"


def test_a_verbose_xpub_hears_every_subscription(tcp_ends):
    xpub, one = tcp_ends(XPUB, SUB)
    xpub.set(int(XPUB_VERBOSE), 1)
    two = tcp_ends.peers[1].socket(SUB)
    two.connect(tcp_ends.endpoint)
    subscribe(xpub, one, b"a")
    subscribe(xpub, two, b"a")


def test_a_more_verbose_xpub_hears_every_end(tcp_ends):
    xpub, one = tcp_ends(XPUB, SUB)
    xpub.set(int(XPUB_VERBOSER), 1)
    two = tcp_ends.peers[1].socket(SUB)
    two.connect(tcp_ends.endpoint)
    for subscriber in (one, two):
        subscribe(xpub, subscriber, b"a")
    for subscriber in (one, two):
        subscriber.set(int(UNSUBSCRIBE), b"a")
        assert xpub.recv() == b"\x00a"


def test_subscriptions_come_again_after_a_reconnect(peers, start_peer, fresh_endpoint):
    sub = peers[1].socket(SUB, reconnect_ivl=10)
    publisher = start_peer(peers[0].library)
    first = publisher.socket(XPUB)
    endpoint = first.bind(fresh_endpoint("tcp"))
    sub.connect(endpoint)
    subscribe(first, sub, b"a")
    publisher.kill()
    second = peers[0].socket(XPUB)
    second.bind(endpoint)
    wait_for_message(second, sub)
    assert second.recv() == b"\x01a"
    second.send(b"again")
    assert sub.recv() == b"again"


def test_publishing_to_nobody_is_no_error(tcp_ends):
    xpub, sub = tcp_ends(XPUB, SUB)
    xpub.send(b"to nobody")
    subscribe(xpub, sub, b"")
    xpub.send(b"to somebody")
    assert sub.recv() == b"to somebody"
