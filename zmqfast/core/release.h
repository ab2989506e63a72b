/* Buffers lent to libzmq, and the release list: what it has let go of, waiting for a thread that may touch Python objects.

   libzmq's threads push (no Python, no lock); Python threads take the whole list at once. A thread that waits for
   a buffer to come back blocks in release_wait(), which is the one place with a mutex: pushing takes it only
   while somebody waits. */
#ifndef ZMQFAST_RELEASE_H
#define ZMQFAST_RELEASE_H

#include <Python.h>
#include <stdint.h>
#include <zmq.h>
#include "atomics.h"
#include "msg_header.h"

typedef struct release_node_t
{
    msg_content_t content; /* where libzmq's messages have the layout that we know */
    struct release_node_t *next;
    Py_buffer view;
    PyObject *tracker; /* owned reference, or NULL */
} release_node_t;

#if defined _MSC_VER
static SRWLOCK release_mutex = SRWLOCK_INIT;
static CONDITION_VARIABLE release_condition = CONDITION_VARIABLE_INIT;
#define release_lock() AcquireSRWLockExclusive (&release_mutex)
#define release_unlock() ReleaseSRWLockExclusive (&release_mutex)
#define release_broadcast() WakeAllConditionVariable (&release_condition)
static void release_sleep (int ms)
{
    SleepConditionVariableSRW (&release_condition, &release_mutex, ms, 0);
}
#else
#include <pthread.h>
#include <time.h>
static pthread_mutex_t release_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t release_condition = PTHREAD_COND_INITIALIZER;
#define release_lock() pthread_mutex_lock (&release_mutex)
#define release_unlock() pthread_mutex_unlock (&release_mutex)
#define release_broadcast() pthread_cond_broadcast (&release_condition)
static void release_sleep (int ms)
{
    struct timespec until;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec += 1;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait (&release_condition, &release_mutex, &until);
}
#endif

static atomic_pointer_t release_head = NULL;
static atomic_int_t release_waiters = 0;
static atomic_int_t release_finalising = 0;
static atomic_int_t release_scheduled = 0; /* above 0 from the first push until the pending call runs */
static atomic_int_t release_lent = 0; /* nodes that libzmq or the list still holds */

#if defined __SANITIZE_ADDRESS__
enum { RELEASE_SPARE_NODES = 0 }; /* it sees who uses a node too late */
#else
enum { RELEASE_SPARE_NODES = 1024 };
#endif

#ifdef Py_GIL_DISABLED
#define release_new_node() ((release_node_t *) PyMem_RawMalloc (sizeof (release_node_t)))
#define release_free_node(node) PyMem_RawFree (node)
#else
static release_node_t *release_spare = NULL; /* for the next loans; the GIL is held */
static int release_spare_nodes = 0;

static inline release_node_t *release_new_node (void)
{
    release_node_t *node = release_spare;
    if (node == NULL)
        return (release_node_t *) PyMem_RawMalloc (sizeof (release_node_t));
    release_spare = node->next;
    release_spare_nodes--;
    return node;
}

static inline void release_free_node (release_node_t *node)
{
    if (release_spare_nodes >= RELEASE_SPARE_NODES) {
        PyMem_RawFree (node);
        return;
    }
    node->next = release_spare;
    release_spare = node;
    release_spare_nodes++;
}
#endif

/* In a forked child another thread may have held the mutex, and no thread waits. */
static void release_after_fork (void)
{
#if !defined _MSC_VER
    pthread_mutex_init (&release_mutex, NULL);
    pthread_cond_init (&release_condition, NULL);
#endif
    atomic_clear (&release_waiters);
    atomic_clear (&release_scheduled);
}

static int (*release_pending_call) (void *) = NULL; /* drains; set by release.pyx */

/* Runs in any thread, libzmq's I/O threads included: never touches a Python object. */
static void release_on_free (void *data, void *hint)
{
    release_node_t *node = (release_node_t *) hint;
    release_node_t *head;
    (void) data;
    do {
        head = (release_node_t *) atomic_peek (&release_head);
        node->next = head;
    } while (!atomic_swap (&release_head, head, node));
    if (!atomic_get (&release_finalising) && atomic_add (&release_scheduled, 1) == 1
        && Py_AddPendingCall (release_pending_call, NULL) != 0)
        atomic_clear (&release_scheduled); /* the queue is full: the next push tries again */
    if (atomic_get (&release_waiters) > 0) {
        release_lock ();
        release_broadcast ();
        release_unlock ();
    }
}

/* Make `msg` of the node's buffer, without libzmq's help: ask msg_content_known() before. */
static inline void release_init_msg (zmq_msg_t *msg, release_node_t *node)
{
    node->content.data = node->view.buf;
    node->content.size = (size_t) node->view.len;
    node->content.on_free = release_on_free;
    node->content.hint = node;
    msg_init_content (msg, &node->content);
}

/* Whether a message is a buffer that somebody of this process has lent: over inproc, its receiver gets it as it is. */
static inline int release_lends (const zmq_msg_t *msg)
{
    return msg_is_zclmsg (msg) && msg_content (msg)->on_free == release_on_free;
}

/* The bytes object that a lent message is, borrowed; NULL where it is of something else. Nobody can change bytes, so the
   receiver can have the very object. */
static inline PyObject *release_bytes (const zmq_msg_t *msg)
{
    msg_content_t *content = msg_content (msg);
    PyObject *owner = ((release_node_t *) content->hint)->view.obj;
    return owner != NULL && PyBytes_CheckExact (owner) && PyBytes_AS_STRING (owner) == (char *) content->data
             && (size_t) PyBytes_GET_SIZE (owner) == content->size ? owner : NULL;
}

/* `msg` is closed next, by this thread, which may touch Python objects: if that ends a loan, `on_free` is called instead of
   release_on_free(). Whether it does. */
static inline int release_here (zmq_msg_t *msg, zmq_free_fn *on_free)
{
    if (!release_lends (msg) || !msg_is_last (msg))
        return 0;
    msg_content (msg)->on_free = on_free;
    return 1;
}

static release_node_t *release_take (void)
{
    return (release_node_t *) (atomic_peek (&release_head) ? atomic_take (&release_head) : NULL);
}

/* Wait, without the GIL, until something is on the list or `ms` are over. */
static void release_wait (int ms)
{
    atomic_add (&release_waiters, 1);
    release_lock ();
    if (atomic_peek (&release_head) == NULL)
        release_sleep (ms);
    release_unlock ();
    atomic_add (&release_waiters, -1);
}

#endif
