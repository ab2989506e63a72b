/* What is inside a zmq_msg_t, where zmq.h does not say: its header (metadata, flags, routing id, group) and its content_t.

   libzmq decodes small frames in place, inside a buffer that all frames of one read share, so one kept frame keeps
   the whole buffer. Copying such a frame out through the public API would lose its metadata (Peer-Address, User-Id …),
   which has no setter. This moves it, by the layout that msg.hpp has had since 4.3.3: metadata pointer first; type,
   flags, routing id and group last. msg_layout_known() looks whether the libzmq we run with has that layout; if not,
   frames stay where libzmq put them, which costs memory and nothing else. */
#ifndef ZMQFAST_MSG_HEADER_H
#define ZMQFAST_MSG_HEADER_H

#include <stdint.h>
#include <string.h>
#include <zmq.h>
#include "atomics.h"

enum
{
    MSG_METADATA = 0,
    MSG_CONTENT = 8,
    MSG_SMALL_DATA = 8,
    MSG_SMALL_SIZE = 41,
    MSG_TYPE = 42,
    MSG_FLAGS = 43,
    MSG_ROUTING_ID = 44,
    MSG_GROUP = 48,
    MSG_SIZE = 64,
    MSG_TYPE_VSM = 101,
    MSG_TYPE_LMSG = 102,
    MSG_TYPE_ZCLMSG = 105,
    MSG_FLAG_MORE = 1,
    MSG_FLAG_SHARED = 128,
    LONGEST_SMALL = 33,             /* bytes of a frame that lies in the zmq_msg_t itself */
    LONGEST_CONTENT_HEADER = 128    /* bytes before the data, in the allocation of a long message */
};

static int msg_layout_known (void)
{
    zmq_msg_t small, large;
    const unsigned char *s = (const unsigned char *) &small;
    const unsigned char *l = (const unsigned char *) &large;
    int known = sizeof (void *) == 8 && sizeof (zmq_msg_t) == MSG_SIZE;
    if (zmq_msg_init_size (&small, 2) == -1)
        return 0;
    if (zmq_msg_init_size (&large, 4096) == -1)
        return 0;
    known = known && s[MSG_TYPE] == MSG_TYPE_VSM && l[MSG_TYPE] == MSG_TYPE_LMSG && s[MSG_FLAGS] == 0
            && l[MSG_FLAGS] == 0;
#ifdef ZMQ_BUILD_DRAFT_API
    {
        uint32_t routing_id = 0;
        zmq_msg_set_routing_id (&large, 0x12345678);
        memcpy (&routing_id, l + MSG_ROUTING_ID, 4);
        known = known && routing_id == 0x12345678;
    }
#endif
    zmq_msg_close (&small);
    zmq_msg_close (&large);
    return known;
}

/* Small frames, where msg_small_known(): without libzmq's help, which costs more than their bytes. */
static inline int msg_is_small (const zmq_msg_t *msg)
{
    return ((const unsigned char *) msg)[MSG_TYPE] == MSG_TYPE_VSM;
}

static inline char *msg_small_data (zmq_msg_t *msg)
{
    return (char *) msg + MSG_SMALL_DATA;
}

static inline size_t msg_small_size (const zmq_msg_t *msg)
{
    return ((const unsigned char *) msg)[MSG_SMALL_SIZE];
}

/* Whether nothing outside of it belongs to a message, so that it need not be closed: no metadata, no long group. */
static inline int msg_is_alone (const zmq_msg_t *msg)
{
    const unsigned char *m = (const unsigned char *) msg;
    void *metadata;
    memcpy (&metadata, m + MSG_METADATA, sizeof (metadata));
    return msg_is_small (msg) && metadata == NULL && m[MSG_GROUP] == 0;
}

/* zmq_msg_init_size(), which cannot fail here. */
static inline void msg_init_small (zmq_msg_t *msg, size_t size)
{
    unsigned char *m = (unsigned char *) msg;
    memset (m, 0, MSG_SIZE);
    m[MSG_SMALL_SIZE] = (unsigned char) size;
    m[MSG_TYPE] = MSG_TYPE_VSM;
}

/* The message's content is somebody else's now; its header stays. Where msg_content_known(). */
static inline void msg_empty (zmq_msg_t *msg)
{
    unsigned char *m = (unsigned char *) msg;
    m[MSG_SMALL_SIZE] = 0;
    m[MSG_TYPE] = MSG_TYPE_VSM;
    m[MSG_FLAGS] &= (unsigned char) ~MSG_FLAG_SHARED;
}

static int msg_small_known (void)
{
    zmq_msg_t ours, theirs;
    if (!msg_layout_known ())
        return 0;
    memset (&theirs, 0, sizeof (theirs));
    zmq_msg_init_size (&theirs, LONGEST_SMALL); /* never fails: asks for no memory */
    msg_init_small (&ours, LONGEST_SMALL);
    return memcmp (&ours, &theirs, MSG_SIZE) == 0 && zmq_msg_data (&ours) == msg_small_data (&ours)
           && zmq_msg_size (&ours) == LONGEST_SMALL;
}

/* libzmq's content_t, where a long message is. libzmq allocates it with the data (lmsg), or somebody else does and gets it
   back through on_free (zclmsg, as libzmq's own decoder makes them). The layout is that of msg.hpp since 4.2. */
typedef struct
{
    void *data;
    size_t size;
    zmq_free_fn *on_free;
    void *hint;
    uint32_t references;
    uint32_t spare; /* the owner's */
} msg_content_t;

static inline int msg_is_zclmsg (const zmq_msg_t *msg)
{
    return ((const unsigned char *) msg)[MSG_TYPE] == MSG_TYPE_ZCLMSG;
}

/* Of a message that has one. */
static inline msg_content_t *msg_content (const zmq_msg_t *msg)
{
    msg_content_t *content;
    memcpy (&content, (const unsigned char *) msg + MSG_CONTENT, sizeof (content));
    return content;
}

/* Whether a zclmsg or lmsg is the last that has its content. */
static inline int msg_is_last (const zmq_msg_t *msg)
{
    return (((const unsigned char *) msg)[MSG_FLAGS] & MSG_FLAG_SHARED) == 0
           || atomic_half_peek (&msg_content (msg)->references) == 1;
}

/* zmq_msg_init_data() with a content of ours, whose data, size, on_free and hint are set. */
static inline void msg_init_content (zmq_msg_t *msg, msg_content_t *content)
{
    unsigned char *m = (unsigned char *) msg;
    content->references = 0;
    memset (m, 0, MSG_SIZE);
    memcpy (m + MSG_CONTENT, &content, sizeof (content));
    m[MSG_TYPE] = MSG_TYPE_ZCLMSG;
}

static void msg_on_free_never (void *data, void *hint)
{
    (void) data;
    (void) hint;
}

/* Whether libzmq's messages and their content look as we know them. */
static int msg_content_known (void)
{
    zmq_msg_t first, second;
    static char data[4096];
    msg_content_t *content;
    int known;
    if (!msg_layout_known () || sizeof (msg_content_t) != 40)
        return 0;
    if (zmq_msg_init_data (&first, data, sizeof (data), msg_on_free_never, data + 1) == -1)
        return 0;
    content = msg_content (&first);
    known = content->data == data && content->size == sizeof (data) && content->on_free == msg_on_free_never
            && content->hint == data + 1 && msg_is_last (&first);
    zmq_msg_init (&second);
    zmq_msg_copy (&second, &first);
    known = known && msg_content (&second) == content && content->references == 2 && !msg_is_last (&first)
            && !msg_is_last (&second);
    zmq_msg_close (&second);
    known = known && content->references == 1 && msg_is_last (&first);
    zmq_msg_close (&first);
    return known;
}

/* Whether the bytes are this message's own: in it, in the allocation that libzmq made for it, or in its part of the
   decode buffer. Bytes that somebody lent, over inproc too, are not; shared ones (ZMQ_SHARED) have more than one owner. */
static int msg_owns_bytes (zmq_msg_t *msg)
{
    const unsigned char *m = (const unsigned char *) msg;
    const char *content, *data = (const char *) zmq_msg_data (msg);
    if (m[MSG_TYPE] == MSG_TYPE_VSM)
        return 1;
    if (zmq_msg_get (msg, ZMQ_SHARED))
        return 0;
    if (m[MSG_TYPE] == MSG_TYPE_ZCLMSG)
        return 1;
    if (m[MSG_TYPE] != MSG_TYPE_LMSG)
        return 0;
    memcpy (&content, m + MSG_CONTENT, sizeof (content));
    return data > content && data < content + LONGEST_CONTENT_HEADER;
}

/* Whether libzmq has closed a message, as it does in a few calls that fail. */
static int msg_is_closed (const zmq_msg_t *msg)
{
    return sizeof (zmq_msg_t) == MSG_SIZE && ((const unsigned char *) msg)[MSG_TYPE] == 0;
}

/* Gives `to`, a fresh message of its own type and content, all of `from`'s header; `from` can then be closed. */
static void msg_move_header (zmq_msg_t *to, zmq_msg_t *from)
{
    unsigned char *t = (unsigned char *) to;
    unsigned char *f = (unsigned char *) from;
    memcpy (t + MSG_METADATA, f + MSG_METADATA, sizeof (void *));
    memset (f + MSG_METADATA, 0, sizeof (void *));
    t[MSG_FLAGS] |= f[MSG_FLAGS] & MSG_FLAG_MORE;
    memcpy (t + MSG_ROUTING_ID, f + MSG_ROUTING_ID, MSG_SIZE - MSG_ROUTING_ID);
    memset (f + MSG_GROUP, 0, MSG_SIZE - MSG_GROUP);
}

#endif
