"""Request-reply: clients, servers and the broker, over tcp between processes that are killed, stalled and cut off."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from patterns.parts import BEAT, BROKER, AsBlocking, raise_textless, until
from program import run
from tcp_link import TcpLink

import zmqfast as zmq
from zmqfast.patterns.codecs import BodyError
from zmqfast.patterns.request_reply import (
    AsyncBroker,
    AsyncClient,
    AsyncServer,
    Broker,
    Client,
    NoAnswer,
    Refused,
    RemoteError,
    Server,
)

LOCAL = "tcp://127.0.0.1:*"

# A server that tells its endpoint, then each number that it doubles. "hold" tells and never returns.
SERVER = f"""
    import sys, threading
    from zmqfast.patterns.request_reply import Server

    def double(number):
        print(number, flush=True)
        return 2 * number

    def hold(body):
        print("held", flush=True)
        threading.Event().wait()

    kind, endpoint = sys.argv[1:3]
    server = Server({{"double": double, "hold": hold}}, codec="json", heartbeat={BEAT}, **{{kind: endpoint}})
    print(server.endpoint if kind == "bind" else "ready", flush=True)
    server.run()
"""


def client_of(endpoints, **options):
    return Client(endpoints, codec="json", **{"timeout": 15, "retries": 30, "try_timeout": 0.2, "backoff": 1.1, **options})


def handlers(loud=None):
    def fail(body):
        raise KeyError("no such thing")

    return {"double": lambda number: 2 * number, "fail": fail, "unwritable": lambda body: {1j}}


FORMS = {
    "client": {"blocking": Client, "asyncio": lambda *a, **k: AsBlocking(lambda: AsyncClient(*a, **k))},
    "server": {"blocking": Server, "asyncio": lambda *a, **k: AsBlocking(lambda: AsyncServer(*a, **k))},
    "broker": {"blocking": Broker, "asyncio": lambda *a, **k: AsBlocking(lambda: AsyncBroker(*a, **k))},
}


@pytest.fixture(params=["blocking", "asyncio"])
def make(request):
    """`make("client", …)`: in both forms."""
    return lambda kind, *args, **kwargs: FORMS[kind][request.param](*args, **kwargs)


# -- answers --------------------------------------------------------------------------------------------------------


def test_each_answer_is_its_requests(make):
    with make("server", handlers(), bind=LOCAL, codec="json") as server, \
            make("client", server.endpoint, codec="json") as client:
        assert [client.call("double", number) for number in range(100)] == list(range(0, 200, 2))
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda number: client.call("double", number), range(200))) == list(range(0, 400, 2))


def test_a_handlers_exception_reaches_the_caller_with_its_traceback(make):
    with make("server", handlers(), bind=LOCAL, codec="json") as server, \
            make("client", server.endpoint, codec="json") as client:
        with pytest.raises(RemoteError, match="KeyError: 'no such thing'(.|\n)*in fail") as caught:
            client.call("fail", 1)
        assert caught.value.kind == "KeyError"
        assert client.call("double", 1) == 2


def test_an_exception_without_a_text_reaches_the_caller_too(make):
    with make("server", {"fail": raise_textless, "double": lambda number: 2 * number}, bind=LOCAL, codec="json") as server, \
            make("client", server.endpoint, codec="json") as client:
        with pytest.raises(RemoteError, match="Textless: .it has no text: LookupError"):
            client.call("fail", 1)
        assert client.call("double", 2) == 4


def test_wrong_bodies_and_services_are_errors_of_their_call(make):
    with make("server", handlers(), bind=LOCAL, codec="json") as server, \
            make("client", server.endpoint, codec="json") as client, \
            make("client", server.endpoint, codec="bytes") as other:
        with pytest.raises(Refused, match="'halve'"):
            client.call("halve", 1)
        with pytest.raises(BodyError, match="double.*'json'"):
            client.call("double", {1j})
        with pytest.raises(RemoteError, match="BodyError: double.*'json'"):
            other.call("double", b"{")
        with pytest.raises(RemoteError, match="BodyError: unwritable.*'json'"):
            client.call("unwritable", 1)
        assert client.call("double", 1) == 2


def test_one_function_serves_every_name(make):
    with make("server", lambda body: body[::-1], bind=LOCAL) as server, make("client", server.endpoint) as client:
        assert client.call("whatever", b"abc") == b"cba"


def test_handlers_run_at_once_in_threads():
    both = threading.Barrier(2)
    with Server(lambda body: both.wait(10), bind=LOCAL, codec="json", threads=2) as server, \
            client_of(server.endpoint) as client, ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda number: client.call("meet", number), range(2))) == [0, 1]


def test_handlers_run_at_once_in_tasks():
    async def main():
        arrived = asyncio.Event()

        async def meet(body):
            if body == 1:
                arrived.set()
            await arrived.wait()
            return body

        async with AsyncServer(meet, bind=LOCAL, codec="json") as server, \
                AsyncClient(server.endpoint, codec="json") as client:
            assert await asyncio.gather(client.call("meet", 0), client.call("meet", 1)) == [0, 1]

    asyncio.run(main())


def test_strangers_messages_do_no_harm(context):
    with Server(handlers(), bind=LOCAL, codec="json") as server, Broker(LOCAL, LOCAL) as broker:
        for endpoint in (server.endpoint, broker.frontend, broker.backend):
            stranger = context.socket(zmq.DEALER)
            stranger.connect(endpoint)
            for frames in ([b""], [b"Q"], [b"Q", b"", b"", b"", b""], [b"R"], [b"R", b"", b""], [b"A"], [b"\xff"] * 9,
                           [b"Q", b"i", b"k", b"\xff", b"\0\0\0\xff", b"{"]):
                stranger.send_multipart(frames)
        with client_of(server.endpoint) as client:
            assert client.call("double", 4) == 8
        with Server(handlers(), broker=broker.backend, codec="json"), client_of(broker.frontend) as client:
            assert client.call("double", 4) == 8


# -- deadlines, late and duplicate answers --------------------------------------------------------------------------


def test_no_server_is_no_answer_at_the_deadline(make, context):
    with context.socket(zmq.ROUTER) as silent:
        silent.bind(LOCAL)
        with make("client", silent.last_endpoint.decode().rstrip("\0"), codec="json", timeout=0.1,
                  try_timeout=0.02) as client:
            with pytest.raises(NoAnswer, match="echo"):
                client.call("echo", 0)
            assert client.statistics["retried"] >= 1


def test_retries_zero_sends_once(context):
    with context.socket(zmq.ROUTER) as silent:
        silent.bind(LOCAL)
        with client_of(silent.last_endpoint.decode(), timeout=0.2, retries=0) as client:
            with pytest.raises(NoAnswer):
                client.call("echo", 0)
        assert silent.recv_multipart(timeout=5)[1] == b"O"
        with pytest.raises(zmq.Again):
            silent.recv_multipart(zmq.DONTWAIT)


def test_late_and_duplicate_answers_are_never_another_requests(make, context):
    """The server answers the first request only when the second one is there, twice, and with the first one's answer."""
    router = context.socket(zmq.ROUTER)
    router.bind(LOCAL)
    endpoint = router.last_endpoint.decode()

    def serve():
        first = router.recv_multipart(timeout=10)
        while True:
            second = router.recv_multipart(timeout=10)
            if second[2] != first[2]:
                break
        for request, body in ((first, b"1"), (first, b"1"), (second, b"2"), (second, b"3")):
            router.send_multipart([second[0], b"A", request[2], body])
        third = router.recv_multipart(timeout=10)
        router.send_multipart([third[0], b"A", third[2], b"4"])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with make("client", endpoint, codec="json", retries=0) as client:
        with pytest.raises(NoAnswer):
            client.call("first", 0, timeout=0.05)
        assert client.call("second", 0, timeout=10) == 2
        assert client.call("third", 0, timeout=10) == 4
        assert client.statistics["late"] == 3
    thread.join()


def test_a_request_that_comes_again_is_carried_out_once(make, context):
    """The same key five times while its handler runs and afterwards: each is answered, and the handler ran once."""
    ran = []
    with make("server", lambda body: ran.append(body) or len(ran), bind=LOCAL, codec="json") as server:
        dealer = context.socket(zmq.DEALER)
        dealer.connect(server.endpoint)
        for number in range(5):
            dealer.send_multipart([b"Q", b"request %d" % number, b"key", b"s", b"\0\0\xff\xff", b"7"])
        for number in range(5):
            assert dealer.recv_multipart(timeout=10) == [b"A", b"request %d" % number, b"1"]
    assert ran == [7]


def test_an_idempotency_key_gives_the_answer_of_the_first_time(make):
    ran = []
    with make("server", lambda body: ran.append(body) or len(ran), bind=LOCAL, codec="json", remember=2) as server, \
            client_of(server.endpoint) as client:
        assert [client.call("s", 0, key=key) for key in (b"a", b"a", b"b", b"c", b"a")] == [1, 1, 2, 3, 4]


# -- servers that die, stall and are cut off ------------------------------------------------------------------------


def test_a_server_is_killed_and_restarted_and_every_call_is_answered(program):
    first = program(SERVER, "bind", LOCAL)
    endpoint = first.line()
    with client_of(endpoint) as client, ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(client.call, "double", number) for number in range(100)]
        for _ in range(20):
            first.line()
        first.kill()
        program(SERVER, "bind", endpoint)
        assert [call.result() for call in calls] == list(range(0, 200, 2))


def test_another_server_takes_over_from_a_stalled_one(program, make):
    stalled, other = program(SERVER, "bind", LOCAL), program(SERVER, "bind", LOCAL)
    endpoints = [stalled.line(), other.line()]
    with make("client", endpoints, codec="json", timeout=15, retries=20, try_timeout=0.2) as client:
        assert client.call("double", 1) == 2
        stalled.stall()
        assert [client.call("double", number) for number in range(20)] == list(range(0, 40, 2))
        assert client.statistics["retried"] == 1        # it stays with the one that answers
        stalled.go_on()
        assert client.call("double", 5) == 10


def test_the_first_answer_wins(program, make):
    stalled, other = program(SERVER, "bind", LOCAL), program(SERVER, "bind", LOCAL)
    endpoints = [stalled.line(), other.line()]
    stalled.stall()
    with make("client", endpoints, codec="json", timeout=15, first_wins=True) as client:
        assert [client.call("double", number) for number in range(20)] == list(range(0, 40, 2))
        stalled.go_on()
        until(lambda: client.call("double", 1) == 2 and client.statistics["late"] >= 20)


def test_a_link_is_cut_and_healed(program):
    server = program(SERVER, "bind", LOCAL)
    with TcpLink(server.line()) as link:
        with client_of(link.endpoint) as client, ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(client.call, "double", number) for number in range(200)]
            for _ in range(3):
                server.line()
                link.set_cut(True)
                link.set_cut(False)
            assert [call.result() for call in calls] == list(range(0, 400, 2))


# -- broker ---------------------------------------------------------------------------------------------------------


def test_a_broker_balances_the_load(make):
    with make("broker", LOCAL, LOCAL, heartbeat=BEAT) as broker:
        served = [0, 0, 0]

        def count(number):
            def handle(body):
                served[number] += 1
                return body
            return handle

        with make("server", count(0), broker=broker.backend, codec="json", heartbeat=BEAT), \
                make("server", count(1), broker=broker.backend, codec="json", heartbeat=BEAT), \
                make("server", {"third": count(2)}, broker=broker.backend, codec="json", heartbeat=BEAT), \
                make("client", broker.frontend, codec="json") as client:
            until(lambda: broker.statistics()["workers"] == 3)
            assert [client.call("any", number) for number in range(20)] == list(range(20))
            assert [client.call("third", number) for number in range(5)] == list(range(5))
        assert served == [10, 10, 5]
        assert broker.statistics()["answered"] == 25


def test_a_dead_workers_requests_are_given_to_others(program):
    with Broker(LOCAL, LOCAL, heartbeat=BEAT) as broker, client_of(broker.frontend, retries=1, try_timeout=15) as client:
        workers = [program(SERVER, "broker", broker.backend) for _ in range(3)]
        for worker in workers:
            worker.line()
        until(lambda: broker.statistics()["workers"] == 3)
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(client.call, "double", number) for number in range(300)]
            workers[0].line()
            workers[0].kill()
            workers[1].line()
            workers[1].stall()
            assert [call.result() for call in calls] == list(range(0, 600, 2))
        until(lambda: broker.statistics()["workers"] == 1)
        workers[1].go_on()
        until(lambda: broker.statistics()["workers"] == 2)
        assert client.statistics["retried"] == 0        # the broker saw to it
        found = broker.statistics()
        assert found["unfinished"] == 0 and found["dead_workers"] >= 2


def test_what_may_not_come_twice_is_refused_when_its_worker_dies(program):
    with Broker(LOCAL, LOCAL, heartbeat=BEAT) as broker, client_of(broker.frontend, retries=0) as client, \
            ThreadPoolExecutor(1) as pool:
        worker = program(SERVER, "broker", broker.backend)
        assert worker.line() == "ready"
        call = pool.submit(client.call, "hold", 0)
        assert worker.line() == "held"
        worker.kill()
        with pytest.raises(Refused, match="1 workers went while they had it"):
            call.result()


def test_a_request_that_ends_its_workers_is_refused_at_last(program):
    with Broker(LOCAL, LOCAL, heartbeat=BEAT) as broker, client_of(broker.frontend, retries=1, try_timeout=15) as client, \
            ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.call, "hold", 0)
        for _ in range(3):
            worker = program(SERVER, "broker", broker.backend)
            assert [worker.line(), worker.line()] == ["ready", "held"]
            worker.kill()
        with pytest.raises(Refused, match="3 workers went"):
            call.result()


def test_clients_and_workers_survive_the_brokers_restart(program):
    broker = program(BROKER, LOCAL, LOCAL)
    frontend, backend = broker.line().split()
    worker = program(SERVER, "broker", backend)
    assert worker.line() == "ready"
    with client_of(frontend) as client, ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(client.call, "double", number) for number in range(100)]
        for _ in range(20):
            worker.line()
        broker.kill()
        program(BROKER, frontend, backend)
        assert [call.result() for call in calls] == list(range(0, 200, 2))


def test_a_worker_that_leaves_hands_back_what_it_has_not_begun():
    held = threading.Event()
    with Broker(LOCAL, LOCAL, heartbeat=BEAT) as broker, client_of(broker.frontend) as client, \
            ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.call, "s", 3)
        with Server(lambda body: held.wait(0.05) or body, broker=broker.backend, codec="json", heartbeat=BEAT):
            until(lambda: broker.statistics()["workers"] == 1)
        with Server(lambda body: body, broker=broker.backend, codec="json", heartbeat=BEAT):
            assert call.result() == 3


def test_a_full_queue_refuses_and_the_statistics_tell(context):
    with Broker(LOCAL, LOCAL, queue_limit=2) as broker:
        dealer = context.socket(zmq.DEALER)
        dealer.connect(broker.frontend)
        for number in range(3):
            dealer.send_multipart([b"Q", b"%d" % number, b"", b"slow", b"\0\0\xff\xff", b""])
        assert dealer.recv_multipart(timeout=10)[:2] == [b"N", b"2"]
        with Client(broker.frontend) as client:
            found = json.loads(client.call("zmqfast.statistics"))
        assert (found["requests"], found["refused"], found["unfinished"]) == (3, 1, 2)
        assert found["services"]["slow"] == {"waiting": 2, "free_workers": 0}


def test_what_waits_longer_than_its_deadline_is_counted_and_never_carried_out():
    ran = []
    with Broker(LOCAL, LOCAL, heartbeat=BEAT) as broker, client_of(broker.frontend) as client:
        with pytest.raises(NoAnswer):
            client.call("s", 1, timeout=0.05)
        until(lambda: broker.statistics()["expired"] == 1)
        with Server(lambda body: ran.append(body), broker=broker.backend, codec="json", heartbeat=BEAT):
            client.call("s", 2)
    assert ran == [2]


def test_cancelled_calls_are_forgotten():
    async def main():
        async with AsyncServer(lambda body: asyncio.Event().wait(), bind=LOCAL) as server, \
                AsyncClient(server.endpoint) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.call("never"), 0.05)
            assert client._core.asked == {}

    asyncio.run(main())


def test_a_client_without_descriptors_goes_on_with_the_socket_that_it_has():
    """A try on a fresh socket, for which there was no descriptor, left the client without any for the server."""
    assert run("""
        import os, resource
        from zmqfast.patterns.request_reply import Client, NoAnswer, Server

        silent = Server({"back": lambda body: body[::-1]}, bind="tcp://127.0.0.1:*")    # not running yet
        with Client(silent.endpoint, try_timeout=0.05, timeout=30) as client:
            try:
                client.call("back", b"a descriptor for the poller", timeout=0.1)
            except NoAnswer:
                pass
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
            held = []
            try:
                while True:
                    held.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                pass
            try:
                client.call("back", b"first", timeout=0.5, retries=5)
            except NoAnswer:
                print("no answer")
            for descriptor in held:
                os.close(descriptor)
            with silent:
                print(client.call("back", b"second", retries=100))
    """).splitlines() == ["no answer", "b'dnoces'"]
