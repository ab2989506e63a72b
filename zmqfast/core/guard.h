/* Who is inside a socket. `state` counts the callers inside; GUARD_CLOSED is added by close().

   With a GIL only a caller that releases it can be met inside, so entering is one predictable branch, leaving is
   nothing, and only a wait without the GIL counts itself (hold, let_go). Without a GIL entering is an atomic exchange.
   guard_kept() asks after signal handlers have run, which may have closed the socket or let somebody else in. */
#ifndef ZMQFAST_GUARD_H
#define ZMQFAST_GUARD_H

#include <Python.h>
#include "release.h"

enum
{
    GUARD_WATCHED = 1 << 19, /* nobody is inside, and an idle watch waits to be ended by the first use */
    GUARD_CLOSED = 1 << 20
};

#ifdef Py_GIL_DISABLED
static inline int guard_enter (atomic_int_t *state)
{
    long expected = 0;
    return __atomic_compare_exchange_n (state, &expected, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
static inline int guard_take_over (atomic_int_t *state)
{
    long expected = GUARD_WATCHED;
    return __atomic_compare_exchange_n (state, &expected, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
static inline int guard_enter_quietly (atomic_int_t *state)
{
    long expected = GUARD_WATCHED;
    return guard_enter (state)
           || __atomic_compare_exchange_n (state, &expected, GUARD_WATCHED + 1, 0, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED);
}
static inline void guard_join (atomic_int_t *state)
{
    atomic_add (state, 1);
}
static inline void guard_leave (atomic_int_t *state)
{
    atomic_add (state, -1);
}
static inline void guard_hold (atomic_int_t *state)
{
    (void) state;
}
static inline void guard_let_go (atomic_int_t *state)
{
    (void) state;
}
static inline int guard_kept (atomic_int_t *state)
{
    return atomic_get (state) < GUARD_CLOSED;
}
static inline int guard_close (atomic_int_t *state)
{
    long idle = 0;
    long watched = GUARD_WATCHED;
    return __atomic_compare_exchange_n (state, &idle, GUARD_CLOSED, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)
           || __atomic_compare_exchange_n (state, &watched, GUARD_CLOSED + GUARD_WATCHED, 0, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED);
}
#else
static inline int guard_enter (atomic_int_t *state)
{
    return *state == 0;
}
static inline int guard_take_over (atomic_int_t *state)
{
    if (*state != GUARD_WATCHED)
        return 0;
    *state = 0;
    return 1;
}
static inline int guard_enter_quietly (atomic_int_t *state)
{
    return *state == 0 || *state == GUARD_WATCHED;
}
static inline void guard_join (atomic_int_t *state)
{
    (void) state;
}
static inline void guard_leave (atomic_int_t *state)
{
    (void) state;
}
static inline void guard_hold (atomic_int_t *state)
{
    *state += 1;
}
static inline void guard_let_go (atomic_int_t *state)
{
    *state -= 1;
}
static inline int guard_kept (atomic_int_t *state)
{
    return *state == 0;
}
static inline int guard_close (atomic_int_t *state)
{
    if (*state != 0 && *state != GUARD_WATCHED)
        return 0;
    *state += GUARD_CLOSED;
    return 1;
}
#endif

#endif
