"""What goes out is put together in one step for each message, and long ones are written from where they lie."""

from .fix import Fix

# Needs LONG_READS, which says which engines can.
GATHERED_WRITES = (
    # Both. A message went through the encoder in three steps, and was copied into the batch as far as that had room: now its
    # head is written into the batch, a short body after it; a long one stays where it is until it is written.
    Fix("stream_engine_base.cpp", """\
        _outsize = _encoder->encode (&_outpos, 0);

        while (_outsize < static_cast<size_t> (_options.out_batch_size)) {
""", """\
        _outsize = _encoder->encode (&_outpos, 0);

        const bool pulls = _outsize == 0 && gathers ();
        if (pulls && !pull_batch ())
            return;

        while (!pulls
               && _outsize < static_cast<size_t> (_options.out_batch_size)) {
"""),
    Fix("stream_engine_base.cpp", """\
    const int nbytes = write (_outpos, _outsize);
""", """\
    const bool gathered = _bodies && _bodies->held;
    const int nbytes = gathered
                         ? write_places (_s, _bodies->places + _bodies->written,
                                         _bodies->filled - _bodies->written)
                         : write (_outpos, _outsize);
"""),
    Fix("stream_engine_base.cpp", """\
    _outpos += nbytes;
    _outsize -= nbytes;
""", """\
    if (gathered)
        _bodies->count_written (static_cast<size_t> (nbytes));
    else
        _outpos += nbytes;
    _outsize -= nbytes;
"""),
    Fix("stream_engine_base.cpp", """\
void zmq::stream_engine_base_t::restart_output ()
""", """\
bool zmq::stream_engine_base_t::pull_batch ()
{
    const size_t most = static_cast<size_t> (_options.out_batch_size);
    unsigned char *const batch = _encoder->batch ();
    size_t used = 0, begun = 0;

    _outpos = batch;
    while (used < most && _outsize < 2 * most
           && !(_bodies && _bodies->held == stream_bodies_t::most_held)) {
        if ((this->*_next_msg) (&_tx_msg) == -1) {
            //  As in out_event(): the engine may be gone.
            if (errno == ECONNRESET)
                return false;
            break;
        }
        const size_t size = _tx_msg.size ();
        const size_t head_size = _encoder->head (&_tx_msg, size, batch + used);
        used += head_size;
        _outsize += head_size + size;
        if (size <= i_encoder::longest_copied) {
            //  Not memcpy(): of one that is known to be short, gcc makes a
            //  `rep movs`, which takes longer than the call.
            memmove (batch + used, _tx_msg.data (), size);
            used += size;
            int rc = _tx_msg.close ();
            errno_assert (rc == 0);
            rc = _tx_msg.init ();
            errno_assert (rc == 0);
            continue;
        }
        if (!_bodies) {
            _bodies = new (std::nothrow) stream_bodies_t;
            alloc_assert (_bodies);
        }
        _bodies->add (batch + begun, used - begun);
        _bodies->hold (_tx_msg);
        begun = used;
    }
    if (begun && used > begun)
        _bodies->add (batch + begun, used - begun);
    return true;
}

zmq::stream_bodies_t::stream_bodies_t () : held (0), filled (0), written (0)
{
}

zmq::stream_bodies_t::~stream_bodies_t ()
{
    let_go ();
}

void zmq::stream_bodies_t::add (unsigned char *data_, size_t size_)
{
    places[filled].data = data_;
    places[filled].size = size_;
    filled++;
}

void zmq::stream_bodies_t::hold (msg_t &msg_)
{
    int rc = messages[held].init ();
    errno_assert (rc == 0);
    rc = messages[held].move (msg_);
    errno_assert (rc == 0);
    add (static_cast<unsigned char *> (messages[held].data ()),
         messages[held].size ());
    held++;
}

void zmq::stream_bodies_t::count_written (size_t size_)
{
    while (written < filled && size_ >= places[written].size)
        size_ -= places[written++].size;
    if (written == filled)
        let_go ();
    else {
        places[written].data += size_;
        places[written].size -= size_;
    }
}

void zmq::stream_bodies_t::let_go ()
{
    while (held) {
        const int rc = messages[--held].close ();
        errno_assert (rc == 0);
    }
    filled = written = 0;
}

void zmq::stream_engine_base_t::restart_output ()
"""),
    Fix("stream_engine_base.cpp", """\
    LIBZMQ_DELETE (_encoder);
    LIBZMQ_DELETE (_decoder);
""", """\
    LIBZMQ_DELETE (_bodies);
    LIBZMQ_DELETE (_encoder);
    LIBZMQ_DELETE (_decoder);
"""),
    Fix("stream_engine_base.cpp", """\
    _plugged (false),
""", """\
    _bodies (NULL),
    _plugged (false),
"""),
    Fix("stream_engine_base.hpp", """\
    handle_t _handle;

    bool _plugged;
""", """\
    handle_t _handle;

    //  Fills the batch; false if the engine is gone.
    bool pull_batch ();

    //  NULL until the first long message.
    stream_bodies_t *_bodies;

    bool _plugged;
"""),
    Fix("stream_engine_base.hpp", """\
class stream_engine_base_t : public io_object_t, public i_engine
""", """\
//  Part of what goes out: in the encoder's batch, or a message's body.
struct stream_place_t
{
    unsigned char *data;
    size_t size;
};

//  A batch with messages whose bodies are written from where they lie, once
//  it holds one.
struct stream_bodies_t
{
    enum
    {
        most_held = 32
    };

    stream_bodies_t ();
    ~stream_bodies_t ();

    void add (unsigned char *data_, size_t size_);

    //  Takes the message over, and adds its body.
    void hold (msg_t &msg_);

    //  Messages are let go of when all is written.
    void count_written (size_t size_);

    size_t held;
    stream_place_t places[2 * most_held + 1];

    //  Of the places.
    size_t filled, written;

  private:
    void let_go ();

    msg_t messages[most_held];

    ZMQ_NON_COPYABLE_NOR_MOVABLE (stream_bodies_t)
};

class stream_engine_base_t : public io_object_t, public i_engine
"""),
    Fix("stream_engine_base.cpp", """\
//  As tcp_read(), to two places.
""", """\
//  As tcp_write(), from several places.
static int write_places (zmq::fd_t s_,
                         const zmq::stream_place_t *places_,
                         size_t count_)
{
    struct iovec places[2 * zmq::stream_bodies_t::most_held + 1];
    size_t count = 0, size = 0;
    while (count < count_ && size < most_in_one_call) {
        places[count].iov_base = places_[count].data;
        places[count].iov_len =
          std::min (places_[count].size, most_in_one_call - size);
        size += places[count].iov_len;
        count++;
    }
    struct msghdr all;
    memset (&all, 0, sizeof all);
    all.msg_iov = places;
    all.msg_iovlen = count;

    const ssize_t nbytes = sendmsg (s_, &all, 0);
    if (nbytes == -1
        && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    errno_assert (nbytes != -1
                  || (errno != EACCES && errno != EBADF
                      && errno != EDESTADDRREQ && errno != EFAULT
                      && errno != EISCONN && errno != EMSGSIZE
                      && errno != ENOMEM && errno != ENOTSOCK
                      && errno != EOPNOTSUPP));
    return static_cast<int> (nbytes);
}

//  As tcp_read(), to two places.
"""),
    Fix("stream_engine_base.cpp", """\
//  Never called: see gathers().
""", """\
//  Never called: see gathers().
static int write_places (zmq::fd_t, const zmq::stream_place_t *, size_t)
{
    return -1;
}
"""),
    Fix("i_encoder.hpp", """\
    virtual void load_msg (msg_t *msg_) = 0;
""", """\
    virtual void load_msg (msg_t *msg_) = 0;

    //  Instead of load_msg() and encode(), for who brings the body himself:
    //  writes what comes before it, and returns the length of that.
    virtual size_t head (msg_t *msg_, size_t size_, unsigned char *to_) = 0;

    //  The buffer, if it is not otherwise used: at each of its bytes a head
    //  and a body that is copied may begin.
    virtual unsigned char *batch () = 0;

    enum
    {
        longest_head = 32,
        //  A longer body is written from where it lies.
        longest_copied = 2047
    };
"""),
    Fix("encoder.hpp", """\
        _buf (static_cast<unsigned char *> (malloc (bufsize_))),
""", """\
        _buf (static_cast<unsigned char *> (
          malloc (bufsize_ + longest_head + longest_copied))),
"""),
    Fix("encoder.hpp", """\
  protected:
    //  Prototype of state machine action.
""", """\
    size_t head (msg_t *msg_, size_t size_, unsigned char *to_) ZMQ_FINAL
    {
        const size_t plain =
          static_cast<T *> (this)->plain_head (msg_, size_, to_);
        if (plain)
            return plain;
        load_msg (msg_);
        const size_t head_size = _to_write;
        zmq_assert (head_size <= longest_head);
        memcpy (to_, _write_pos, head_size);
        //  The step to the body, after which the next message may come.
        (static_cast<T *> (this)->*_next) ();
        _to_write = 0;
        _in_progress = NULL;
        return head_size;
    }

    unsigned char *batch () ZMQ_FINAL { return _buf; }

    //  head() in one step; 0 wherever it takes more. A derived class may
    //  have its own.
    size_t plain_head (msg_t *, size_t, unsigned char *) { return 0; }

  protected:
    //  Prototype of state machine action.
"""),
    *(Fix(f"{encoder}.hpp", f"""\
    {encoder}_t (size_t bufsize_);
""", f"""\
    {encoder}_t (size_t bufsize_);

    //  See encoder_base_t.
    size_t plain_head (msg_t *msg_, size_t size_, unsigned char *to_)
    {{
        return v2_protocol_t::plain_head (msg_, size_, to_);
    }}
""") for encoder in ("v2_encoder", "v3_1_encoder")),
    *(Fix(f"{encoder}.hpp", """\
#include "encoder.hpp"
""", """\
#include "encoder.hpp"
#include "v2_protocol.hpp"
""") for encoder in ("v2_encoder", "v3_1_encoder")),
    Fix("v2_protocol.hpp", """\
        command_flag = 4
    };
""", """\
        command_flag = 4
    };

    //  What comes before the body of a frame that is neither a command nor
    //  a subscription; 0 for those.
    static size_t
    plain_head (const msg_t *msg_, size_t size_, unsigned char *to_)
    {
        const unsigned char flags = msg_->flags ();
        if (flags & (msg_t::command | CMD_TYPE_MASK))
            return 0;
        to_[0] = flags & msg_t::more ? more_flag : 0;
        if (size_ <= 255) {
            to_[1] = static_cast<unsigned char> (size_);
            return 2;
        }
        to_[0] |= large_flag;
        put_uint64 (to_ + 1, size_);
        return 9;
    }
"""),
    Fix("v2_protocol.hpp", """\
namespace zmq
{
""", """\
#include "msg.hpp"
#include "wire.hpp"

namespace zmq
{
"""),
)
