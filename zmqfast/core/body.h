/* Received without a copy: a bytes object made of the memory into which libzmq has read.

   A bytes object of more than 512 bytes is one block of Python's raw allocator (PyMem_RawMalloc), which any thread may use:
   its head, the bytes, a NUL. Where that is so, libzmq asks for such blocks for long messages (body.cpp), and whoever
   receives the last one that holds a block fills in the head. Which allocators an interpreter has is for its user to say:
   so one object is made, watched, and let go of, when zmqfast is imported. */
#ifndef ZMQFAST_BODY_H
#define ZMQFAST_BODY_H

#include <stddef.h>

enum
{
    BODY_FROM = 8192 /* bytes: a shorter one is copied */
};

typedef struct
{
    void *(*allocate) (size_t size); /* NULL: libzmq uses its own */
    void (*release) (void *block);
    size_t before; /* bytes of the head */
} body_memory_t;

#ifndef __cplusplus
#include <Python.h>
#include "msg_header.h"

#ifdef ZMQ_STATIC
extern body_memory_t zmqfast_body_memory;
void zmqfast_body_on_free (void *data, void *unused);
#else /* a system's libzmq knows nothing of it */
static body_memory_t zmqfast_body_memory;
static void zmqfast_body_on_free (void *data, void *unused)
{
    (void) data;
    (void) unused;
}
#endif

/* Whose block is watched; the GIL is held. */
static PyMemAllocatorEx body_raw;
static void *body_made, *body_freed;
static size_t body_made_size;

static void *body_watched_malloc (void *ctx, size_t size)
{
    void *block = body_raw.malloc (ctx, size);
    if (size == body_made_size)
        body_made = block;
    return block;
}

static void body_watched_free (void *ctx, void *block)
{
    if (block != NULL && block == body_made)
        body_freed = block;
    body_raw.free (ctx, block);
}

/* Have libzmq use such blocks, if a bytes object is what we think; whether it does. */
static int body_settle (void)
{
    enum { LENGTH = BODY_FROM + 1 };
    const size_t before = offsetof (PyBytesObject, ob_sval);
    PyMemAllocatorEx watched;
    PyObject *made;
    body_made_size = before + LENGTH + 1;
    PyMem_GetAllocator (PYMEM_DOMAIN_RAW, &body_raw);
    watched = body_raw;
    watched.malloc = body_watched_malloc;
    watched.free = body_watched_free;
    PyMem_SetAllocator (PYMEM_DOMAIN_RAW, &watched);
    made = PyBytes_FromStringAndSize (NULL, LENGTH);
    Py_XDECREF (made);
    PyMem_SetAllocator (PYMEM_DOMAIN_RAW, &body_raw);
    if (made == NULL || body_made != (void *) made || body_freed != (void *) made)
        return PyErr_Clear (), 0;
    zmqfast_body_memory.before = before;
    zmqfast_body_memory.release = PyMem_RawFree;
    zmqfast_body_memory.allocate = PyMem_RawMalloc;
    return 1;
}

/* The bytes of a message that has such a block, and is the last that has it; it is empty afterwards. Or NULL. */
static PyObject *body_take (zmq_msg_t *msg)
{
    msg_content_t *content;
    PyBytesObject *bytes;
    Py_hash_t unknown = -1;
    if (!msg_is_zclmsg (msg) || !msg_is_last (msg))
        return NULL;
    content = msg_content (msg);
    if (content->on_free != zmqfast_body_on_free)
        return NULL;
    bytes = (PyBytesObject *) ((char *) content->data - offsetof (PyBytesObject, ob_sval));
    PyObject_InitVar ((PyVarObject *) bytes, &PyBytes_Type, (Py_ssize_t) content->size);
    memcpy ((char *) bytes + sizeof (PyVarObject), &unknown, sizeof (unknown));
    bytes->ob_sval[content->size] = 0;
    msg_empty (msg);
    return (PyObject *) bytes;
}
#endif

#endif
