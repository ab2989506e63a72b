"""Prices from another process: all of them, then only the newest of each: python examples/publish_subscribe.py"""

import multiprocessing
from multiprocessing.connection import Connection

from zmqfast.patterns.publish_subscribe import Publisher, Subscriber

SYMBOLS = ["AAPL", "MSFT", "NVDA"]


def publish(tell: Connection) -> None:
    with Publisher("tcp://127.0.0.1:*", codec="json", keep_last=True, slow="block") as publisher:
        tell.send(publisher.endpoint)
        publisher.wait_for_subscribers(1, "prices.AAPL")    # no sleep: the first price reaches it
        for tick in range(1000):
            for symbol in SYMBOLS:
                publisher.publish(f"prices.{symbol}", {"tick": tick, "price": 100 + tick / 100})
        tell.send("published")
        tell.recv()


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=publish, args=(theirs,))
    process.start()
    endpoint = ours.recv()

    with Subscriber(endpoint, "prices.", codec="json") as every:
        count = 0
        for _topic, _price in every:
            count += 1
            if count == 1000 * len(SYMBOLS):
                break
        print(f"{count} prices, {every.statistics['lost']} lost")

    ours.recv()
    with Subscriber(endpoint, "prices.", codec="json") as late:     # comes when everything is over
        for topic, price in sorted(late.recv(timeout=10) for _ in SYMBOLS):
            print(f"{topic}: {price['price']:.2f} at tick {price['tick']}")
    ours.send("enough")
    process.join()


if __name__ == "__main__":
    main()
