/* Whether a socket has news from other threads, and ZMQ_EVENTS where it has none, without the system call that libzmq
   makes to find out.

   Built with libzmq, because it looks inside: a thread that is not asleep is told of new peers and messages by commands
   in its mailbox, a lock-free pipe. libzmq asks the file descriptor of that mailbox; the pipe itself knows as well.
   Nothing is taken or changed here. The private members are reached by explicit instantiation, where C++ lets
   them be named. */
#include "precompiled.hpp" /* as every file of libzmq does first */
#include "socket_base.hpp"
#include "mailbox.hpp"

namespace
{
typedef zmq::ypipe_t<zmq::command_t, zmq::command_pipe_granularity> pipe_t;

template <typename Tag, typename Tag::type member> struct expose
{
    friend typename Tag::type inside (Tag) { return member; }
};
struct mailbox
{
    typedef zmq::i_mailbox *zmq::socket_base_t::*type;
    friend type inside (mailbox);
};
struct active
{
    typedef bool zmq::mailbox_t::*type;
    friend type inside (active);
};
struct commands
{
    typedef pipe_t zmq::mailbox_t::*type;
    friend type inside (commands);
};
struct context_ended
{
    typedef bool zmq::socket_base_t::*type;
    friend type inside (context_ended);
};
struct last_flushed
{
    typedef zmq::atomic_ptr_t<zmq::command_t> pipe_t::*type;
    friend type inside (last_flushed);
};
template struct expose<mailbox, &zmq::socket_base_t::_mailbox>;
template struct expose<context_ended, &zmq::socket_base_t::_ctx_terminated>;
template struct expose<active, &zmq::mailbox_t::_active>;
template struct expose<commands, &zmq::mailbox_t::_cpipe>;
template struct expose<last_flushed, &pipe_t::_c>;
}

/* Whether commands are in the pipe. NULL: no, and whoever writes next will wake us. */
static bool is_flushed (pipe_t &pipe)
{
    return (pipe.*inside (last_flushed ())).cas (NULL, NULL) != NULL;
}

/* For the mailbox itself, by packaging/libzmq_fixes/fewer_system_calls.py. */
extern "C" int zmqfast_is_flushed (void *command_pipe)
{
    return is_flushed (*static_cast<pipe_t *> (command_pipe));
}

/* `socket` is open, not of a thread-safe type, and no other thread is inside. */
extern "C" int zmqfast_has_news (void *socket)
{
    zmq::socket_base_t *base = static_cast<zmq::socket_base_t *> (socket);
    zmq::mailbox_t *box = static_cast<zmq::mailbox_t *> (base->*inside (mailbox ()));
    if (box->*inside (active ()))
        return 1;
    return is_flushed (box->*inside (commands ()));
}

/* ZMQ_EVENTS, or -1 where libzmq itself has to be asked: there is news, or the context has ended. As above. */
extern "C" int zmqfast_events (void *socket)
{
    zmq::socket_base_t *base = static_cast<zmq::socket_base_t *> (socket);
    if (base->*inside (context_ended ()) || zmqfast_has_news (socket))
        return -1;
    return (base->has_out () ? ZMQ_POLLOUT : 0) | (base->has_in () ? ZMQ_POLLIN : 0);
}
