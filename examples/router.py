"""A router gives numbers to whichever peers come, and to others what a killed one had: python examples/router.py"""

import multiprocessing

from zmqfast.patterns.router import Peer, Router


def work(endpoint: str, name: str) -> None:
    with Peer(endpoint, name=name, codec="json", heartbeat=0.1) as peer:
        for event in peer:
            peer.send([event.body, event.body**2])


def main() -> None:
    spawn = multiprocessing.get_context("spawn")
    with Router("tcp://127.0.0.1:*", codec="json", heartbeat=0.1, session_timeout=0.5) as router:
        workers = {name: spawn.Process(target=work, args=(router.endpoint, name)) for name in ("one", "two")}
        for worker in workers.values():
            worker.start()
        waiting, squares = list(range(20)), {}
        while len(squares) < 20:
            event = router.receive(timeout=20)
            if event.kind == "joined":
                event.session.data["given"] = set()
            elif event.kind == "message":
                number, squares[number] = event.body
                event.session.data["given"].discard(number)
                if event.session.name == b"one":
                    workers["one"].kill()
            elif event.kind == "left":
                print(event.session.name.decode(), "left; others get what it had")
                waiting += event.session.data["given"]
            if workers["one"].is_alive() and len(router.sessions) < 2:
                continue                                # both are to get some
            for session in router.sessions.values():
                given = session.data.get("given")       # None: the notice that it joined is still to come
                while given is not None and session.connected and waiting and len(given) < 3:
                    number = waiting.pop()
                    given.add(number)
                    router.send(session, number)
        print([squares[number] for number in range(20)])
        for worker in workers.values():
            worker.kill()
            worker.join()


if __name__ == "__main__":
    main()
