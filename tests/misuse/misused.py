"""What each program of the misuse suite begins with: `zmq` is the library that it misuses."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import gc
import importlib
import itertools
import mmap
import os
import resource
import signal
import sys
import threading
import time
import warnings

zmq = importlib.import_module(os.environ["MISUSED"])
for needed in "json", "pickle", "random":   # by methods: a handler that raises in an import is told of on stderr
    importlib.import_module(needed)

__all__ = [
    "Interrupt", "address_space", "alarm_every", "caught", "closed_somehow", "connected", "contextlib", "end", "errno",
    "fork", "gc", "interrupt_in", "itertools", "mmap", "once_waiting", "os", "resource", "signal", "start", "sys",
    "threading", "time", "warnings", "zmq",
]

faulthandler.enable()
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
warnings.simplefilter("ignore", ResourceWarning)        # forgetting is what many of the programs are about
warnings.simplefilter("ignore", DeprecationWarning)     # 3.12 and later warn of fork beside threads
sys.setswitchinterval(1e-5)                             # many chances for another thread


def caught(call, *args, **kwargs):
    """What a call comes to, as a word: "nothing", or the exception, with its errno's name."""
    try:
        call(*args, **kwargs)
    except zmq.ZMQError as error:
        number = errno.errorcode.get(error.errno, str(error.errno))
        return number if type(error) is zmq.ZMQError else type(error).__name__
    except Exception as error:
        return type(error).__name__
    return "nothing"


def end():
    """The program has come to its end, which it says, and then goes the way of any program."""
    print("end", flush=True)


def start(*calls):
    """Run each call in a thread of its own; returns a function that waits for all of them."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()

    def join():
        for thread in threads:
            thread.join()

    return join


def address_space():
    """How many bytes of it the process has, used or not: a limit below that leaves nothing at all."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def connected(context, first=None, second=None, endpoint="inproc://misused", **options):
    """Two sockets that are each other's peer: the first has bound."""
    sockets = [context.socket(zmq.PAIR if kind is None else kind) for kind in (first, second)]
    for socket in sockets:
        socket.linger = 0
        for name, value in options.items():
            setattr(socket, name, value)
    sockets[0].bind(endpoint)
    sockets[1].connect(sockets[0].get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode())
    return sockets


def closed_somehow(*sockets):
    """Close sockets that another thread may be about to leave."""
    for socket in sockets:
        while True:
            try:
                socket.close(linger=0)
                break
            except zmq.ZMQError as error:
                if error.errno != errno.EBUSY:
                    raise
                time.sleep(0.001)


def once_waiting(thread_id):
    """Return when that thread of the process (its native id) sleeps in a system call, and has for a moment."""
    calm = 0
    while calm < 3:
        with open(f"/proc/self/task/{thread_id}/stat") as stat:
            calm = calm + 1 if stat.read().rpartition(")")[2].split()[0] == "S" else 0
        time.sleep(0.01)


class Interrupt(Exception):
    """What signal handlers raise."""


def alarm_every(seconds, handler=lambda number, frame: None):
    """A storm of signals, until alarm_every(0)."""
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)


def interrupt_in(seconds, kind=signal.SIGINT):
    """Send this process a signal from a thread, and again every so often until the program is past its wait."""
    main = threading.get_native_id()

    def send():
        time.sleep(seconds)
        with contextlib.suppress(OSError):
            once_waiting(main)
        os.kill(os.getpid(), kind)

    threading.Thread(target=send, daemon=True).start()


def fork(child):
    """Run `child` in a forked process, which then ends as a program does; returns how it ended, 0 for well."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child()
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
