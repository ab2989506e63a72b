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

# Both. Needs GATHERED_WRITES. Whenever a message came after all before it were written, the engine asked the system to tell it
# of room, wrote, and took that back: two system calls for each message of a conversation. Of one that comes alone it is known
# that it is written. In a stream the round that this takes lets more messages come together.
WRITES_AT_ONCE = (
    Fix("stream_engine_base.cpp", """\
    if (likely (_output_stopped)) {
        set_pollout ();
        _output_stopped = false;
    }
""", """\
    if (likely (_output_stopped)) {
        _output_stopped = false;
        if (gathers ()) {
            //  Or what is left of a batch before is written first.
            _took_few = false;
            out_event ();
            if (_took_few && _outsize == 0)
                _output_stopped = true;
            else if (!_output_stopped)
                set_pollout ();
            return;
        }
        set_pollout ();
    }
"""),
    Fix("stream_engine_base.cpp", """\
    size_t used = 0, begun = 0;

    _outpos = batch;
""", """\
    size_t used = 0, begun = 0;
    int taken = 0;

    _outpos = batch;
"""),
    Fix("stream_engine_base.cpp", """\
            if (errno == ECONNRESET)
                return false;
            break;
        }
        const size_t size = _tx_msg.size ();
""", """\
            if (errno == ECONNRESET)
                return false;
            _took_few = taken < 8;
            break;
        }
        taken++;
        const size_t size = _tx_msg.size ();
"""),
    Fix("stream_engine_base.cpp", """\
    _bodies (NULL),
""", """\
    _bodies (NULL),
    _took_few (false),
    _polls_out (false),
"""),
    Fix("stream_engine_base.hpp", """\
    stream_bodies_t *_bodies;
""", """\
    stream_bodies_t *_bodies;

    //  Whether a batch was all that there was, and that was little.
    bool _took_few;

    //  Whether the system tells us of room to write.
    bool _polls_out;
"""),
    Fix("stream_engine_base.hpp", """\
    void reset_pollout () { io_object_t::reset_pollout (_handle); }
    void set_pollout () { io_object_t::set_pollout (_handle); }
""", """\
    void reset_pollout ()
    {
        if (_polls_out)
            io_object_t::reset_pollout (_handle);
        _polls_out = false;
    }
    void set_pollout ()
    {
        if (!_polls_out)
            io_object_t::set_pollout (_handle);
        _polls_out = true;
    }
"""),
)
