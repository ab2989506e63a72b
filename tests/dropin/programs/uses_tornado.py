"""A tornado user: two ZMQStreams."""

import asyncio

import zmq
from zmq.eventloop.zmqstream import ZMQStream


async def main():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router, context.socket(zmq.DEALER) as dealer:
        port = router.bind_to_random_port("tcp://127.0.0.1")
        dealer.connect(f"tcp://127.0.0.1:{port}")
        echoing, asking = ZMQStream(router), ZMQStream(dealer)
        answers, done = [], asyncio.get_running_loop().create_future()

        def on_answer(frames):
            answers.append(frames)
            if len(answers) == 300:
                done.set_result(None)

        echoing.on_recv(echoing.send_multipart)
        asking.on_recv(on_answer)
        for i in range(300):
            asking.send_multipart([b"%d" % i, b"body"])
        await asyncio.wait_for(done, 30)
        assert answers == [[b"%d" % i, b"body"] for i in range(300)], answers
        echoing.close()
        asking.close()


asyncio.run(main())
