"""What calls of ours, or a system that refuses something, could do to libzmq."""

from .fix import Fix

DROP_WHAT_FITS_NO_DATAGRAM = """\
            if (size > MAX_UDP_MSG) {
                rc = group_msg.close ();
                errno_assert (rc == 0);
                rc = body_msg.close ();
                errno_assert (rc == 0);
                return;
            }
"""

AGAINST_CALLS_AND_SYSTEM = (
    # Both, to peers before ZMTP 3.1, and 4.3.4 to any. A subscription that is longer than 255 bytes only by what libzmq puts
    # before its topic went out with a long size, and not marked as long: the peer took all that followed for something else.
    *(Fix(f"{encoder}.cpp", """\
        put_uint64 (_tmp_buf + 1, size);
""", """\
        protocol_flags |= v2_protocol_t::large_flag;
        put_uint64 (_tmp_buf + 1, size);
""") for encoder in ("v2_encoder", "v3_1_encoder")),

    # Both. Over WebSocket a client's bytes are masked, in their place: in the very object that was sent without a copy.
    Fix("ws_encoder.cpp", """\
        if (in_progress ()->flags () & msg_t::shared
            || in_progress ()->is_cmsg ()) {
""", """\
        if (!in_progress ()->is_vsm ()) {
"""),

    # Both, from DGRAM, and 4.3.4 from RADIO: a message longer than a datagram was written beyond the buffer.
    Fix("udp_engine.cpp", """\
            size = body_size;

            memcpy (_out_buffer, body_msg.data (), body_size);
""", """\
            size = body_size;
""" + DROP_WHAT_FITS_NO_DATAGRAM + """
            memcpy (_out_buffer, body_msg.data (), body_size);
"""),
    Fix("udp_engine.cpp", """\
            size = group_size + body_size + 1;

            // TODO: check if larger than maximum size
""", """\
            size = group_size + body_size + 1;
""" + DROP_WHAT_FITS_NO_DATAGRAM + """
"""),

    # 4.3.4, backported: a socket that is closed, or disconnects, after its inproc peer with DISCONNECT_MSG had gone wrote that
    # message to a pipe that was no more: a segmentation fault.
    Fix("pipe.cpp", """\
    if (_disconnect_msg.size () > 0) {
""", """\
    if (_disconnect_msg.size () > 0 && _out_pipe) {
"""),

    # Both. Who binds an inproc endpoint wrote its HELLO_MSG to one that had connected, and was closed since:
    # `Assertion failed: written`. So it would be with a routing id, if the other was closed at that moment.
    *(Fix("pipe.cpp", f"""\
    const bool written = pipe_->write (&{message});
    zmq_assert (written);
    pipe_->flush ();
""", f"""\
    if (pipe_->write (&{message})) {{
        pipe_->flush ();
        return;
    }}
    const int closed = {message}.close ();
    errno_assert (closed == 0);
""") for message in ("id", "hello")),

    # Both. And it gave its DISCONNECT_MSG to the other's pipe, while libzmq's reaper had that in its hands.
    Fix("ctx.cpp", """\
        && !bind_options_.disconnect_msg.empty ())
        pending_connection_""", """\
        && !bind_options_.disconnect_msg.empty ()
        && pending_connection_.endpoint.socket->check_tag ())
        pending_connection_"""),

    # Both. When no descriptor is left, the I/O thread could not open a udp socket: `Too many open files`. It tries again.
    Fix("session_base.cpp", """\
        int rc = engine->init (_addr, send, recv);
        errno_assert (rc == 0);

        send_attach (this, engine);
""", """\
        if (engine->init (_addr, send, recv) == -1) {
            delete engine;
            add_timer (50, udp_timer_id);
            return;
        }

        send_attach (this, engine);
"""),
    Fix("session_base.cpp", """\
zmq::session_base_t::~session_base_t ()
{
""", """\
//  What is not the id of the linger's timer.
static const int udp_timer_id = 0x21;

zmq::session_base_t::~session_base_t ()
{
    if (_addr && _addr->protocol == protocol_name::udp)
        cancel_timer (udp_timer_id);

"""),
    Fix("session_base.cpp", """\
void zmq::session_base_t::timer_event (int id_)
{
""", """\
void zmq::session_base_t::timer_event (int id_)
{
    if (id_ == udp_timer_id) {
        start_connecting (false);
        return;
    }

"""),

    # Both. Closing a thread-safe socket took a descriptor, and without one: `Bad file descriptor`. It has it from the start.
    Fix("socket_base.cpp", """\
        zmq_assert (_mailbox);
    } else {
""", """\
        zmq_assert (_mailbox);
        _reaper_signaler = new (std::nothrow) signaler_t ();
        zmq_assert (_reaper_signaler);
        if (_reaper_signaler->get_fd () == retired_fd) {
            LIBZMQ_DELETE (_mailbox);
            errno = EMFILE;
        }
    } else {
"""),
    Fix("socket_base.cpp", """\
        _reaper_signaler = new (std::nothrow) signaler_t ();
        zmq_assert (_reaper_signaler);

        //  Add signaler""", """\
        //  Add signaler"""),

    # Both. A peer that connected over ipc when no descriptor was left: `Too many open files`. It is let in once there is one.
    Fix("ipc_listener.cpp", """\
                      || errno == ENFILE);
""", """\
                      || errno == ENFILE || errno == EMFILE || errno == ENOBUFS
                      || errno == ENOMEM);
"""),

    # Both. With CONFLATE, a value that came while we looked for one stayed behind, where the next one took its place and its
    # memory for ever: the last one never came. Whether the reader sleeps is not asked there, so nobody needs to note it.
    Fix("dbuffer.hpp", """\
        if (_sync.try_lock ()) {
            _front->move (*_back);
            _has_msg = true;

            _sync.unlock ();
        }
""", """\
        scoped_lock_t lock (_sync);
        _front->move (*_back);
        _has_msg = true;
"""),
    Fix("ypipe_conflate.hpp", """\
        const bool res = dbuffer.check_read ();
        if (!res)
            reader_awake = false;

        return res;
""", """\
        return dbuffer.check_read ();
"""),

    # Both. The names of network interfaces are read through a descriptor: `Too many open files`.
    Fix("ip_resolver.cpp", """\
    errno_assert (rc == 0);
    zmq_assert (ifa != NULL);
""", """\
    if (rc != 0)
        return -1;
    zmq_assert (ifa != NULL);
"""),

    # Both. A socket that closed with LINGER 0 while its peer went as well, in the middle of a message of several frames, had no
    # rest of it to be read: `Resource temporarily unavailable`.
    Fix("session_base.cpp", """\
        rc = pull_msg (&msg);
        errno_assert (rc == 0);
""", """\
        if (pull_msg (&msg) == -1)
            _incomplete_in = false;
"""),

    # 4.3.4, backported: stats() asked, and a change of SNDHWM told, the other end of a connection that was going: a use after
    # free, and a segmentation fault in the I/O thread. https://github.com/zeromq/libzmq/issues/4524
    Fix("pipe.cpp", """\
{
    send_pipe_hwm (_peer, inhwm_, outhwm_);
}
""", """\
{
    if (_state == active)
        send_pipe_hwm (_peer, inhwm_, outhwm_);
}
"""),
    Fix("pipe.cpp", """\
    endpoint_uri_pair_t *ep =
      new (std::nothrow) endpoint_uri_pair_t (_endpoint_pair);
    send_pipe_peer_stats (""", """\
    if (_state != active)
        return;
    endpoint_uri_pair_t *ep =
      new (std::nothrow) endpoint_uri_pair_t (_endpoint_pair);
    send_pipe_peer_stats ("""),

    # 4.3.4, backported: a pipe's end could delete what it reads from twice.
    Fix("pipe.cpp", """\
    if (!_conflate) {
        msg_t msg;
        while (_in_pipe->read (&msg)) {
            const int rc = msg.close ();
            errno_assert (rc == 0);
        }
    }

    LIBZMQ_DELETE (_in_pipe);
""", """\
    upipe_t *in_pipe = _in_pipe;
    _in_pipe = NULL;

    if (!_conflate && in_pipe) {
        msg_t msg;
        while (in_pipe->read (&msg)) {
            const int rc = msg.close ();
            errno_assert (rc == 0);
        }
    }

    LIBZMQ_DELETE (in_pipe);
"""),

    # 4.3.4, backported: who subscribed to a topic of 246 to 255 bytes was dropped by its peer, again and again.
    Fix("v3_1_encoder.cpp", """\
    if (in_progress ()->size () > UCHAR_MAX)
        protocol_flags |= v2_protocol_t::large_flag;
""", ""),
    Fix("v3_1_encoder.cpp", """\
            size += zmq::msg_t::cancel_cmd_name_size;
    }

    //  Encode the message length.""", """\
            size += zmq::msg_t::cancel_cmd_name_size;
    }
    if (size > UCHAR_MAX)
        protocol_flags |= v2_protocol_t::large_flag;

    //  Encode the message length."""),

    # 4.3.4, backported: a ROUTER that was polled lost its first frame's metadata, with the name of its user.
    Fix("router.cpp", """\
    _prefetched_id.set_flags (msg_t::more);

    _prefetched = true;
    _routing_id_sent = false;
""", """\
    _prefetched_id.set_flags (msg_t::more);
    if (_prefetched_msg.metadata ())
        _prefetched_id.set_metadata (_prefetched_msg.metadata ());

    _prefetched = true;
    _routing_id_sent = false;
"""),

    # 4.3.4, backported: the end of a context closed libsodium's source of random numbers under other contexts with CURVE.
    Fix("random.cpp", """\
        zmq_assert (rc != -1);
    } else {
        randombytes_close ();
    }
""", """\
        zmq_assert (rc != -1);
    }
"""),

    # Both. The end of a context copied the list of connections over inproc that wait, which a bind() may be changing.
    Fix("ctx.cpp", """\
    pending_connections_t copy = _pending_connections;
""", """\
    _endpoints_sync.lock ();
    pending_connections_t copy = _pending_connections;
    _endpoints_sync.unlock ();
"""),

    # Both. Once the context had ended, close() with `linger` 0 kept the linger that was set before, and term() waited for a
    # peer that never came. LINGER can be set until the socket is closed.
    Fix("socket_base.cpp", """\
    if (unlikely (_ctx_terminated)) {
        errno = ETERM;
        return -1;
    }

    //  First, check whether specific socket type overloads the option.
    int rc = xsetsockopt (""", """\
    if (unlikely (_ctx_terminated) && option_ != ZMQ_LINGER) {
        errno = ETERM;
        return -1;
    }

    //  First, check whether specific socket type overloads the option.
    int rc = xsetsockopt ("""),
)
