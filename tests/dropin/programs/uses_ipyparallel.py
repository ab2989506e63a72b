"""An ipyparallel cluster of two engines: maps, a load-balanced view, a broadcast view, and arrays of some size."""

import ipyparallel

ENGINES = 2


def library() -> str:
    import zmq

    return zmq.__name__


with ipyparallel.Cluster(n=ENGINES, log_level=30) as client:
    client.wait_for_engines(ENGINES, timeout=60)
    engines = client[:]
    assert engines.apply_sync(library) == ["zmqfast"] * ENGINES
    assert engines.map_sync(lambda n: n * n, range(100)) == [n * n for n in range(100)]
    balanced = client.load_balanced_view()
    assert balanced.map_async(lambda n: n + 1, range(200)).get(timeout=60) == list(range(1, 201))
    engines.push({"data": bytes(2_000_000)}, block=True)
    assert [len(data) for data in engines.pull("data", block=True)] == [2_000_000] * ENGINES
    assert client.broadcast_view().apply_sync(lambda: 7) == [7] * ENGINES
    try:
        engines.apply_sync(lambda: 1 / 0)
    except ipyparallel.CompositeError as error:
        assert "ZeroDivisionError" in str(error), error
    else:
        raise AssertionError("no error came back")
