"""What two threads touch at every message, so that its cache line goes from one core to the other and back. The fixes of each
list need each other.
"""

from .fix import Fix

QUEUE_LINES = (
    # Both. A queue between two threads has what the reader changes, what the writer changes, and what both only read in
    # lines of their own. 128: processors fetch lines in pairs.
    Fix("yqueue.hpp", """\
    chunk_t *_begin_chunk;
    int _begin_pos;
    chunk_t *_back_chunk;
""", """\
    char _before_reader[128];
    chunk_t *_begin_chunk;
    int _begin_pos;
    char _before_writer[128];
    chunk_t *_back_chunk;
"""),
    Fix("ypipe.hpp", """\
    T *_w;

    //  Points to the first un-prefetched item. This variable is used
    //  exclusively by reader thread.
    T *_r;

    //  Points to the first item to be flushed in the future.
    T *_f;
""", """\
    T *_w;

    //  Points to the first item to be flushed in the future.
    T *_f;

    char _before_reader[128];

    //  Points to the first un-prefetched item. This variable is used
    //  exclusively by reader thread.
    T *_r;

    char _before_both[128];
"""),
    Fix("ypipe.hpp", """\
    atomic_ptr_t<T> _c;
""", """\
    atomic_ptr_t<T> _c;
    char _after_both[64];
"""),
)

QUEUE_PLACES = (
    # Both. Needs QUEUE_LINES. Of messages that lie side by side in the order in which they come, the reader's processor fetches
    # the next ones before they are written, and the writer waits for their lines at each of them. So they lie apart: neighbours
    # are 97 messages from each other. The writer fetches the lines that it is going to write.
    Fix("yqueue.hpp", """\
    inline T &front () { return _begin_chunk->values[_begin_pos]; }
""", """\
    inline T &front () { return _begin_chunk->values[place (_begin_pos)]; }
"""),
    Fix("yqueue.hpp", """\
    inline T &back () { return _back_chunk->values[_back_pos]; }
""", """\
    inline T &back () { return _back_chunk->values[place (_back_pos)]; }
"""),
    Fix("yqueue.hpp", """\
        if (++_end_pos != N)
            return;
""", """\
        if (++_end_pos != N) {
            if (_end_pos < N - 3)
                fetch_to_write (&_end_chunk->values[place (_end_pos + 3)]);
            return;
        }
"""),
    Fix("yqueue.hpp", """\
    //  Individual memory chunk to hold N elements.
""", """\
    //  Where in its chunk an element lies: each has a place of its own if N
    //  is a power of two.
    static inline int place (int pos_) { return pos_ * 161 & (N - 1); }
    typedef char power_of_two_t[(N & (N - 1)) == 0 ? 1 : -1];

    //  Individual memory chunk to hold N elements.
"""),
    Fix("yqueue.hpp", """\
#include "err.hpp"
""", """\
#include "err.hpp"
#include "fetch.h"
"""),
)

METADATA_AHEAD = (
    # Both. Each received message counts itself among those that have its peer's metadata, and the thread that closes it
    # counts it off: the engine counts many ahead, and gives them out one by one.
    Fix("metadata.hpp", """\
    void add_ref ();
""", """\
    void add_ref ();

    //  Many at once. drop_refs() as drop_ref().
    void add_refs (uint32_t count_) { _ref_cnt.add (count_); }
    bool drop_refs (uint32_t count_) { return !_ref_cnt.sub (count_); }
"""),
    Fix("msg.hpp", """\
    void set_metadata (metadata_t *metadata_);
""", """\
    void set_metadata (metadata_t *metadata_);

    //  The same for one who has counted the message already.
    void give_metadata (metadata_t *metadata_)
    {
        _u.base.metadata = metadata_;
    }
"""),
    Fix("stream_engine_base.hpp", """\
    metadata_t *_metadata;
""", """\
    metadata_t *_metadata;

    //  How many references to it are counted, and not given out yet.
    uint32_t _metadata_ahead;
"""),
    Fix("stream_engine_base.cpp", """\
    _metadata (NULL),
""", """\
    _metadata (NULL),
    _metadata_ahead (0),
"""),
    Fix("stream_engine_base.cpp", """\
        if (_metadata->drop_ref ()) {
""", """\
        if (_metadata->drop_refs (1 + _metadata_ahead)) {
"""),
    Fix("stream_engine_base.cpp", """\
    if (_metadata)
        msg_->set_metadata (_metadata);
    if (_session->push_msg (msg_) == -1) {
""", """\
    if (_metadata) {
        if (_metadata_ahead == 0) {
            _metadata_ahead = 1000;
            _metadata->add_refs (_metadata_ahead);
        }
        _metadata_ahead--;
        msg_->give_metadata (_metadata);
    }
    if (_session->push_msg (msg_) == -1) {
"""),
)

BUFFERS_AHEAD = (
    # Both. The same for the messages that share a buffer which was read into: all that can be in it are counted ahead.
    Fix("decoder_allocators.hpp", """\
    std::size_t _max_counters;
""", """\
    std::size_t _max_counters;

    //  How many references to _buf are counted, and not given out yet.
    uint32_t _ahead;

    //  Gives back what was counted ahead, and one; whether others are left.
    bool drop_refs ()
    {
        const uint32_t count = 1 + _ahead;
        _ahead = 0;
        return (reinterpret_cast<zmq::atomic_counter_t *> (_buf))->sub (count);
    }
"""),
    Fix("decoder_allocators.cpp", """\
    _max_counters ((_max_size + msg_t::max_vsm_size - 1) / msg_t::max_vsm_size)
""", """\
    _max_counters ((_max_size + msg_t::max_vsm_size - 1) / msg_t::max_vsm_size),
    _ahead (0)
"""),
    Fix("decoder_allocators.cpp", """\
    _max_counters (max_messages_)
""", """\
    _max_counters (max_messages_),
    _ahead (0)
"""),
    Fix("decoder_allocators.cpp", """\
        // release reference count to couple lifetime to messages
        zmq::atomic_counter_t *c =
          reinterpret_cast<zmq::atomic_counter_t *> (_buf);

        // if refcnt""", """\
        // release reference count to couple lifetime to messages
        // if refcnt"""),
    Fix("decoder_allocators.cpp", """\
        if (c->sub (1)) {
""", """\
        if (drop_refs ()) {
"""),
    Fix("decoder_allocators.cpp", """\
    zmq::atomic_counter_t *c = reinterpret_cast<zmq::atomic_counter_t *> (_buf);
    if (_buf && !c->sub (1)) {
""", """\
    zmq::atomic_counter_t *c = reinterpret_cast<zmq::atomic_counter_t *> (_buf);
    LIBZMQ_UNUSED (c);
    if (_buf && !drop_refs ()) {
"""),
    # Not before the first: raw_decoder_t counts none, and gives its own reference away together with the buffer.
    Fix("decoder_allocators.cpp", """\
    (reinterpret_cast<zmq::atomic_counter_t *> (_buf))->add (1);
""", """\
    if (_ahead == 0) {
        _ahead = static_cast<uint32_t> (_max_counters);
        (reinterpret_cast<zmq::atomic_counter_t *> (_buf))->add (_ahead);
    }
    _ahead--;
"""),
)
