"""Two services that find each other in a shared dictionary, whose entries end with them: python examples/state.py"""

import multiprocessing

from zmqfast.patterns.state import Replica, State


def service(name: str, endpoint: str) -> None:
    with Replica(endpoint) as registry:
        while len(registry) < 2:
            registry.put(name, {"state": "ready"}, ttl=2)       # again and again, as long as it is here
            try:
                registry.wait_for(lambda registry: len(registry) == 2, timeout=0.5)
            except TimeoutError:
                pass


def main() -> None:
    with State("tcp://127.0.0.1:*") as registry, Replica(registry.endpoint) as watcher:
        spawn = multiprocessing.get_context("spawn")
        services = [spawn.Process(target=service, args=(name, registry.endpoint)) for name in ("orders", "prices")]
        for process in services:
            process.start()
        watcher.wait_for(lambda watcher: len(watcher) == 2, timeout=20)
        print("here:", *sorted(watcher))
        watcher.wait_for(lambda watcher: not watcher, timeout=20)
        print("gone, as nobody put them again")
        for process in services:
            process.join()


if __name__ == "__main__":
    main()
