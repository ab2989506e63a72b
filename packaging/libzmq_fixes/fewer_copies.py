"""Copies of long messages that nobody needs: the fixes of each list need each other."""

from .fix import Fix

BYTES_IN_PLACE = (
    # Both. What is received without a copy: see core/body.h.
    Fix("msg.cpp", """\
        _u.lmsg.content = NULL;
        if (sizeof (content_t) + size_ > size_)
""", """\
        _u.lmsg.content = NULL;
        void *content;
        void *data = zmqfast_new_body (size_, sizeof (content_t), &content);
        if (data)
            return init_external_storage (static_cast<content_t *> (content),
                                          data, size_, zmqfast_body_on_free,
                                          NULL);
        if (sizeof (content_t) + size_ > size_)
"""),
    Fix("msg.cpp", """\
#include "metadata.hpp"
""", """\
#include "metadata.hpp"

extern "C" void *
zmqfast_new_body (size_t size, size_t content_size, void **content);
extern "C" void zmqfast_body_on_free (void *data, void *unused);
"""),
)

LONG_READS = (
    # Both. Some engines can read and write several places in one call.
    Fix("stream_engine_base.hpp", """\
    virtual int write (const void *data_, size_t size_);
""", """\
    virtual int write (const void *data_, size_t size_);

    //  Whether several places can be read or written in one call.
    virtual bool gathers () { return false; }
"""),
    Fix("zmtp_engine.hpp", """\
    void plug_internal ();
""", """\
    void plug_internal ();

#ifndef ZMQ_HAVE_WINDOWS
    bool gathers () { return true; }
#endif
"""),
    # Both. Of a message that is longer than what was read before it, or than 64 KiB, all but its last bytes was copied from
    # the buffer, because those of the one before were read together with it: they are read to where they belong, and with
    # them no more than a beginning.
    Fix("i_decoder.hpp", """\
    virtual void resize_buffer (size_t) = 0;
""", """\
    virtual void resize_buffer (size_t) = 0;

    //  In the middle of a long message: what is missing of it, and where a
    //  read may go on that has filled that. After get_buffer().
    virtual size_t get_long (unsigned char **, size_t *, unsigned char **)
    {
        return 0;
    }

"""),
    Fix("decoder.hpp", """\
    void resize_buffer (std::size_t new_size_) ZMQ_FINAL
""", """\
    size_t get_long (unsigned char **data_,
                     std::size_t *size_,
                     unsigned char **more_) ZMQ_FINAL
    {
        if (!is_long ())
            return 0;
        *data_ = _read_pos;
        *size_ = _to_read;
        *more_ = _buf;
        //  A long message is likely to be followed by another.
        return std::min<std::size_t> (256, _allocator.size ());
    }

    void resize_buffer (std::size_t new_size_) ZMQ_FINAL
"""),
    Fix("decoder.hpp", """\
        _to_read = to_read_;
        _next = next_;
    }

    A &get""", """\
        _to_read = to_read_;
        _whole = to_read_;
        _next = next_;
    }

    A &get"""),
    Fix("decoder.hpp", """\
  private:
    //  Next step.""", """\
  private:
    //  Whether it reads a body that has memory of its own. In much longer
    //  ones the copy is a small part, and reading less at once lets the
    //  sender go on meanwhile.
    bool is_long () const
    {
        const std::size_t read =
          std::min<std::size_t> (_allocator.size (), 64 * 1024);
        return _whole >= std::max<std::size_t> (read, 1024)
               && _whole / 8 < read;
    }

    //  How much data this step has read before it is done.
    std::size_t _whole;

    //  Next step."""),
    Fix("stream_engine_base.cpp", """\
        const int rc = read (_inpos, bufsize);
""", """\
        if (gathers ())
            more_size = _decoder->get_long (&_inpos, &bufsize, &more);
        const int rc = more_size
                         ? read_two (_s, _inpos, bufsize, more, more_size)
                         : read (_inpos, bufsize);
"""),
    Fix("stream_engine_base.cpp", """\
        //  Adjust input size
        _insize = static_cast<size_t> (rc);
        // Adjust buffer size to received bytes
        _decoder->resize_buffer (_insize);
    }
""", """\
        //  Adjust input size
        _insize = static_cast<size_t> (rc);
        more_size = 0;
        if (_insize > bufsize) {
            more_size = _insize - bufsize;
            _insize = bufsize;
        }
        // Adjust buffer size to received bytes
        _decoder->resize_buffer (more_size ? more_size : _insize);
    }
"""),
    Fix("stream_engine_base.cpp", """\
    if (!_insize) {
        //  Retrieve""", """\
    unsigned char *more = NULL;
    size_t more_size = 0;
    if (!_insize) {
        //  Retrieve"""),
    Fix("stream_engine_base.cpp", """\
        _inpos += processed;
        _insize -= processed;
        if (rc == 0 || rc == -1)
            break;
        rc = (this->*_process_msg) (_decoder->msg ());
        if (rc == -1)
            break;
    }

    //  Tear down""", """\
        _inpos += processed;
        _insize -= processed;
        if (_insize == 0 && more_size) {
            _inpos = more;
            _insize = more_size;
            more_size = 0;
        }
        if (rc == 0 || rc == -1)
            break;
        rc = (this->*_process_msg) (_decoder->msg ());
        if (rc == -1)
            break;
    }

    //  Tear down"""),
    Fix("stream_engine_base.cpp", """\
static std::string get_peer_address (zmq::fd_t s_)
""", """\
#ifndef ZMQ_HAVE_WINDOWS
#include <sys/socket.h>
#include <sys/uio.h>

//  More of a message than this is left for the next call.
static const size_t most_in_one_call = 1 << 28;

//  As tcp_read(), to two places.
static int read_two (zmq::fd_t s_,
                     void *first_,
                     size_t first_size_,
                     void *second_,
                     size_t second_size_)
{
    if (first_size_ > most_in_one_call)
        second_size_ = 0;
    struct iovec places[2];
    places[0].iov_base = first_;
    places[0].iov_len = std::min (first_size_, most_in_one_call);
    places[1].iov_base = second_;
    places[1].iov_len = second_size_;
    struct msghdr both;
    memset (&both, 0, sizeof both);
    both.msg_iov = places;
    both.msg_iovlen = second_size_ ? 2 : 1;

    const ssize_t nbytes = recvmsg (s_, &both, 0);
    if (nbytes == 0) {
        errno = EPIPE; // closed by the peer
        return -1;
    }
    if (nbytes == -1) {
        errno_assert (errno != EBADF && errno != EFAULT && errno != ENOMEM
                      && errno != ENOTSOCK);
        if (errno == EWOULDBLOCK || errno == EINTR)
            errno = EAGAIN;
    }
    return static_cast<int> (nbytes);
}
#else
//  Never called: see gathers().
static int read_two (zmq::fd_t, void *, size_t, void *, size_t)
{
    return -1;
}
#endif

static std::string get_peer_address (zmq::fd_t s_)
"""),
)
