"""Who listens and can accept nobody, as no descriptor is left, tries again 20 times a second."""

from .fix import Fix

LISTENERS = ("tcp_listener.cpp", "ipc_listener.cpp", "ws_listener.cpp")

# Both. Whoever waited to be let in made the I/O thread try again at once, and again, with all of a processor, and tell the
# monitors each time.
PATIENT_ACCEPT = (
    *(Fix(listener, """\
    if (fd == retired_fd) {
        _socket->event_accept_failed (
""", """\
    if (fd == retired_fd) {
        rest_if_full ();
        _socket->event_accept_failed (
""") for listener in LISTENERS),
    Fix("stream_listener_base.hpp", """\
    void process_term (int linger_) ZMQ_FINAL;

  protected:
""", """\
    void process_term (int linger_) ZMQ_FINAL;

    //  Ends the rest of rest_if_full ().
    void timer_event (int id_) ZMQ_FINAL;

    //  Whether nobody is accepted until the timer fires.
    bool _rests;

  protected:
    //  After an accept that failed: where the system had nothing left for
    //  it, accept nobody for a moment. Leaves errno as it is.
    void rest_if_full ();

"""),
    Fix("stream_listener_base.cpp", """\
    io_object_t (io_thread_),
    _s (retired_fd),
""", """\
    io_object_t (io_thread_),
    _rests (false),
    _s (retired_fd),
"""),
    Fix("stream_listener_base.cpp", """\
void zmq::stream_listener_base_t::process_term (int linger_)
{
    rm_fd (_handle);
""", """\
enum
{
    rest_timer_id = 0x40,
    rest_ms = 50
};

void zmq::stream_listener_base_t::rest_if_full ()
{
    const int error = errno;
    if (error == EMFILE || error == ENFILE || error == ENOBUFS
        || error == ENOMEM) {
        reset_pollin (_handle);
        add_timer (rest_ms, rest_timer_id);
        _rests = true;
    }
    errno = error;
}

void zmq::stream_listener_base_t::timer_event (int id_)
{
    zmq_assert (id_ == rest_timer_id);
    _rests = false;
    set_pollin (_handle);
}

void zmq::stream_listener_base_t::process_term (int linger_)
{
    if (_rests)
        cancel_timer (rest_timer_id);
    rm_fd (_handle);
"""),
)
