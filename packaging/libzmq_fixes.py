"""What is put right in the copies of libzmq's files that are built: what peers, our own calls or the system can do to it,
and system calls that nobody needs.

libzmq/ itself stays as it is: setup.py writes what is changed below build/, and compiles that instead. Each fix names
its file, the text that it replaces, wherever that stands, and why. One whose text is not there does nothing: libzmq has
moved on, and the tests in tests/hostile say whether it is needed again. "Both" is 4.3.4 and the pinned commit.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Fix(NamedTuple):
    file: str       # below src/
    before: str
    after: str


AGAINST_PEERS = (
    # Both. A reset connection is kept until what it had sent is read; a PING in that, or our own heartbeat's timer, then
    # wrote to it: `Assertion failed: !_io_error`. https://github.com/zeromq/libzmq/issues/4841
    Fix("stream_engine_base.cpp", """\
    zmq_assert (!_io_error);

    //  If write buffer is empty""", """\
    if (unlikely (_io_error))
        return;

    //  If write buffer is empty"""),

    # Both. A connection that a heartbeat gave up, while its messages waited for room, has a successor that waits for
    # nothing: `Assertion failed: _input_stopped`. https://github.com/zeromq/libzmq/issues/3937
    Fix("stream_engine_base.cpp", """\
    zmq_assert (_input_stopped);
""", """\
    if (!_input_stopped)
        return true;
"""),

    # Both. WebSocket's decoder refuses frames without saying why, and what errno was left at by something else then decided:
    # with EAGAIN the connection was kept for ever, unread, with its descriptor.
    Fix("stream_engine_base.cpp", """\
        rc = _decoder->decode (_inpos, _insize, processed);
""", """\
        errno = EPROTO;
        rc = _decoder->decode (_inpos, _insize, processed);
"""),

    # Both. What is sent to a socket that only sends was kept for ever, up to the high-water mark; beyond that its connection
    # was not read any more, and outlived its peer, with its descriptor.
    Fix("session_base.cpp", """\
    if (_pipe && _pipe->write (msg_)) {
""", """\
    if (options.type == ZMQ_PUSH || options.type == ZMQ_SCATTER) {
        int rc = msg_->close ();
        errno_assert (rc == 0);
        rc = msg_->init ();
        errno_assert (rc == 0);
        return 0;
    }
    if (_pipe && _pipe->write (msg_)) {
"""),

    # 4.3.4, backported: a peer of ZMTP 1 or 2, whose handshake has ended, was dropped after HANDSHAKE_IVL all the same.
    Fix("stream_engine_base.cpp", """\
            if (_mechanism == NULL && _has_handshake_stage)
                _session->engine_ready ();
""", """\
            if (_mechanism == NULL && _has_handshake_stage) {
                if (_has_handshake_timer) {
                    cancel_timer (handshake_timer_id);
                    _has_handshake_timer = false;
                }
                _session->engine_ready ();
            }
"""),

    # Both. A PING without the bytes of its TTL was answered with bytes from beyond its end.
    Fix("zmtp_engine.cpp", """\
    if (msg_->is_ping ()) {
        // 16-bit TTL""", """\
    if (msg_->is_ping () && msg_->size () >= msg_t::ping_cmd_name_size + 2) {
        // 16-bit TTL"""),

    # Both. A connecting ROUTER or XPUB whose queue is full met a peer of ZMTP 1, which has no place for its routing id.
    # Refusing the message keeps it, and it is tried again when there is room.
    *(Fix(file, """\
        const int rc = session ()->push_msg (msg_);
        errno_assert (rc == 0);
""", """\
        if (session ()->push_msg (msg_) == -1)
            return -1;
""") for file in ("zmtp_engine.cpp", "ws_engine.cpp")),
    Fix("zmtp_engine.cpp", """\
        rc = session ()->push_msg (&subscription);
        errno_assert (rc == 0);
""", """\
        if (session ()->push_msg (&subscription) == -1)
            return -1;
"""),

    # Both. RADIO took a JOIN or LEAVE of more than 255 bytes for its own mistake.
    Fix("radio.cpp", """\
        errno_assert (rc == 0);

        //  Set the group
""", """\
        errno_assert (rc == 0);
        if (group_length > ZMQ_GROUP_MAX_LENGTH) {
            errno = EFAULT;
            return -1;
        }

        //  Set the group
"""),

    # Both. Who has no routing id gets the next number; a peer may have called itself that already, and ROUTER and REP then
    # ended: `Assertion failed: ok`.
    Fix("router.cpp", """\
            buf[0] = 0;
            put_uint32 (buf + 1, _next_integral_routing_id++);
            routing_id.set (buf, sizeof buf);
            msg.close ();
""", """\
            buf[0] = 0;
            do {
                put_uint32 (buf + 1, _next_integral_routing_id++);
                routing_id.set (buf, sizeof buf);
            } while (has_out_pipe (routing_id));
            msg.close ();
"""),
    Fix("router.cpp", """\
                buf[0] = 0;
                put_uint32 (buf + 1, _next_integral_routing_id++);
                blob_t new_routing_id (buf, sizeof buf);
""", """\
                buf[0] = 0;
                blob_t new_routing_id;
                do {
                    put_uint32 (buf + 1, _next_integral_routing_id++);
                    new_routing_id.set (buf, sizeof buf);
                } while (has_out_pipe (new_routing_id));
"""),

    # Both. A peer that had gone when REP read its request, one without an envelope, took the next one's reply with it.
    Fix("router.cpp", """\
        _current_out->rollback ();
        _current_out = NULL;
        _more_out = false;
    }
""", """\
        _current_out->rollback ();
        _current_out = NULL;
    }
    _more_out = false;
"""),

    # Both. Over WebSocket the handshake had no time limit.
    Fix("ws_engine.cpp", """\
    start_ws_handshake ();
    set_pollin ();
""", """\
    set_handshake_timer ();
    start_ws_handshake ();
    set_pollin ();
"""),

    # Both. Over WebSocket a peer could choose to have no handshake of ZMTP, and with it no question to ZAP. And heartbeats
    # need one: `Assertion failed: _mechanism != NULL`.
    Fix("ws_engine.cpp", """\
    if (_options.mechanism == ZMQ_NULL && (strcmp ("ZWS2.0", protocol_) == 0)) {
""", """\
    if (_options.mechanism == ZMQ_NULL && !session ()->zap_enabled ()
        && (strcmp ("ZWS2.0", protocol_) == 0)) {
"""),
    Fix("ws_engine.cpp", """\
        // No mechanism in place, enabling heartbeat
        if (_options.heartbeat_interval > 0 && !_has_heartbeat_timer) {
            add_timer (_options.heartbeat_interval, heartbeat_ivl_timer_id);
            _has_heartbeat_timer = true;
        }

""", ""),

    # 4.3.4, backported: one datagram to a DISH ended it, whose first byte is the length of the group, and no sign.
    Fix("udp_engine.cpp", """\
        const int group_size = _in_buffer[0];
""", """\
        const int group_size = static_cast<unsigned char> (_in_buffer[0]);
"""),
    Fix("udp_engine.cpp", """\
        //  This doesn't fit, just ingore
        if (nbytes - 1 < group_size)
            return;
""", """\
        //  This doesn't fit, just ignore
        if (nbytes - 1 < group_size) {
            rc = msg.close ();
            errno_assert (rc == 0);
            return;
        }
"""),

    # Both, in 4.3.4 more often: with XPUB_MANUAL, a peer that had gone when its subscription was read was subscribed all the
    # same, through a pipe that was no more.
    Fix("xpub.cpp", """\
        _subscriptions.rm (pipe_, stub, static_cast<void *> (NULL), false);
""", """\
        _subscriptions.rm (pipe_, stub, static_cast<void *> (NULL), false);
        if (_last_pipe == pipe_)
            _last_pipe = NULL;
        for (size_t i = 0; i != _pending_pipes.size (); ++i)
            if (_pending_pipes[i] == pipe_)
                _pending_pipes[i] = NULL;
"""),
)

# What calls of ours, or a system that refuses something, can do to it.
AGAINST_CALLS_AND_SYSTEM = (
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
            if (size > MAX_UDP_MSG) {
                rc = group_msg.close ();
                errno_assert (rc == 0);
                rc = body_msg.close ();
                errno_assert (rc == 0);
                return;
            }

            memcpy (_out_buffer, body_msg.data (), body_size);
"""),
    Fix("udp_engine.cpp", """\
            size = group_size + body_size + 1;

            // TODO: check if larger than maximum size
""", """\
            size = group_size + body_size + 1;
            if (size > MAX_UDP_MSG) {
                rc = group_msg.close ();
                errno_assert (rc == 0);
                rc = body_msg.close ();
                errno_assert (rc == 0);
                return;
            }

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
)

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

FIXES = (*AGAINST_PEERS, *AGAINST_CALLS_AND_SYSTEM, *FEWER_SYSTEM_CALLS)


def write_fixed(source: Path, place: Path) -> list[str]:
    """Write the changed copies of the files below source/src to `place`; the names of those files."""
    for file in (files := list(dict.fromkeys(fix.file for fix in FIXES))):
        text = (source / "src" / file).read_text(encoding="utf-8")
        for fix in FIXES:
            if fix.file == file:
                text = text.replace(fix.before, fix.after)
        (place / file).write_text(text, encoding="utf-8")
    return files
