"""aiozmq: asyncio transports that watch FD and EVENTS of plain sockets by themselves, and its RPC over them."""

import asyncio

import aiozmq
import aiozmq.rpc
import zmq

MESSAGES = 500


class Handler(aiozmq.rpc.AttrHandler):
    @aiozmq.rpc.method
    def add(self, a: int, b: int) -> int:
        return a + b


async def main() -> None:
    server = await aiozmq.rpc.serve_rpc(Handler(), bind="tcp://127.0.0.1:*")
    [endpoint] = server.transport.bindings()
    client = await aiozmq.rpc.connect_rpc(connect=endpoint)
    sums = await asyncio.gather(*(client.call.add(number, number) for number in range(MESSAGES)))
    assert sums == [2 * number for number in range(MESSAGES)], sums
    for end in (client, server):
        end.close()
        await end.wait_closed()

    dealer = await aiozmq.create_zmq_stream(zmq.DEALER, bind="tcp://127.0.0.1:*")
    [endpoint] = dealer.transport.bindings()
    router = await aiozmq.create_zmq_stream(zmq.ROUTER, connect=endpoint)
    for number in range(MESSAGES):
        dealer.write([b"%d" % number])
    received = [(await router.read())[1] for _ in range(MESSAGES)]
    assert received == [b"%d" % number for number in range(MESSAGES)]
    dealer.close()
    router.close()


asyncio.run(asyncio.wait_for(main(), 60))
