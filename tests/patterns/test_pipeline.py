"""Pipeline: every task has exactly one result, whoever is killed, stalled or cut off on the way."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from patterns.parts import BEAT, double, halve, kill_oneself, raise_textless, until
from tcp_link import TcpLink

from zmqfast.patterns import pipeline
from zmqfast.patterns.codecs import BodyError
from zmqfast.patterns.pipeline import (
    AsyncSink,
    AsyncVentilator,
    AsyncWorker,
    Sink,
    StreamLost,
    TaskFailed,
    Ventilator,
    Worker,
)

LOCAL = "tcp://127.0.0.1:*"
OPTIONS = {"codec": "json", "heartbeat": BEAT}

# A worker that doubles, and tells of each task once it has begun.
WORKER = f"""
    import sys, time
    from zmqfast.patterns.pipeline import Worker

    def double(number):
        print(number, flush=True)
        time.sleep(0.002)       # so that none is done before the others have begun
        return 2 * number

    Worker(sys.argv[1], sys.argv[2], double, codec="json", heartbeat={BEAT}).run()
"""

# A worker that has all there is, tells when it is at a task, and stays there.
STUCK_AT = f"""
    import sys, threading
    from zmqfast.patterns.pipeline import Worker

    def stay(number):
        if number == int(sys.argv[3]):
            print("there", flush=True)
            threading.Event().wait()
        return 2 * number

    Worker(sys.argv[1], sys.argv[2], stay, codec="json", credit=4, heartbeat={BEAT}).run()
"""

# A sink that tells each result.
SINK = f"""
    import sys
    from zmqfast.patterns.pipeline import Sink

    with Sink(sys.argv[1], sys.argv[2], codec="json", heartbeat={BEAT}, ordered=True) as sink:
        print(sink.endpoint, flush=True)
        for result in sink:
            print(result, flush=True)
        print("end", flush=True)
"""


@pytest.fixture
def distribute():
    """`distribute(ventilator, items)` in another thread; its errors are the test's."""
    with ThreadPoolExecutor(2) as pool:
        started = []

        def start(ventilator, items):
            started.append(pool.submit(ventilator.distribute, items))
            return started[-1]

        yield start
        for one in started:
            one.result(20)


@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "unordered"])
@pytest.mark.parametrize("chunk", [1, 7])
def test_every_task_has_one_result(distribute, ordered, chunk):
    with Ventilator(LOCAL, chunk=chunk, **OPTIONS) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, ordered=ordered, **OPTIONS) as sink, \
            Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS), \
            Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
        done = distribute(ventilator, range(500))
        results = list(sink)
        done.result(20)
    assert (results if ordered else sorted(results)) == list(range(0, 1000, 2))
    assert ventilator.progress[:3] == (500, 500, 500)


def test_asyncio_ventilator_and_sink():
    async def main():
        async with AsyncVentilator(LOCAL, chunk=3, **OPTIONS) as ventilator:
            async with AsyncSink(LOCAL, ventilator.endpoint, ordered=True, **OPTIONS) as sink:
                with Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
                    distributed = asyncio.create_task(ventilator.distribute(range(100)))
                    assert [result async for result in sink] == list(range(0, 200, 2))
                    await distributed

    asyncio.run(main())


def test_an_asyncio_worker_has_a_chunks_tasks_under_way_together():
    async def main():
        arrived = []

        async def meet(number):
            arrived.append(number)
            while len(arrived) < 3:
                await asyncio.sleep(0)
            return 6 // number

        async with AsyncVentilator(LOCAL, chunk=3, **OPTIONS) as ventilator, \
                AsyncSink(LOCAL, ventilator.endpoint, ordered=True, **OPTIONS) as sink, \
                AsyncWorker(ventilator.endpoint, sink.endpoint, meet, **OPTIONS):
            distributed = asyncio.create_task(ventilator.distribute([1, 0, 2]))
            assert await anext(sink) == 6
            with pytest.raises(TaskFailed, match="ZeroDivisionError"):
                await anext(sink)
            assert [result async for result in sink] == [3]
            await distributed

    asyncio.run(main())


def test_a_distribution_whose_ventilator_is_closed_is_told():
    async def main():
        async with AsyncVentilator(LOCAL, **OPTIONS) as ventilator:
            distributed = asyncio.create_task(ventilator.distribute([1]))
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="closed"):
            await distributed

    asyncio.run(main())


def test_an_empty_stream_ends(distribute):
    with Ventilator(LOCAL, **OPTIONS) as ventilator, Sink(LOCAL, ventilator.endpoint, **OPTIONS) as sink, \
            Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
        distribute(ventilator, [])
        assert list(sink) == []


def test_a_task_that_fails_raises_in_its_place_and_the_rest_comes(distribute):
    with Ventilator(LOCAL, chunk=5, **OPTIONS) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, ordered=True, **OPTIONS) as sink, \
            Worker(ventilator.endpoint, sink.endpoint, lambda task: 6 // task, **OPTIONS):
        distribute(ventilator, [1, 0, 2, 3])
        assert next(sink) == 6
        with pytest.raises(TaskFailed, match="ZeroDivisionError(.|\n)*lambda") as caught:
            next(sink)
        assert caught.value.kind == "ZeroDivisionError"
        assert list(sink) == [3, 2]


def test_an_exception_without_a_text_is_its_tasks_too(distribute):
    with Ventilator(LOCAL, **OPTIONS) as ventilator, Sink(LOCAL, ventilator.endpoint, **OPTIONS) as sink, \
            Worker(ventilator.endpoint, sink.endpoint, raise_textless, **OPTIONS):
        distribute(ventilator, [1])
        with pytest.raises(TaskFailed, match="Textless: .it has no text: LookupError"):
            next(sink)
        assert list(sink) == []


def test_a_wrong_body_is_an_error_of_its_task(distribute):
    with Ventilator(LOCAL, codec="bytes", heartbeat=BEAT) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, ordered=True, **OPTIONS) as sink, \
            Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
        distribute(ventilator, [b"1", b"{", b"3"])
        assert next(sink) == 2
        with pytest.raises(TaskFailed, match="BodyError: task.*'json'"):
            next(sink)
        assert list(sink) == [6]


def test_an_item_that_cannot_be_written_names_its_task():
    with Ventilator(LOCAL, **OPTIONS) as ventilator, Sink(LOCAL, ventilator.endpoint, **OPTIONS) as sink, \
            Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
        with pytest.raises(BodyError, match="a task from number 0 on.*'json'"):
            ventilator.distribute([{1j}])


def test_tasks_of_dead_and_stalled_workers_are_handed_out_again(program, distribute):
    with Ventilator(LOCAL, chunk=2, **OPTIONS) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, ordered=True, **OPTIONS) as sink:
        workers = [program(WORKER, ventilator.endpoint, sink.endpoint) for _ in range(3)]
        until(lambda: ventilator.statistics["workers"] == 3)
        done = distribute(ventilator, range(1000))
        workers[0].line()
        workers[0].kill()
        workers[1].line()
        workers[1].stall()
        assert list(sink) == list(range(0, 2000, 2))
        done.result(20)
        until(lambda: ventilator.statistics["dead_workers"] >= 2)
        assert ventilator.statistics["handed_out_again"] >= 1


def test_a_stalled_workers_late_results_are_counted_not_taken(program, distribute):
    with Ventilator(LOCAL, chunk=1, **OPTIONS) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, **OPTIONS) as sink:
        worker = program(WORKER, ventilator.endpoint, sink.endpoint)
        done = distribute(ventilator, iter(range(50)))
        results = [next(sink) for _ in range(3)]
        worker.stall()
        until(lambda: ventilator.statistics["dead_workers"] == 1)
        with Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
            results += [next(sink) for _ in range(20)]
            worker.go_on()
            results += list(sink)
        done.result(20)
        assert sorted(results) == list(range(0, 100, 2))


def test_a_sink_is_killed_and_what_nobody_took_comes_again(program, distribute):
    with Ventilator(LOCAL, chunk=1, window=5, **OPTIONS) as ventilator:
        sink = program(SINK, LOCAL, ventilator.endpoint)
        endpoint = sink.line()
        worker = program(WORKER, ventilator.endpoint, endpoint)
        done = distribute(ventilator, range(100))
        told = [int(sink.line()) for _ in range(10)]
        assert told == list(range(0, 20, 2))
        sink.kill()
        told += [int(line) for line in sink.process.stdout.read().split()]
        again = program(SINK, endpoint, ventilator.endpoint)
        assert again.line() == endpoint
        found = []
        while (line := again.line()) != "end":
            found.append(int(line))
        assert found == list(range(found[0], 200, 2))
        assert found[0] <= told[-1] + 4         # one may have been taken that it could not tell any more
        done.result(20)
        worker.kill()


def test_links_are_cut_and_healed(distribute):
    with Ventilator(LOCAL, chunk=3, **OPTIONS) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, ordered=True, **OPTIONS) as sink, \
            TcpLink(ventilator.endpoint) as near, TcpLink(sink.endpoint) as far, \
            Worker(near.endpoint, far.endpoint, double, **OPTIONS):
        distribute(ventilator, range(600))
        results = []
        for link in (near, far, near, far):
            results += [next(sink) for _ in range(30)]
            link.set_cut(True)
            link.set_cut(False)
        results += list(sink)
        assert results == list(range(0, 1200, 2))


def test_the_link_between_ventilator_and_sink_is_cut_and_healed(distribute):
    with Ventilator(LOCAL, chunk=1, **OPTIONS) as ventilator:
        with TcpLink(ventilator.endpoint) as link:
            with Sink(LOCAL, link.endpoint, ordered=True, **OPTIONS) as sink, \
                    Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
                distribute(ventilator, range(300))
                results = []
                for _ in range(3):
                    results += [next(sink) for _ in range(50)]
                    link.set_cut(True)
                    link.set_cut(False)
                assert results + list(sink) == list(range(0, 600, 2))


def test_memory_stays_bounded_when_nobody_takes(distribute):
    taken_from = []

    def tasks():
        for number in range(2000):
            taken_from.append(number)
            yield number

    with Ventilator(LOCAL, chunk=1, window=10, **OPTIONS) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, ordered=True, **OPTIONS) as sink, \
            Worker(ventilator.endpoint, sink.endpoint, double, credit=4, **OPTIONS):
        distribute(ventilator, tasks())
        until(lambda: len(sink._core.waiting) == 10)
        for number in range(2000):
            assert next(sink) == 2 * number
            assert len(taken_from) <= number + 1 + 10 + 1
        assert list(sink) == []


def test_tasks_that_end_every_worker_end_the_stream():
    with pytest.raises(StreamLost, match="3 workers"):
        list(pipeline.map(kill_oneself, [1], workers=1))


def test_any_number_of_workers_may_go_at_the_same_tasks_where_that_is_said(program, distribute):
    with Ventilator(LOCAL, attempts=None, **OPTIONS) as ventilator, Sink(LOCAL, ventilator.endpoint, **OPTIONS) as sink:
        distribute(ventilator, [1])
        for _ in range(5):
            worker = program(STUCK_AT, ventilator.endpoint, sink.endpoint, "1")
            worker.line()
            worker.kill()
        with Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
            assert list(sink) == [2]


def test_one_worker_is_enough_to_end_the_stream_where_that_is_said(program):
    with ThreadPoolExecutor(1) as pool, Ventilator(LOCAL, attempts=1, **OPTIONS) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, **OPTIONS) as sink:
        done = pool.submit(ventilator.distribute, [1])
        worker = program(STUCK_AT, ventilator.endpoint, sink.endpoint, "1")
        worker.line()
        worker.kill()
        with pytest.raises(StreamLost, match="1 workers went while they were at the same 1 tasks"):
            done.result(20)


def test_only_the_tasks_that_a_worker_was_at_count_as_its_end(program, distribute):
    with Ventilator(LOCAL, chunk=1, **OPTIONS) as ventilator, \
            Sink(LOCAL, ventilator.endpoint, ordered=True, **OPTIONS) as sink:
        distribute(ventilator, range(4))
        for number in range(3):             # each has the last one behind others
            worker = program(STUCK_AT, ventilator.endpoint, sink.endpoint, str(number))
            worker.line()
            until(lambda left=4 - number: sum(len(hand.busy) for hand in ventilator._core.hands.values()) == left)
            worker.kill()
        with Worker(ventilator.endpoint, sink.endpoint, double, **OPTIONS):
            assert list(sink) == [0, 2, 4, 6]


@pytest.mark.parametrize("attempts", [0, -1])
def test_attempts_that_make_no_sense_are_refused(attempts):
    with pytest.raises(ValueError, match=f"attempts={attempts}"):
        Ventilator(LOCAL, attempts=attempts)


def test_map_over_processes():
    assert list(pipeline.map(double, range(20), workers=2)) == list(range(0, 40, 2))


def test_map_raises_what_failed():
    with pytest.raises(TaskFailed, match="ZeroDivisionError(.|\n)*halve"):
        list(pipeline.map(halve, [0], workers=1))


def test_map_can_be_left_halfway():
    results = pipeline.map(double, iter(range(10**9)), workers=1)
    assert [next(results) for _ in range(3)] == [0, 2, 4]
    results.close()


def test_a_restarted_ventilator_ends_the_sinks_stream(program):
    source = f"""
        import sys
        from zmqfast.patterns.pipeline import Ventilator
        with Ventilator(sys.argv[1], codec="json", heartbeat={BEAT}) as ventilator:
            print(ventilator.endpoint, flush=True)
            ventilator.distribute(iter(int, 1))
    """
    first = program(source, LOCAL)
    endpoint = first.line()
    with Sink(LOCAL, endpoint, **OPTIONS) as sink, Worker(endpoint, sink.endpoint, double, **OPTIONS):
        assert next(sink) == 0
        first.signal(signal.SIGKILL)
        first.process.wait()
        program(source, endpoint)
        with pytest.raises(StreamLost, match="restarted"):
            while True:
                next(sink)
