"""Every party of every pattern is killed and restarted, stalled, or cut off, while the others work over tcp.

All parties are processes of their own. What each pattern promises must hold, and what may be lost must be counted. Faults
of a kind that only one pattern knows (a poisonous request, a chunk that ends its workers) are in the patterns' own files.
"""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest
from patterns.parts import BEAT, BROKER
from tcp_link import TcpLink

STALL_S = 0.6       # longer than three heartbeats, after which a party counts as dead
LOCAL = "tcp://127.0.0.1:*"
RESTARTS = 6
STORM = "restarted again and again"
FAULTS = pytest.mark.parametrize("fault", ["killed and restarted", "stalled"])


class Party:
    """A program that tells an endpoint first, or only that it is ready, and can be started again."""

    def __init__(self, program, source, *arguments):
        self.start = lambda: program(source, *self.arguments)
        self.arguments = arguments
        self.running = self.start()
        self.told = self.running.line().split()

    def suffer(self, fault):
        if fault == "stalled":
            self.running.stall()
            time.sleep(STALL_S)
            self.running.go_on()
            return
        # Where it chose its ports, it comes back to them.
        chosen = iter(self.told)
        self.arguments = [next(chosen) if argument == LOCAL else argument for argument in self.arguments]
        for number in range(RESTARTS if fault == STORM else 1):
            if number % 2:          # some come up between, others are killed while they start
                self.running.line()
            self.running.kill()
            self.running = self.start()
        assert self.running.line().split() == self.told

    def line(self):
        return self.running.line()

    def lines_to(self, end):
        """The lines up to one that is `end`."""
        found = []
        while (line := self.running.line()) != end:
            found.append(line)
        return found


# -- request-reply --------------------------------------------------------------------------------------------------

SERVER = f"""
    import sys
    from zmqfast.patterns.request_reply import Server

    kind, endpoint = sys.argv[1:3]
    server = Server({{"double": lambda number: 2 * number}}, codec="json", heartbeat={BEAT}, **{{kind: endpoint}})
    print(server.endpoint if kind == "bind" else "ready", flush=True)
    server.run()
"""

CALLS = 2000

CLIENT = f"""
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from zmqfast.patterns.request_reply import Client

    print("ready", flush=True)
    with Client(sys.argv[1], codec="json", timeout=30, retries=100, try_timeout=0.3, backoff=1.1) as client, \\
            ThreadPoolExecutor(4) as pool:
        for number, answer in enumerate(pool.map(lambda number: client.call("double", number), range({CALLS}))):
            print(number, answer, flush=True)
    print("end", flush=True)
"""


def all_are_answered(client):
    found = [tuple(map(int, line.split())) for line in client.lines_to("end")]
    first = found[0][0]
    assert found == [(number, 2 * number) for number in range(first, CALLS)]


@FAULTS
@pytest.mark.parametrize("party", ["server", "client"])
def test_every_call_of_a_server_is_answered(program, party, fault):
    server = Party(program, SERVER, "bind", LOCAL)
    client = Party(program, CLIENT, server.told[0])
    for _ in range(100):
        client.line()
    {"server": server, "client": client}[party].suffer(fault)
    all_are_answered(client)
    # Whoever comes afterwards finds a server in order.
    all_are_answered(Party(program, CLIENT, server.told[0]))


@FAULTS
@pytest.mark.parametrize("party", ["broker", "worker", "client"])
def test_every_call_through_a_broker_is_answered(program, party, fault):
    broker = Party(program, BROKER, LOCAL, LOCAL)
    frontend, backend = broker.told
    worker, _ = (Party(program, SERVER, "broker", backend) for _ in range(2))
    client = Party(program, CLIENT, frontend)
    for _ in range(100):
        client.line()
    {"broker": broker, "worker": worker, "client": client}[party].suffer(fault)
    all_are_answered(client)
    all_are_answered(Party(program, CLIENT, frontend))


@pytest.mark.parametrize("side", ["client", "worker"])
def test_every_call_is_answered_although_a_link_to_the_broker_is_cut(program, side):
    broker = Party(program, BROKER, LOCAL, LOCAL)
    frontend, backend = broker.told
    with TcpLink(frontend if side == "client" else backend) as link:
        Party(program, SERVER, "broker", link.endpoint if side == "worker" else backend)
        client = Party(program, CLIENT, link.endpoint if side == "client" else frontend)
        for _ in range(3):
            client.line()
            link.set_cut(True)
            link.set_cut(False)
        all_are_answered(client)


@pytest.mark.parametrize("party", ["server", "broker", "worker"])
def test_every_call_is_answered_in_a_storm_of_restarts(program, party):
    broker = Party(program, BROKER, LOCAL, LOCAL)
    worker = Party(program, SERVER, "broker", broker.told[1])
    server = Party(program, SERVER, "bind", LOCAL)
    client = Party(program, CLIENT, server.told[0] if party == "server" else broker.told[0])
    client.line()
    {"server": server, "broker": broker, "worker": worker}[party].suffer(STORM)
    all_are_answered(client)


# -- publish-subscribe ----------------------------------------------------------------------------------------------

PUBLISHED = 3000

# It publishes slowly, so that faults fall between, and then tells how many each topic had.
PUBLISHER = f"""
    import sys, threading, time
    from zmqfast.patterns.publish_subscribe import Publisher

    where, endpoint = sys.argv[1:3]
    with Publisher(codec="json", heartbeat={BEAT}, **{{where: endpoint}}) as publisher:
        print(publisher.endpoint if where == "bind" else "ready", flush=True)
        publisher.wait_for_subscribers()
        for number in range({PUBLISHED}):
            publisher.publish("ab"[number % 2], number)
            if number % 10 == 0:
                time.sleep(0.002)
            if number % 1000 == 500:
                time.sleep({3 * BEAT})      # subscribers tell how they are
            if number % 1000 == 0:
                print(number, flush=True)
        print("end", flush=True)
        threading.Event().wait()
"""

BETWEEN = f"""
    import sys
    from zmqfast.patterns.forwarding import Forwarder, LastValueCache

    options = {{"heartbeat": {BEAT}}} if sys.argv[1] == "LastValueCache" else {{}}
    with globals()[sys.argv[1]](sys.argv[2], sys.argv[3], **options) as between:
        print(between.frontend, between.backend, flush=True)
        sys.stdin.read()
        between._thread.join()
"""

# It tells its statistics and the numbers of a topic whenever nothing comes for a moment.
SUBSCRIBER = f"""
    import json, sys
    from zmqfast.patterns.publish_subscribe import Subscriber

    print("ready", flush=True)
    with Subscriber(sys.argv[1], codec="json", heartbeat={BEAT}) as subscriber:
        numbers = {{"a": [], "b": []}}
        while True:
            try:
                for topic, number in subscriber.recv_many(timeout={2 * BEAT}):
                    numbers[topic].append(number)
            except TimeoutError:
                print(json.dumps([subscriber.statistics, numbers]), flush=True)
"""


def accounted(subscriber, published=PUBLISHED):
    """What a SUBSCRIBER has once all that was published is taken or counted as lost: in order, and nothing twice."""
    while True:
        told, numbers = json.loads(subscriber.line())
        assert told["received"] + told["lost"] <= published, told
        if told["received"] + told["lost"] == published:
            break
    for found in numbers.values():
        assert found == sorted(set(found))
    assert sum(map(len, numbers.values())) == told["received"]
    return told


def wait_for_both_topics(subscriber):
    """Behind one in between, what a topic has lost is known once something of it has come."""
    while not all(json.loads(subscriber.line())[1].values()):
        pass


def publisher_with_subscriber(program):
    """Both, once the publisher has published its first body."""
    publisher = Party(program, PUBLISHER, "bind", LOCAL)
    subscriber = Party(program, SUBSCRIBER, publisher.told[0])
    assert publisher.line() == "0"
    return publisher, subscriber


@pytest.mark.parametrize("party", ["publisher", "subscriber"])
def test_a_stalled_publisher_or_subscriber_loses_what_is_counted(program, party):
    publisher, subscriber = publisher_with_subscriber(program)
    {"publisher": publisher, "subscriber": subscriber}[party].suffer("stalled")
    told = accounted(subscriber)
    if party == "publisher":
        assert told["lost"] == 0


def test_a_subscriber_that_was_restarted_misses_nothing_from_then_on(program):
    publisher, subscriber = publisher_with_subscriber(program)
    subscriber.suffer("killed and restarted")
    publisher.lines_to("end")
    told, numbers = json.loads(subscriber.line())
    while sum(map(len, numbers.values())) < told["received"] or not numbers["b"] or numbers["b"][-1] != PUBLISHED - 1:
        told, numbers = json.loads(subscriber.line())
    assert told["lost"] == 0
    for found in numbers.values():
        assert found == list(range(found[0], PUBLISHED, 2))


def test_a_publisher_that_was_restarted_is_followed_from_its_first_body_on(program):
    publisher, subscriber = publisher_with_subscriber(program)
    publisher.suffer("killed and restarted")
    publisher.lines_to("end")
    while True:
        told, numbers = json.loads(subscriber.line())
        last = [found[len(found) - 1 - found[::-1].index(start):] if start in found else []
                for start, found in enumerate(numbers.values())]
        if last == [list(range(0, PUBLISHED, 2)), list(range(1, PUBLISHED, 2))]:
            break
    assert told["publishers"] == 2 and told["repeated"] == 0


@FAULTS
@pytest.mark.parametrize("kind", ["Forwarder", "LastValueCache"])
def test_what_one_in_between_loses_is_counted(program, kind, fault):
    between = Party(program, BETWEEN, kind, LOCAL, LOCAL)
    frontend, backend = between.told
    subscriber = Party(program, SUBSCRIBER, backend)
    publisher = Party(program, PUBLISHER, "connect", frontend)
    assert [publisher.line(), publisher.line()] == ["0", "1000"]
    wait_for_both_topics(subscriber)
    between.suffer(fault)
    publisher.lines_to("end")
    accounted(subscriber)


@pytest.mark.parametrize("side", ["publisher", "subscriber"])
def test_what_is_lost_while_a_link_to_a_forwarder_is_cut_is_counted(program, side):
    between = Party(program, BETWEEN, "Forwarder", LOCAL, LOCAL)
    frontend, backend = between.told
    with TcpLink(frontend if side == "publisher" else backend) as link:
        subscriber = Party(program, SUBSCRIBER, link.endpoint if side == "subscriber" else backend)
        publisher = Party(program, PUBLISHER, "connect", link.endpoint if side == "publisher" else frontend)
        assert publisher.line() == "0"
        wait_for_both_topics(subscriber)
        link.set_cut(True)
        assert publisher.line() == "1000"
        link.set_cut(False)
        publisher.lines_to("end")
        accounted(subscriber)


# -- state ----------------------------------------------------------------------------------------------------------

OWNER = f"""
    import sys, threading
    from zmqfast.patterns.state import State

    with State(sys.argv[1], initial={{"initial": 1}}, heartbeat={BEAT}) as state:
        print(state.endpoint, flush=True)
        threading.Event().wait()
"""

WRITES = 200

# It writes numbers, and tells each once it is confirmed.
WRITER = f"""
    import sys, time
    from zmqfast.patterns.state import Replica

    print("ready", flush=True)
    with Replica(sys.argv[1], heartbeat={BEAT}) as replica:
        for number in range({WRITES}):
            replica.put(str(number), number, timeout=30)
            print(number, flush=True)
            time.sleep(0.005)       # so that faults fall between
        print("end", flush=True)
        for line in sys.stdin:
            pass
"""

READER = f"""
    import json, sys
    from zmqfast.patterns.state import Replica

    with Replica(sys.argv[1], heartbeat={BEAT}) as replica:
        replica.wait_ready(30)
        print("ready", flush=True)
        replica.wait_for(lambda replica: {str(WRITES - 1)!r} in replica, 30)
        print(json.dumps(dict(replica)), flush=True)
        replica.wait_for(lambda replica: False)
"""


@FAULTS
@pytest.mark.parametrize("party", ["owner", "writer", "reader"])
def test_confirmed_writes_reach_every_replica(program, party, fault):
    owner = Party(program, OWNER, LOCAL)
    reader = Party(program, READER, owner.told[0])
    writer = Party(program, WRITER, owner.told[0])
    confirmed = [int(writer.line()) for _ in range(20)]
    {"owner": owner, "writer": writer, "reader": reader}[party].suffer(fault)
    confirmed += [int(line) for line in writer.lines_to("end")]
    values = json.loads(reader.line())
    expected = {"initial": 1, **{str(number): number for number in range(WRITES)}}
    if (party, fault) == ("owner", "killed and restarted"):     # it keeps nothing on a disk: the page says so
        assert {key: value for key, value in expected.items() if key in values} == values
        assert set(values) >= {"initial", *(str(number) for number in range(WRITES - 100, WRITES))}
    else:
        assert values == expected
    assert confirmed[-1] == WRITES - 1


def test_an_owner_that_is_restarted_again_and_again_gets_every_write(program):
    owner = Party(program, OWNER, LOCAL)
    writer = Party(program, WRITER, owner.told[0])
    writer.line()
    owner.suffer(STORM)
    confirmed = [int(line) for line in writer.lines_to("end")]
    assert confirmed == list(range(confirmed[0], WRITES))


# -- pipeline -------------------------------------------------------------------------------------------------------

TASKS = 2000

VENTILATOR = f"""
    import sys
    from zmqfast.patterns.pipeline import Ventilator

    with Ventilator(sys.argv[1], codec="json", chunk=5, window=20, heartbeat={BEAT}) as ventilator:
        print(ventilator.endpoint, flush=True)
        ventilator.distribute(range({TASKS}))
        print("distributed", flush=True)
"""

WORKER = f"""
    import sys, time
    from zmqfast.patterns.pipeline import Worker

    def double(number):
        time.sleep(0.001)       # so that faults fall between
        return 2 * number

    print("ready", flush=True)
    Worker(sys.argv[1], sys.argv[2], double, codec="json", heartbeat={BEAT}).run()
"""

SINK = f"""
    import sys
    from zmqfast.patterns.pipeline import Sink, StreamLost

    with Sink(sys.argv[2], sys.argv[1], codec="json", heartbeat={BEAT}, ordered=True) as sink:
        print(sink.endpoint, flush=True)
        try:
            for result in sink:
                print(result, flush=True)
            print("end", flush=True)
        except StreamLost:
            print("lost", flush=True)
"""


@FAULTS
@pytest.mark.parametrize("party", ["ventilator", "worker", "sink"])
def test_every_task_has_one_result(program, party, fault):
    ventilator = Party(program, VENTILATOR, LOCAL)
    sink = Party(program, SINK, ventilator.told[0], LOCAL)
    worker, _ = (Party(program, WORKER, ventilator.told[0], sink.told[0]) for _ in range(2))
    told = [int(sink.line()) for _ in range(50)]
    {"ventilator": ventilator, "worker": worker, "sink": sink}[party].suffer(fault)
    if (party, fault) == ("ventilator", "killed and restarted"):
        told += [int(line) for line in sink.lines_to("lost")]           # it says so, and what it had was right
        assert told == list(range(0, 2 * len(told), 2))
        return
    if (party, fault) == ("sink", "killed and restarted"):
        rest = [int(line) for line in sink.lines_to("end")]
        assert rest == list(range(rest[0], 2 * TASKS, 2))               # it goes on where nobody had taken
    else:
        assert told + [int(line) for line in sink.lines_to("end")] == list(range(0, 2 * TASKS, 2))
    assert ventilator.line() == "distributed"


# -- router ---------------------------------------------------------------------------------------------------------

MESSAGES = 1000

ROUTER = f"""
    import sys
    from zmqfast.patterns.router import Router

    with Router(sys.argv[1], codec="json", heartbeat={BEAT}) as router:
        print(router.endpoint, flush=True)
        for event in router:
            if event.kind == "message":
                router.send(event.session, event.body)
"""

PEER = f"""
    import sys, threading
    from zmqfast.patterns.router import Peer

    print("ready", flush=True)
    with Peer(sys.argv[1], name="peer", codec="json", heartbeat={BEAT}) as peer:

        def send():
            for number in range({MESSAGES}):
                peer.send(number)

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        for event in peer:
            print(event.body, flush=True)
"""


@pytest.mark.parametrize("party, fault", [("router", "stalled"), ("peer", "stalled"), ("peer", "killed and restarted")])
def test_each_message_comes_back_once_and_in_order(program, party, fault):
    router = Party(program, ROUTER, LOCAL)
    peer = Party(program, PEER, router.told[0])
    found = [int(peer.line()) for _ in range(20)]
    {"router": router, "peer": peer}[party].suffer(fault)
    if fault == "killed and restarted":
        found = []          # a session of its own
    while len(found) < MESSAGES:
        found.append(int(peer.line()))
    assert found == list(range(MESSAGES))


def test_a_routers_restart_repeats_at_most_what_was_not_taken(program):
    router = Party(program, ROUTER, LOCAL)
    peer = Party(program, PEER, router.told[0])
    found = [int(peer.line()) for _ in range(20)]
    router.suffer("killed and restarted")
    while found[-1] != MESSAGES - 1:
        found.append(int(peer.line()))
    # What the first router had taken went with it; nobody gets anything twice out of order.
    assert found == sorted(found)
    assert max(Counter(found).values()) <= 2
