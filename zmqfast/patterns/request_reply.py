"""Request-reply: clients with deadlines and retries, servers with handlers, and a broker that balances the load.

Every request has an id that only its answer carries: a late answer is never taken for another one's. It also has a
key, the same in each retry, by which a server knows a request that it has seen.

Messages, each frame after the kind:
    Q id key service ms body…   a request, with the ms that are left for it; O: it must not be carried out twice
    A id body…                  its answer
    E id kind text traceback    the handler's exception
    N id reason                 nobody will carry it out
    R capacity service…         a worker is ready for so many requests at once
    H                           worker or broker is alive
    W                           the broker does not know the worker: who are you?
    B                           the worker goes
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import secrets
import struct
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from collections.abc import Callable, Mapping, Sequence

import zmqfast as zmq
from zmqfast.patterns.codecs import BodyError, Codec, find
from zmqfast.patterns.drivers import (AsyncAttended, AsyncRunner, Attended, Core, Driven, Pending, Pool, Port,
                                      Runner, outcome_of)
from zmqfast.patterns.remote import RemoteError, described

if TYPE_CHECKING:

    from typing_extensions import Buffer

HEARTBEAT_S = 1.0
LIVENESS = 3                # heartbeats that may be missing before the other side counts as dead
HANDED_OUT_AT_MOST = 3      # times: a request that ends its workers is refused then
STATISTICS = b"zmqfast.statistics"      # a service that every broker has; its answer is JSON

_MS = struct.Struct("!I")
_CAPACITY = struct.Struct("!H")
_MOST_MS = 2**32 - 1


class NoAnswer(TimeoutError):
    """No server answered before the deadline, or in the last retry: the request may have been carried out or not."""


class Refused(RuntimeError):
    """Nobody will carry out the request: no such service, a full queue, or workers that died of it."""


# -- client ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Asked:
    """A request without an answer yet."""

    frames: list[Any]           # all but the time that is left
    pending: Pending
    deadline: float
    tries: int                  # that are left, beside the running one
    once: bool
    wait_s: float               # for the running try
    server: int = 0
    sent_at: float = 0.0
    retry_at: float = 0.0


class ClientCore(Core):
    """Which requests are under way, where, and when to try again."""

    def __init__(self, servers: int, codec: Codec, try_timeout: float, backoff: float, first_wins: bool) -> None:
        super().__init__()
        self.codec = codec
        self.try_timeout = try_timeout
        self.backoff = backoff
        self.first_wins = first_wins
        self.names = [f"server{number}" for number in range(servers)]
        self.heard_at = [0.0] * servers
        self.renewed_at = [0.0] * servers
        self.preferred = 0
        self.asked: dict[bytes, Asked] = {}
        self.prefix = secrets.token_bytes(8)
        self.numbers = itertools.count(1)
        self.next_due: float | None = None
        self.retried = 0
        self.late = 0

    def start(self, service: str, body: Any, timeout: float, retries: int, key: bytes | None) -> tuple[bytes, Pending]:
        """Send a request."""
        frames = self.codec.dump(body, service)
        request = self.prefix + next(self.numbers).to_bytes(8, "big")
        now = time.monotonic()
        asked = Asked([b"Q" if retries else b"O", request, key or request, service.encode(), b"", *frames], Pending(),
                      now + timeout, retries, not retries, self.try_timeout if retries else timeout, self.preferred)
        self.asked[request] = asked
        self._try(asked, now)
        return request, asked.pending

    def forget(self, request: bytes) -> None:
        """Nobody waits for its answer any more."""
        self.asked.pop(request, None)

    def _try(self, asked: Asked, now: float) -> None:
        asked.retry_at = min(asked.deadline, now + asked.wait_s)
        if self.next_due is None or asked.retry_at < self.next_due:
            self.next_due = asked.retry_at
        for number in self._servers_of(asked):
            self._send_to(number, asked, now)

    def _servers_of(self, asked: Asked) -> Sequence[int]:
        return range(len(self.names)) if self.first_wins else (asked.server,)

    def _send_to(self, number: int, asked: Asked, now: float) -> None:
        left_ms = min(_MOST_MS, max(0, int((asked.deadline - now) * 1000)))
        asked.sent_at = now
        self.send(self.names[number], [*asked.frames[:4], _MS.pack(left_ms), *asked.frames[5:]])

    def _try_again(self, asked: Asked, now: float) -> None:
        asked.tries -= 1
        asked.wait_s *= self.backoff
        self.retried += 1
        for number in self._servers_of(asked):
            self._renew_if_silent(number, asked, now)
        if not self.first_wins:
            asked.server = (asked.server + 1) % len(self.names)
            self.preferred = asked.server
        self._try(asked, now)

    def _renew_if_silent(self, number: int, asked: Asked, now: float) -> None:
        """A fresh socket to a server that has said nothing since: unless that loses what is asked only once."""
        others = [other for other in self.asked.values() if other is not asked and number in self._servers_of(other)]
        if max(self.heard_at[number], self.renewed_at[number]) >= asked.sent_at or any(other.once for other in others):
            return
        self.renew(self.names[number])
        self.renewed_at[number] = now
        for other in others:        # what they said was lost with the old socket
            self._send_to(number, other, now)

    def on_time(self, now: float) -> float | None:
        if self.next_due is None or now < self.next_due:
            return self.next_due
        self.next_due = None
        for request, asked in list(self.asked.items()):
            if asked.retry_at > now:
                pass
            elif now >= asked.deadline or asked.tries <= 0:
                del self.asked[request]
                asked.pending.finish(error=NoAnswer(f"{asked.frames[3].decode()}: no answer in time"))
            else:
                self._try_again(asked, now)
        self.next_due = min((asked.retry_at for asked in self.asked.values()), default=None)
        return self.next_due

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        number = self.names.index(port)
        self.heard_at[number] = now
        kind = frames[0]
        asked = self.asked.get(frames[1]) if len(frames) > 2 else None
        if asked is None:
            self.late += 1
            return
        if kind == b"N" and asked.tries > 0 and len(self.names) > 1 and not self.first_wins:
            self._try_again(asked, now)     # the next server may want it
            return
        del self.asked[frames[1]]
        if kind == b"A":
            service = asked.frames[3].decode()
            try:
                asked.pending.finish(self.codec.load(frames[2:], service))
            except BodyError as error:
                asked.pending.finish(error=error)
        elif kind == b"E" and len(frames) == 5:
            asked.pending.finish(error=RemoteError(*(bytes(frame).decode(errors="replace") for frame in frames[2:])))
        else:
            asked.pending.finish(error=Refused(bytes(frames[2]).decode(errors="replace")))

    def ports(self, endpoints: Sequence[str]) -> list[Port]:
        options = {"reconnect_ivl": 50, "reconnect_ivl_max": 1000}
        return [Port(name, zmq.DEALER, connect=[endpoint], options=options)
                for name, endpoint in zip(self.names, endpoints)]


class Calling(Driven):
    """What Client and AsyncClient share."""

    _alone = True
    _linger_ms = 0      # nobody waits for an answer any more

    def __init__(self, endpoints: str | Sequence[str], *, codec: str | Codec = "bytes", timeout: float = 5.0,
                 retries: int = 3, try_timeout: float = 1.0, backoff: float = 1.5, first_wins: bool = False,
                 context: zmq.Context[Any] | None = None) -> None:
        endpoints = [endpoints] if isinstance(endpoints, str) else list(endpoints)
        self._core = ClientCore(len(endpoints), find(codec), try_timeout, backoff, first_wins)
        self._defaults = (timeout, retries)
        super().__init__(self._core, self._core.ports(endpoints), context, copy=not self._core.codec.zero_copy)

    @property
    def statistics(self) -> dict[str, int]:
        """How many tries were made again, and how many answers came when nobody waited for them any more."""
        return {"retried": self._core.retried, "late": self._core.late}


class Client(Calling, Attended):
    """Calls services at one or several servers or brokers. Use from any thread.

    Args:
        endpoints: one, or several: the next is tried where one does not answer.
        codec: of bodies, both ways; a name or a Codec.
        timeout: seconds for each call, all its tries together.
        retries: tries after the first one, each on a fresh socket where the server was silent. With 0 a request is sent
            once, and nobody carries it out twice.
        try_timeout: seconds for the first try; each further one has `backoff` times as many.
        first_wins: ask all servers at once, and take the first answer.
    """

    def call(self, service: str, body: Any = b"", *, timeout: float | None = None, retries: int | None = None,
             key: bytes | None = None) -> Any:
        """The body that the service answers.

        Args:
            timeout, retries: for this call, instead of the client's.
            key: a server that has seen this idempotency key answers as it did then, without its handler.
        Raises:
            NoAnswer: no answer before the deadline.
            RemoteError: the handler raised.
            Refused: nobody will carry it out.
            BodyError: the codec cannot write the body, or read the answer.
        """
        with self._driver.lock:
            request, pending = self._core.start(service, body, *chosen(self._defaults, timeout, retries), key)
        try:
            self._driver.wait(lambda: pending.done, poke=True)
        finally:
            if not pending.done:
                with self._driver.lock:
                    self._core.forget(request)
        return pending.outcome()


class AsyncClient(Calling, AsyncAttended):
    """A Client for asyncio: make it in the loop, and await its calls, as many at once as you like.

    Arguments and errors are Client's.
    """

    async def call(self, service: str, body: Any = b"", *, timeout: float | None = None, retries: int | None = None,
                   key: bytes | None = None) -> Any:
        """The body that the service answers. Arguments and errors are Client.call()'s."""
        request, pending = self._core.start(service, body, *chosen(self._defaults, timeout, retries), key)
        try:
            return await outcome_of(pending, self._driver)
        finally:
            self._core.forget(request)



def chosen(defaults: tuple[float, int], timeout: float | None, retries: int | None) -> tuple[float, int]:
    return (defaults[0] if timeout is None else timeout, defaults[1] if retries is None else retries)


# -- server ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Job:
    """A request to carry out."""

    port: str
    route: list[Any]            # the client's routing id, where it is ours to give
    request: bytes
    key: bytes
    service: str
    body: list[Any]
    deadline: float


@dataclass(slots=True)
class Known:
    """A key that was seen: its answer, and who waits for it."""

    answer: list[Any] | None = None
    waiting: list[Job] = field(default_factory=list)


Handlers = Callable[[Any], Any] | Mapping[str, Callable[[Any], Any]]


class ServerCore(Core):
    """Which requests wait for their handler, which were answered, and whether the broker is there."""

    hears_heartbeats = True

    def __init__(self, handlers: Handlers, codec: Codec, capacity: int, remember: int, broker: bool,
                 heartbeat: float) -> None:
        super().__init__()
        self.handlers = handlers
        self.codec = codec
        self.capacity = capacity
        self.remember = remember
        self.heartbeat = heartbeat
        self.jobs: deque[Job] = deque()
        self.known: OrderedDict[bytes, Known] = OrderedDict()
        self.broker = broker
        self.broker_dead_at = 0.0
        self.patience = LIVENESS * heartbeat
        self.beat_at = 0.0
        self.statistics = {"requests": 0, "answered": 0, "repeated": 0, "expired": 0, "failed": 0, "gone": 0}
        self.leaving = False

    def _be_ready(self, now: float) -> None:
        services = [b"*"] if callable(self.handlers) else [name.encode() for name in self.handlers]
        self.send("broker", [b"R", _CAPACITY.pack(self.capacity), *services])
        self.broker_dead_at = now + self.patience
        self.beat_at = now + self.heartbeat

    def on_time(self, now: float) -> float | None:
        if not self.broker or self.leaving:
            return None
        if self.broker_dead_at == 0.0:
            self._be_ready(now)
        elif now >= self.broker_dead_at:
            self.patience = min(2 * self.patience, 8 * LIVENESS * self.heartbeat)
            self.renew("broker")
            self._be_ready(now)
        elif now >= self.beat_at:
            self.send("broker", [b"H"])
            self.beat_at = now + self.heartbeat
        return min(self.beat_at, self.broker_dead_at)

    def leave(self) -> None:
        """Tell the broker, and take no more requests."""
        if self.broker and not self.leaving:
            self.send("broker", [b"B"])
        self.leaving = True

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        route: list[Any] = []
        if port == "clients":
            route, frames = frames[:1], frames[1:]
        else:
            self.patience = LIVENESS * self.heartbeat
            self.broker_dead_at = now + self.patience
        if not frames:
            return
        if frames[0] == b"W" and port == "broker":
            self._be_ready(now)
        elif frames[0] in (b"Q", b"O") and len(frames) >= 5 and len(frames[4]) == _MS.size:
            _, request, key, service, ms, *body = frames
            deadline = now + _MS.unpack(ms)[0] / 1000
            self._take(Job(port, route, request, key, service.decode(errors="replace"), body, deadline))

    def _take(self, job: Job) -> None:
        self.statistics["requests"] += 1
        known = self.known.get(job.key) if self.remember else None
        if known is not None:
            self.statistics["repeated"] += 1
            if known.answer is None:
                known.waiting.append(job)       # its handler runs: it has one answer for all
            else:
                self._reply(job, known.answer)
            return
        if self.remember:
            self.known[job.key] = Known()
        self.jobs.append(job)

    def handler(self, job: Job) -> Callable[[Any], Any] | None:
        return self.handlers if callable(self.handlers) else self.handlers.get(job.service)

    def prepare(self, job: Job) -> tuple[Callable[[Any], Any], Any] | None:
        """The handler and what to give it; None where the job is answered, or nobody waits for it any more."""
        if time.monotonic() > job.deadline:
            self.statistics["expired"] += 1
            self.finish(job, None)
            return None
        handler = self.handler(job)
        if handler is None:
            self.finish(job, [b"N", job.request, f"no service {job.service!r}".encode()])
            return None
        try:
            return handler, self.codec.load(job.body, job.service)
        except BodyError as error:
            self.finish(job, self.failure(job, error))
            return None

    def success(self, job: Job, value: Any) -> list[Any]:
        """The answer that carries a handler's result; may raise BodyError."""
        return [b"A", job.request, *self.codec.dump(value, job.service)]

    def failure(self, job: Job, error: BaseException) -> list[Any]:
        """The answer that carries an exception."""
        return [b"E", job.request, *(part.encode(errors="replace") for part in described(error))]

    def finish(self, job: Job, answer: list[Any] | None) -> None:
        """Answer, and remember it; None: nobody waits, and it was not carried out."""
        known = self.known.get(job.key)
        waiting: list[Job] = []
        if known is not None:
            waiting, known.waiting = known.waiting, []
            if answer is None or answer[0] == b"N":
                del self.known[job.key]
            else:
                known.answer = answer
                self.known.move_to_end(job.key)
                while len(self.known) > self.remember:
                    oldest = next((key for key, other in self.known.items() if other.answer is not None), None)
                    if oldest is None:
                        break
                    del self.known[oldest]
        if answer is None:
            if job.port == "broker":
                self.send("broker", [b"N", job.request, b"its time is over"])     # or the broker would keep our slot
            for other in waiting:
                self._take(other)
            return
        if answer[0] == b"E":
            self.statistics["failed"] += 1
        self._reply(job, answer)
        for other in waiting:
            self._reply(other, answer)

    def _reply(self, job: Job, answer: list[Any]) -> None:
        self.statistics["answered"] += 1
        self.send(job.port, [*job.route, answer[0], job.request, *answer[2:]])

    def on_unreachable(self, port: str, frames: Sequence[Buffer]) -> None:
        self.statistics["gone"] += 1

    def ports(self, bind: str | None, broker: str | None) -> list[Port]:
        found = []
        if bind is not None:
            found.append(Port("clients", zmq.ROUTER, bind=bind, options={"router_mandatory": 1, "sndhwm": 0}))
        if broker is not None:
            found.append(Port("broker", zmq.DEALER, connect=[broker],
                              options={"reconnect_ivl": 50, "reconnect_ivl_max": 1000, "sndhwm": 0}))
        if not found:
            raise ValueError("a server needs bind=, an endpoint for clients, or broker=, the backend of a broker")
        return found


class Serving(Driven):
    """What Server and AsyncServer share."""

    _core: ServerCore

    @property
    def endpoint(self) -> str:
        """Where clients find it."""
        return self._driver.ports["clients"].bind

    @property
    def statistics(self) -> dict[str, int]:
        """Requests that came, that were answered, were known already, came too late, raised; answers to nobody."""
        return dict(self._core.statistics)


class Server(Serving, Runner):
    """Carries out requests by its handlers: `Server(handlers, bind=endpoint).run()`, or `with` it in another thread.

    A handler takes the body and returns the answer's. What it raises reaches the caller as RemoteError.

    Args:
        handlers: by the service's name; or one function for whatever name.
        bind: an endpoint for clients.
        broker: the backend of a Broker to work for; or both.
        threads: how many run handlers. 0: the thread of run(), which is quickest, and must not be busy longer than a
            heartbeat or two where there is a broker; None: 0 without a broker, 1 with one.
        codec: of bodies, both ways; a name or a Codec.
        remember: how many answers are kept, to answer again when a request comes again.
        heartbeat: seconds; the broker's.
    """

    def __init__(self, handlers: Handlers, *, bind: str | None = None, broker: str | None = None,
                 threads: int | None = None, codec: str | Codec = "bytes", remember: int = 1000,
                 heartbeat: float = HEARTBEAT_S, context: zmq.Context[Any] | None = None) -> None:
        threads = threads if threads is not None else 0 if broker is None else 1
        core = self._core = ServerCore(handlers, find(codec), max(1, threads), remember, broker is not None, heartbeat)
        super().__init__(core, core.ports(bind, broker), context, copy=not core.codec.zero_copy)
        if threads:
            self._pool = Pool(self._driver, core.jobs, self._carry_out, threads, "zmqfast.server")

    def _has_work(self) -> bool:
        return self._stopping or bool(self._core.jobs)

    def _work(self) -> None:
        jobs = self._core.jobs
        while jobs and not self._stopping:
            self._carry_out(jobs.popleft())

    def _carry_out(self, job: Job) -> None:
        lock = self._driver.lock
        with lock:
            prepared = self._core.prepare(job)
        if prepared is not None:
            handler, body = prepared
            try:
                answer = self._core.success(job, handler(body))
            except Exception as error:
                answer = self._core.failure(job, error)
            with lock:
                self._core.finish(job, answer)

    def _last_words(self) -> None:
        self._core.leave()


class AsyncServer(Serving, AsyncRunner):
    """A Server for asyncio: handlers are coroutine functions, or plain ones that return at once.

    Args:
        tasks: how many requests are carried out at once.
        Others and errors: Server's.
    """

    def __init__(self, handlers: Handlers, *, bind: str | None = None, broker: str | None = None, tasks: int = 100,
                 codec: str | Codec = "bytes", remember: int = 1000, heartbeat: float = HEARTBEAT_S,
                 context: zmq.Context[Any] | None = None) -> None:
        core = self._core = WatchedServerCore(handlers, find(codec), tasks, remember, broker is not None, heartbeat)
        self._tasks_at_most = tasks
        self._running: set[asyncio.Task[None]] = set()
        core.on_job = self._start_jobs
        super().__init__(core, core.ports(bind, broker), context, copy=not core.codec.zero_copy)

    def _start_jobs(self) -> None:
        while self._core.jobs and len(self._running) < self._tasks_at_most:
            task = self._driver.loop.create_task(self._carry_out(self._core.jobs.popleft()))
            self._running.add(task)
            task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start_jobs()

    async def _carry_out(self, job: Job) -> None:
        prepared = self._core.prepare(job)
        if prepared is not None:
            handler, body = prepared
            try:
                value = handler(body)
                if inspect.isawaitable(value):
                    value = await value
                answer = self._core.success(job, value)
            except Exception as error:
                answer = self._core.failure(job, error)
            self._core.finish(job, answer)
        self._driver.pump()

    async def _finish(self) -> None:
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._core.leave()
        self._driver.pump()
        await super()._finish()


class WatchedServerCore(ServerCore):
    """A ServerCore that tells of a job when it comes."""

    on_job: Callable[[], None]

    def _take(self, job: Job) -> None:
        super()._take(job)
        if self.jobs:
            self.on_job()


# -- broker ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Worker:
    """A server that works for the broker."""

    capacity: int
    services: list[bytes]
    dead_at: float
    busy: set[bytes] = field(default_factory=set)


@dataclass(slots=True)
class Queued:
    """A request in the broker's hands."""

    client: bytes
    once: bool
    key: bytes
    service: bytes
    body: list[Any]
    deadline: float
    worker: bytes | None = None
    handed_out: int = 0


class BrokerCore(Core):
    """Which requests wait, who works on which, and who is alive."""

    hears_heartbeats = True

    def __init__(self, heartbeat: float, queue_limit: int) -> None:
        super().__init__()
        self.heartbeat = heartbeat
        self.queue_limit = queue_limit
        self.beat_at = 0.0
        self.requests: dict[bytes, Queued] = {}
        self.waiting: dict[bytes, deque[bytes]] = {}
        self.workers: dict[bytes, Worker] = {}
        self.free: dict[bytes, OrderedDict[bytes, None]] = {}       # by service, the one that rested longest first
        self.counts = {"requests": 0, "answered": 0, "repeated": 0, "handed_out_again": 0, "expired": 0, "refused": 0,
                       "late": 0, "dead_workers": 0, "gone": 0}

    def statistics(self) -> dict[str, Any]:
        """Counts, and for each service how many requests wait and how many workers have room."""
        services = {name.decode(errors="replace"): {"waiting": len(self.waiting.get(name, ())),
                                                    "free_workers": len(self.free.get(name, ()))}
                    for name in sorted({*self.waiting, *self.free})}
        return {**self.counts, "workers": len(self.workers), "unfinished": len(self.requests), "services": services}

    # clients

    def on_message(self, port: str, frames: list[Any], now: float) -> None:
        if len(frames) < 2:
            return
        if port == "frontend":
            if frames[1] in (b"Q", b"O") and len(frames) >= 6 and len(frames[5]) == _MS.size:
                self._on_request(frames, now)
        else:
            self._on_worker(frames[0], frames[1], frames[2:], now)

    def _on_request(self, frames: list[Any], now: float) -> None:
        client, kind, request, key, service, ms, *body = frames
        if service == STATISTICS:
            self.send("frontend", [client, b"A", request, json.dumps(self.statistics()).encode()])
            return
        self.counts["requests"] += 1
        known = self.requests.get(request)
        if known is not None:
            self.counts["repeated"] += 1
            known.client = client           # its fresh socket
            return
        queue = self.waiting.setdefault(service, deque())
        if len(queue) >= self.queue_limit:
            self._refuse(client, request, f"{len(queue)} requests wait for {service.decode(errors='replace')!r} already")
            return
        self.requests[request] = Queued(client, kind == b"O", key, service, body, now + _MS.unpack(ms)[0] / 1000)
        queue.append(request)
        self._hand_out(service, now)

    def _refuse(self, client: bytes, request: bytes, reason: str) -> None:
        self.counts["refused"] += 1
        self.send("frontend", [client, b"N", request, reason.encode()])

    # workers

    def _on_worker(self, name: bytes, kind: bytes, rest: list[Any], now: float) -> None:
        worker = self.workers.get(name)
        if kind == b"R" and len(rest) >= 2 and len(rest[0]) == _CAPACITY.size:
            if worker is not None:
                self._lose(name, now)
            worker = self.workers[name] = Worker(_CAPACITY.unpack(rest[0])[0], rest[1:], 0.0)
            self._rest(name, worker)
            self.send("backend", [name, b"H"])
        elif kind == b"B":
            if worker is not None:
                self._lose(name, now)
            return
        if kind in (b"A", b"E", b"N") and rest:
            self._on_answer(name, kind, rest)
        if worker is None:
            self.send("backend", [name, b"W"])
            return
        worker.dead_at = now + LIVENESS * self.heartbeat
        for service in worker.services:
            self._hand_out(service, now)

    def _on_answer(self, name: bytes, kind: bytes, rest: list[Any]) -> None:
        request = rest[0]
        queued = self.requests.pop(request, None)
        if queued is None:
            self.counts["late"] += 1
        else:
            self.counts["answered"] += 1
            self.send("frontend", [queued.client, kind, *rest])
            if queued.worker is None:
                self.waiting[queued.service].remove(request)        # answered late, by one that we took for dead
        for holder in {name, queued.worker if queued is not None else None}:
            worker = self.workers.get(holder) if holder is not None else None
            if worker is not None and holder is not None and request in worker.busy:
                worker.busy.discard(request)
                self._rest(holder, worker)

    def _rest(self, name: bytes, worker: Worker) -> None:
        """It has room: behind all the others."""
        for service in worker.services:
            resting = self.free.setdefault(service, OrderedDict())
            resting[name] = None
            resting.move_to_end(name)

    def _hand_out(self, service: bytes, now: float) -> None:
        if service == b"*":                     # workers for whatever there is
            for other in list(self.waiting):
                if other != b"*" and self.waiting[other]:
                    self._hand_out(other, now)
            return
        queue = self.waiting.get(service)
        while queue:
            resting = self.free.get(service) or self.free.get(b"*")
            if not resting:
                return
            request = queue.popleft()
            queued = self.requests[request]
            if now > queued.deadline:
                self.counts["expired"] += 1
                del self.requests[request]
                continue
            name = next(iter(resting))
            worker = self.workers[name]
            worker.busy.add(request)
            if len(worker.busy) >= worker.capacity:
                for served in worker.services:
                    self.free[served].pop(name, None)
            else:
                resting.move_to_end(name)
            queued.worker = name
            queued.handed_out += 1
            left_ms = min(_MOST_MS, int((queued.deadline - now) * 1000))
            self.send("backend", [name, b"O" if queued.once else b"Q", request, queued.key, service,
                                  _MS.pack(left_ms), *queued.body])

    def _lose(self, name: bytes, now: float) -> None:
        """The worker is gone: others get what it had."""
        worker = self.workers.pop(name)
        for service in worker.services:
            resting = self.free.get(service)
            if resting is not None:
                resting.pop(name, None)
                if not resting:
                    del self.free[service]
        for request in worker.busy:
            queued = self.requests.get(request)
            if queued is None or queued.worker != name:
                continue
            if queued.once or queued.handed_out >= HANDED_OUT_AT_MOST:
                del self.requests[request]
                self._refuse(queued.client, request, f"{queued.handed_out} workers went while they had it")
                continue
            self.counts["handed_out_again"] += 1
            queued.worker = None
            self.waiting.setdefault(queued.service, deque()).appendleft(request)
            self._hand_out(queued.service, now)

    def on_time(self, now: float) -> float | None:
        if now < self.beat_at:
            return self.beat_at
        self.beat_at = now + self.heartbeat
        for name, worker in list(self.workers.items()):
            if worker.dead_at and now >= worker.dead_at:
                self.counts["dead_workers"] += 1
                self._lose(name, now)
            else:
                self.send("backend", [name, b"H"])
        for service, queue in list(self.waiting.items()):
            for request in [request for request in queue if now > self.requests[request].deadline]:
                queue.remove(request)
                del self.requests[request]
                self.counts["expired"] += 1
            if not queue:
                del self.waiting[service]
        for request, queued in list(self.requests.items()):
            if queued.worker is not None and now > queued.deadline:     # its worker's slot frees itself by the answer
                del self.requests[request]
                self.counts["expired"] += 1
        return self.beat_at

    def on_unreachable(self, port: str, frames: Sequence[Buffer]) -> None:
        if port == "backend" and (name := bytes(frames[0])) in self.workers:
            self.counts["dead_workers"] += 1
            self._lose(name, time.monotonic())
        elif port == "frontend":
            self.counts["gone"] += 1

    def ports(self, frontend: str, backend: str) -> list[Port]:
        options = {"router_mandatory": 1, "sndhwm": 0, "rcvhwm": 0}
        return [Port("frontend", zmq.ROUTER, bind=frontend, options=options),
                Port("backend", zmq.ROUTER, bind=backend, options=options)]


class Broking(Driven):
    """What Broker and AsyncBroker share."""

    def __init__(self, frontend: str, backend: str, *, heartbeat: float = HEARTBEAT_S, queue_limit: int = 10_000,
                 context: zmq.Context[Any] | None = None) -> None:
        self._core = BrokerCore(heartbeat, queue_limit)
        super().__init__(self._core, self._core.ports(frontend, backend), context)

    @property
    def frontend(self) -> str:
        """Where clients find it."""
        return self._driver.ports["frontend"].bind

    @property
    def backend(self) -> str:
        """Where servers find it."""
        return self._driver.ports["backend"].bind


class Broker(Broking, Runner):
    """Stands between clients and servers: balances the load, and gives a dead server's requests to others.

    `Broker(frontend, backend).run()`, or `with` it in another thread. The service `zmqfast.statistics` answers
    statistics() as JSON.

    Args:
        frontend, backend: endpoints to bind, for clients and for servers.
        heartbeat: seconds between signs of life, both ways; whoever misses three counts as dead.
        queue_limit: requests that may wait for each service; more are refused.
    """

    def statistics(self) -> dict[str, Any]:
        """What came, went and waits; from any thread."""
        with self._driver.lock:
            return self._core.statistics()


class AsyncBroker(Broking, AsyncRunner):
    """A Broker for asyncio. Arguments are Broker's."""

    def statistics(self) -> dict[str, Any]:
        """What came, went and waits."""
        return self._core.statistics()
