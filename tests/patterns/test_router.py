"""Router: sessions that outlive connections, a queue for each peer, notices; over tcp between processes with real faults."""

from __future__ import annotations

import asyncio
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from patterns.parts import BEAT, AsBlocking, until
from tcp_link import TcpLink

import zmqfast as zmq
from zmqfast.patterns.codecs import BodyError
from zmqfast.patterns.router import AsyncPeer, AsyncRouter, NoAnswer, NoSession, Peer, QueueFull, Router

LOCAL = "tcp://127.0.0.1:*"
TIMEOUT_S = 20
OPTIONS = {"codec": "json", "heartbeat": BEAT}

FORMS = {
    "router": {"blocking": Router, "asyncio": lambda *a, **k: AsBlocking(lambda: AsyncRouter(*a, **k))},
    "peer": {"blocking": Peer, "asyncio": lambda *a, **k: AsBlocking(lambda: AsyncPeer(*a, **k))},
}

# A peer that tells what it receives, and sends the numbers that it reads back.
PEER = f"""
    import sys
    from zmqfast.patterns.router import Peer

    with Peer(sys.argv[1], name=sys.argv[2], codec="json", heartbeat={BEAT}) as peer:
        peer.send("here")
        for event in peer:
            print(event.body, flush=True)
            if event.wants_reply:
                peer.reply(event, 2 * event.body)
            else:
                peer.send(event.body)
"""

# A router that tells what it receives; what is asked for is answered, but "hold".
ROUTER = f"""
    import sys
    from zmqfast.patterns.router import Router

    with Router(sys.argv[1], codec="json", heartbeat={BEAT}) as router:
        print(router.endpoint, flush=True)
        for event in router:
            print(event.kind, event.body, flush=True)
            if event.wants_reply and event.body != "hold" and sys.argv[2] == "answers":
                router.reply(event, event.body)
            if sys.argv[2] == "takes one" and event.kind == "message":
                break
        sys.stdin.read()
"""


@pytest.fixture(params=["blocking", "asyncio"])
def make(request):
    """`make("router", …)`: in both forms."""
    return lambda kind, *args, **kwargs: FORMS[kind][request.param](*args, **kwargs)


def receive(end, kind="message"):
    """The next event, which is of that kind."""
    event = end.receive(TIMEOUT_S)
    assert event.kind == kind, event
    return event


def bodies(end, count):
    """The bodies of so many messages; notices between them do not count."""
    found = []
    while len(found) < count:
        event = end.receive(TIMEOUT_S)
        if event.kind == "message":
            found.append(event.body)
    return found


# -- messages -------------------------------------------------------------------------------------------------------


def test_messages_come_both_ways_in_order(make):
    with make("router", LOCAL, **OPTIONS) as router, make("peer", router.endpoint, name="peer", **OPTIONS) as peer:
        for number in range(300):
            peer.send(number)
        session = receive(router, "joined").session
        assert session.name == b"peer" and session.connected and list(router.sessions) == [b"peer"]
        assert bodies(router, 300) == list(range(300))
        for number in range(300):
            router.send(session if number % 2 else b"peer", number)
        assert bodies(peer, 300) == list(range(300))
        assert peer.connected


def test_questions_are_answered_both_ways(make):
    with make("router", LOCAL, **OPTIONS) as router, make("peer", router.endpoint, **OPTIONS) as peer, \
            ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(peer.ask, number, timeout=TIMEOUT_S) for number in range(50)]
        session = receive(router, "joined").session
        for _ in range(50):
            event = receive(router)
            assert event.wants_reply
            router.reply(event, 2 * event.body)
        assert [one.result(TIMEOUT_S) for one in asked] == list(range(0, 100, 2))
        asked = pool.submit(router.ask, session, "why?", timeout=TIMEOUT_S)
        event = receive(peer)
        peer.reply(event, f"{event.body} because")
        assert asked.result(TIMEOUT_S) == "why? because"


def test_a_late_answer_is_not_another_questions(make):
    with make("router", LOCAL, **OPTIONS) as router, make("peer", router.endpoint, **OPTIONS) as peer, \
            ThreadPoolExecutor(1) as pool:
        with pytest.raises(NoAnswer, match="no answer in 0.2 s"):
            peer.ask("first", timeout=0.2)
        receive(router, "joined")
        first = receive(router)
        asked = pool.submit(peer.ask, "second", timeout=TIMEOUT_S)
        second = receive(router)
        router.reply(first, "late")
        router.reply(first, "twice")
        router.reply(second, "answer")
        assert asked.result(TIMEOUT_S) == "answer"
        assert peer.statistics["late_answers"] == 2


def test_a_wrong_body_is_an_error_of_its_message_alone(make):
    with make("router", LOCAL, **OPTIONS) as router, \
            make("peer", router.endpoint, name="stranger", heartbeat=BEAT) as peer:
        peer.send(b"{")
        peer.send(b"1")
        receive(router, "joined")
        with pytest.raises(BodyError, match="stranger: not a body of codec 'json'"):
            router.receive(TIMEOUT_S)
        assert receive(router).body == 1
        with pytest.raises(BodyError, match="'json'"):
            router.send(b"stranger", {1j})
        router.send(b"stranger", 2)
        assert receive(peer).body == b"2"


def test_nothing_in_time_is_an_error(make):
    with make("router", LOCAL, **OPTIONS) as router:
        with pytest.raises(TimeoutError, match="nothing came in 0.05 s"):
            router.receive(0.05)
        with pytest.raises(NoSession, match="b'nobody'"):
            router.send(b"nobody", 1)


def test_a_message_that_nobody_asked_has_no_reply(make):
    with make("router", LOCAL, **OPTIONS) as router, make("peer", router.endpoint, **OPTIONS) as peer:
        peer.send(1)
        receive(router, "joined")
        event = receive(router)
        with pytest.raises(ValueError, match="nobody waits for a reply"):
            router.reply(event, 2)


@pytest.mark.parametrize("name", [b"", b"\0a", b"a" * 256])
def test_a_name_that_is_no_routing_id_is_refused(name):
    with pytest.raises(ValueError, match="name: 1 to 255 bytes"):
        Peer("tcp://127.0.0.1:1", name=name)


def test_a_cancelled_receive_loses_nothing():
    async def main():
        async with AsyncRouter(LOCAL, **OPTIONS) as router, AsyncPeer(router.endpoint, **OPTIONS) as peer:
            found = []
            sent = asyncio.create_task(sends(peer))
            while len(found) < 200:
                receiving = asyncio.create_task(router.receive())
                await asyncio.sleep(0)
                receiving.cancel()
                try:
                    event = await receiving
                except asyncio.CancelledError:
                    event = await router.receive(TIMEOUT_S)
                if event.kind == "message":
                    found.append(event.body)
            await sent
            assert found == list(range(200))

    async def sends(peer):
        for number in range(200):
            await peer.send(number)
            await asyncio.sleep(0)

    asyncio.run(main())


# -- queues ---------------------------------------------------------------------------------------------------------


def test_a_peer_that_takes_nothing_fills_its_own_queue_only(make):
    with make("router", LOCAL, queue_limit=10, **OPTIONS) as router, \
            make("peer", router.endpoint, name="slow", **OPTIONS) as slow, \
            make("peer", router.endpoint, name="quick", **OPTIONS) as quick:
        assert {receive(router, "joined").session.name for _ in range(2)} == {b"slow", b"quick"}
        for number in range(10):
            router.send(b"slow", number)
        with pytest.raises(QueueFull, match="has not taken 10 messages"):
            router.send(b"slow", 10, timeout=0.05)
        for number in range(100):
            router.send(b"quick", number, timeout=TIMEOUT_S)
            assert receive(quick).body == number
        assert router.sessions[b"slow"].queued == 10
        assert bodies(slow, 10) == list(range(10))
        router.send(b"slow", 10, timeout=TIMEOUT_S)
        assert receive(slow).body == 10


def test_a_router_that_takes_nothing_holds_its_peers_up(make):
    with make("router", LOCAL, **OPTIONS) as router, \
            make("peer", router.endpoint, queue_limit=10, **OPTIONS) as peer, ThreadPoolExecutor(1) as pool:
        for number in range(10):
            peer.send(number)
        with pytest.raises(QueueFull):
            peer.send(10, timeout=0.05)
        sent = pool.submit(lambda: [peer.send(number, timeout=TIMEOUT_S) for number in range(10, 100)])
        assert bodies(router, 100) == list(range(100))
        sent.result(TIMEOUT_S)


# -- notices --------------------------------------------------------------------------------------------------------


def test_a_peer_that_goes_leaves_at_once(make):
    with make("router", LOCAL, **OPTIONS) as router:
        with make("peer", router.endpoint, **OPTIONS) as peer:
            peer.send("last")
            session = receive(router, "joined").session
            router.send(session, "never taken")
            assert receive(router).body == "last"
        event = receive(router, "left")
        assert (event.session, event.reason, event.undelivered) == (session, "the peer has closed it", ["never taken"])
        with pytest.raises(NoSession, match="is over"):
            router.send(session, 1)
        assert router.sessions == {} and router.statistics["undelivered"] == 1


def test_a_session_that_the_router_closes_is_over_for_the_peer(make):
    with make("router", LOCAL, **OPTIONS) as router, make("peer", router.endpoint, **OPTIONS) as peer, \
            ThreadPoolExecutor(1) as pool:
        asked = pool.submit(peer.ask, "anything", timeout=TIMEOUT_S)
        session = receive(router, "joined").session
        receive(router)
        router.close_session(session)
        assert receive(router, "left").reason == "it was closed here"
        for nothing_more in (asked.result, peer.receive, lambda: peer.send(1)):
            with pytest.raises(NoSession, match="the router has closed the session"):
                nothing_more()


def test_a_killed_peer_is_told_of_and_its_queue_given_back(make, program):
    with make("router", LOCAL, session_timeout=0.5, **OPTIONS) as router:
        peer = program(PEER, router.endpoint, "mortal")
        session = receive(router, "joined").session
        assert receive(router).body == "here"
        peer.kill()
        assert receive(router, "disconnected").session is session
        assert not session.connected
        router.send(session, "kept")
        router.send(session, "kept, too")
        event = receive(router, "left")
        assert event.undelivered == ["kept", "kept, too"] and "disconnected for 0.5 s" in event.reason
        assert router.statistics["disconnects"] == 1


def test_a_peer_that_was_restarted_is_a_new_session(make, program):
    with make("router", LOCAL, **OPTIONS) as router:
        first = program(PEER, router.endpoint, "phoenix")
        session = receive(router, "joined").session
        receive(router)
        first.kill()
        receive(router, "disconnected")
        router.send(session, "for the first")
        program(PEER, router.endpoint, "phoenix")
        event = receive(router, "left")
        assert (event.reason, event.undelivered) == ("the peer was restarted", ["for the first"])
        assert receive(router, "joined").session.name == b"phoenix"
        assert receive(router).body == "here"


def test_a_stalled_peer_is_told_of_and_gets_everything_when_it_goes_on(make, program):
    with make("router", LOCAL, **OPTIONS) as router:
        peer = program(PEER, router.endpoint, "sleeper")
        session = receive(router, "joined").session
        receive(router)
        peer.stall()
        assert receive(router, "disconnected").session is session
        for number in range(50):
            router.send(session, number)
        peer.go_on()
        assert receive(router, "resumed").session is session
        assert [peer.line() for _ in range(50)] == [str(number) for number in range(50)]
        assert bodies(router, 50) == list(range(50))


def test_a_cut_link_loses_and_repeats_nothing(make, program):
    with make("router", LOCAL, **OPTIONS) as router:
        with TcpLink(router.endpoint) as link:
            peer = program(PEER, link.endpoint, "far")
            session = receive(router, "joined").session
            receive(router)
            found = []
            for number in range(300):
                router.send(session, number)
                if number in (50, 150):
                    until(lambda: session.connected)
                    link.set_cut(True)
                if number in (100, 200):
                    until(lambda: not session.connected)
                    link.set_cut(False)
            while len(found) < 300:
                event = router.receive(TIMEOUT_S)
                if event.kind == "message":
                    found.append(event.body)
            assert found == list(range(300))
            assert [peer.line() for _ in range(300)] == [str(number) for number in range(300)]
            assert router.statistics["disconnects"] >= 2 and router.statistics["undelivered"] == 0


def test_what_a_killed_router_did_not_take_or_answer_comes_to_the_next_one(make, program):
    first = program(ROUTER, LOCAL, "takes one")
    endpoint = first.line()
    with make("peer", endpoint, **OPTIONS) as peer, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(peer.ask, "taken, not answered", timeout=TIMEOUT_S)
        assert [first.line() for _ in range(2)] == ["joined None", "message taken, not answered"]
        for number in range(20):
            peer.send(number)
        first.kill()
        until(lambda: not peer.connected)
        peer.send(20)
        second = program(ROUTER, endpoint, "answers")
        assert second.line() == endpoint
        assert asked.result(TIMEOUT_S) == "taken, not answered"
        lines = [second.line() for _ in range(23)]
        assert lines == ["joined None", "message taken, not answered", *(f"message {number}" for number in range(21))]
        assert peer.statistics["router_restarts"] == 1


# -- the protocol ---------------------------------------------------------------------------------------------------


def header(number, taken=0):
    return struct.pack("!QQ", number, taken)


def test_what_comes_twice_is_dropped_and_what_is_missing_asked_for(make, context):
    with make("router", LOCAL, codec="json", heartbeat=30) as router:
        raw = context.socket(zmq.DEALER)
        raw.routing_id = b"raw"
        raw.connect(router.endpoint)
        raw.send_multipart([b"O", b"life", b"", bytes(8)])
        kind, token, received = raw.recv_multipart(timeout=TIMEOUT_S)
        assert (kind, received) == (b"W", bytes(8))
        for number in (1, 1, 2, 1, 4):
            raw.send_multipart([b"M", header(number), b"", str(number).encode()])
        assert raw.recv_multipart(timeout=TIMEOUT_S) == [b"U"]       # 3 is missing
        raw.send_multipart([b"M", header(5), b"", b"5"])             # it cannot be taken before we have agreed
        assert raw.recv_multipart(timeout=TIMEOUT_S) == [b"U"]
        raw.send_multipart([b"O", b"life", token, bytes(8)])
        assert raw.recv_multipart(timeout=TIMEOUT_S) == [b"W", token, (2).to_bytes(8, "big")]
        for number in (3, 4):
            raw.send_multipart([b"M", header(number), b"", str(number).encode()])
        receive(router, "joined")
        assert bodies(router, 4) == [1, 2, 3, 4]
        assert router.statistics["duplicates"] == 2


def test_strangers_messages_do_no_harm(make, context):
    with make("router", LOCAL, **OPTIONS) as router:
        stranger = context.socket(zmq.DEALER)
        stranger.connect(router.endpoint)
        for frames in ([b""], [b"", b""], [b"O"], [b"O", b"", b"", b""], [b"M"], [b"M", b"", b"", b""], [b"M", header(1)],
                       [b"H"], [b"H", b""], [b"B"], [b"W", b"", bytes(8)], [b"\xff"] * 9):
            stranger.send_multipart(frames)
        with make("peer", router.endpoint, **OPTIONS) as peer:
            assert [peer.send(number) for number in range(3)] == [None] * 3
            receive(router, "joined")
            assert bodies(router, 3) == [0, 1, 2]


def test_a_peer_may_begin_before_its_router(program):
    first = program(ROUTER, LOCAL, "answers")
    endpoint = first.line()
    first.kill()
    with Peer(endpoint, **OPTIONS) as peer:
        peer.send("early")
        assert not peer.connected
        second = program(ROUTER, endpoint, "answers")
        assert [second.line() for _ in range(3)] == [endpoint, "joined None", "message early"]


def test_arrays_go_both_ways_without_a_copy():
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(100_000.0)
    with Router(LOCAL, codec="numpy") as router, Peer(router.endpoint, codec="numpy") as peer:
        peer.send(array)
        receive(router, "joined")
        found = receive(router).body
        assert numpy.array_equal(found, array) and not found.flags.owndata
