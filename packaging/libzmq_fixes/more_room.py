"""Room for what one end of a connection has written and the other has not read yet."""

from .fix import Fix

GIVE_ROOM = """\
#ifndef ZMQ_HAVE_WINDOWS
//  SO_SNDBUF as it was asked for; else at least so many bytes, or as many
//  as the system permits.
static void give_room (zmq::fd_t s_, int wanted_)
{
    static const int enough = 512 * 1024;
    int room = 0;
    socklen_t size = sizeof room;
    if (wanted_ < 0) {
        if (getsockopt (s_, SOL_SOCKET, SO_SNDBUF, &room, &size) == 0
            && room >= enough)
            return;
        wanted_ = enough;
    }
    //  Where it is refused, there is as much as there was.
    setsockopt (s_, SOL_SOCKET, SO_SNDBUF, &wanted_, sizeof wanted_);
}
#else
static void give_room (zmq::fd_t, int)
{
}
#endif

"""

# Both. Over ipc ZMQ_SNDBUF had no effect, and the system's default is a fifth of a megabyte: who writes into that sleeps
# until three quarters of it are read, and both ends spend their time on waking each other.
MORE_ROOM = (
    Fix("ipc_connecter.cpp", """\
zmq::ipc_connecter_t::ipc_connecter_t (""", GIVE_ROOM + """\
zmq::ipc_connecter_t::ipc_connecter_t ("""),
    Fix("ipc_connecter.cpp", """\
    //  Set the non-blocking flag.
    unblock_socket (_s);
""", """\
    give_room (_s, options.sndbuf);

    //  Set the non-blocking flag.
    unblock_socket (_s);
"""),
    Fix("ipc_listener.cpp", """\
zmq::ipc_listener_t::ipc_listener_t (""", GIVE_ROOM + """\
zmq::ipc_listener_t::ipc_listener_t ("""),
    Fix("ipc_listener.cpp", """\
    make_socket_noninheritable (sock);

    // IPC accept() filters
""", """\
    make_socket_noninheritable (sock);
    give_room (sock, options.sndbuf);

    // IPC accept() filters
"""),
)
