"""A zerorpc server and client, over zmq.green: calls, a stream, an error, and heartbeats meanwhile."""

import gevent
import zerorpc


class Service:
    def greet(self, name: str) -> str:
        return f"hello {name}"

    @zerorpc.stream
    def numbers(self, count: int):
        return iter(range(count))

    def fail(self) -> None:
        raise ValueError("on purpose")

    def be_slow(self, time_s: float) -> str:
        gevent.sleep(time_s)
        return "done"


server = zerorpc.Server(Service())
server.bind("tcp://127.0.0.1:*")
serving = gevent.spawn(server.run)
# zerorpc's loop over FD and EVENTS finds some messages up to a second late, with pyzmq as well: heartbeats of 1 s get lost.
client = zerorpc.Client(heartbeat=2)
client.connect(server._events._socket.last_endpoint.decode())
assert [client.greet(str(number)) for number in range(50)] == [f"hello {number}" for number in range(50)]
assert list(client.numbers(1000)) == list(range(1000))
try:
    client.fail()
except zerorpc.RemoteError as error:
    assert (error.name, error.msg) == ("ValueError", "on purpose")
else:
    raise AssertionError("no error came back")
assert client.be_slow(5) == "done"      # longer than two heartbeats
client.close()
server.stop()
serving.join(timeout=30)
server.close()
