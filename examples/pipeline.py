"""Prime numbers by three processes, with a progress line: python examples/pipeline.py"""

import multiprocessing
import threading

from zmqfast.patterns.pipeline import Sink, Ventilator, Worker


def is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def work(ventilator: str, sink: str) -> None:
    Worker(ventilator, sink, is_prime, codec="json").run()


def main() -> None:
    with Ventilator("tcp://127.0.0.1:*", codec="json") as ventilator:
        with Sink("tcp://127.0.0.1:*", ventilator.endpoint, codec="json") as sink:
            spawn = multiprocessing.get_context("spawn")
            workers = [spawn.Process(target=work, args=(ventilator.endpoint, sink.endpoint)) for _ in range(2)]
            for worker in workers:
                worker.start()
            numbers = threading.Thread(target=ventilator.distribute, args=(range(10_000),))
            numbers.start()
            print(sum(sink), "primes below 10000")
            numbers.join()
            print(f"{ventilator.progress.taken} tasks, {ventilator.progress.rate:.0f} a second")
            for worker in workers:
                worker.kill()
                worker.join()


if __name__ == "__main__":
    main()
