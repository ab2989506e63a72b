"""A broker, two workers and a client; one worker is killed at work: python examples/request_reply.py"""

import multiprocessing
import os

from zmqfast.patterns.request_reply import Broker, Client, Server


def square(number: int) -> int:
    return number * number


def work(backend: str) -> None:
    Server({"square": square, "pid": lambda body: os.getpid()}, broker=backend, codec="json", heartbeat=0.1).run()


def main() -> None:
    with Broker("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", heartbeat=0.1) as broker:
        spawn = multiprocessing.get_context("spawn")
        workers = [spawn.Process(target=work, args=(broker.backend,)) for _ in range(2)]
        for worker in workers:
            worker.start()
        with Client(broker.frontend, codec="json", timeout=30) as client:
            pid = client.call("pid", None)
            next(worker for worker in workers if worker.pid == pid).kill()
            print([client.call("square", number) for number in range(10)])
        print("answered:", broker.statistics()["answered"])
        for worker in workers:
            worker.kill()
            worker.join()


if __name__ == "__main__":
    main()
