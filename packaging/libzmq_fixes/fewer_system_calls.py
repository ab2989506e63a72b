"""System calls of libzmq's that nobody needs."""

from .fix import Fix

FEWER_SYSTEM_CALLS = (
    # Both. Whether a command has come is asked of the descriptor, where the pipe tells as well: see core/peek.cpp. And where
    # it has come, a read tells whether its signal has: that does not block, so nobody has to ask before.
    Fix("mailbox.cpp", """\
    int rc = _signaler.wait (timeout_);
""", """\
    if (timeout_ == 0 && !zmqfast_is_flushed (&_cpipe)) {
        errno = EAGAIN;
        return -1;
    }
    int rc = _signaler.wait (timeout_);
"""),
    Fix("mailbox.cpp", """\
#include "err.hpp"
""", """\
#include "err.hpp"

extern "C" int zmqfast_is_flushed (void *command_pipe);
"""),
    Fix("signaler.cpp", """\
#ifdef ZMQ_POLL_BASED_ON_POLL
    struct pollfd pfd;
""", """\
    if (timeout_ == 0)
        return 0;
#ifdef ZMQ_POLL_BASED_ON_POLL
    struct pollfd pfd;
"""),
    # Both. Each signal asks the system three times whether this is a forked child; the child can tell once.
    Fix("signaler.cpp", "getpid ()", "known_pid"),
    Fix("signaler.cpp", """\
zmq::signaler_t::signaler_t ()
""", """\
#ifdef HAVE_FORK
#include <pthread.h>

static pid_t known_pid = getpid ();

static void forked_child ()
{
    known_pid = getpid ();
}

static const int told_of_forks = pthread_atfork (NULL, NULL, forked_child);
#endif

zmq::signaler_t::signaler_t ()
"""),
)
