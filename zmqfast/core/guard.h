/* Who is inside a socket. `state` counts the callers inside; above the count are marks, which cost the hot path nothing:
   only a state of 0 is entered without a further look.

   With a GIL only a caller that releases it can be met inside, so entering is one predictable branch, leaving is
   nothing, and only a wait without the GIL counts itself (hold, let_go). Without a GIL entering is an atomic exchange,
   and whoever waits inside has a mark: the others are only passing, and the next one lets them pass, as a GIL would.
   Around signal handlers, which may use the socket or close it, one steps out; a step in has to succeed. */
#ifndef ZMQFAST_GUARD_H
#define ZMQFAST_GUARD_H

#include "atomics.h"

enum
{
    GUARD_WAITS = 1 << 15, /* without a GIL: who is inside may stay there */
    GUARD_KNOWN = 1 << 16, /* alone: what the last call found out still holds, unless there is news: see peek.cpp */
    GUARD_FOLLOWED = 1 << 17, /* all who follow are to be told of the next use, which takes the mark off */
    GUARD_LIMITED = 1 << 18, /* what is sent is looked at before, for the whole life of the socket */
    GUARD_WATCHED = 1 << 19, /* an idle watch waits to be ended by the first use */
    GUARD_CLOSED = 1 << 20
};

#ifdef Py_GIL_DISABLED
/* Add to a state in which nobody is inside and that has no mark but those in `marks`; whether it was one. */
static inline int guard_add_if_idle (atomic_int_t *state, long marks, long n)
{
    long seen = atomic_get (state);
    while ((seen & ~marks) == 0) {
        if (atomic_int_swap (state, seen, seen + n))
            return 1;
        seen = atomic_get (state);
    }
    return 0;
}
static inline void guard_unmark_known (atomic_int_t *state)
{
    long seen = atomic_get (state);
    while ((seen & GUARD_KNOWN) && !atomic_int_swap (state, seen, seen & ~GUARD_KNOWN))
        seen = atomic_get (state);
}
static inline int guard_enter_known (atomic_int_t *state)
{
    return atomic_int_swap (state, GUARD_KNOWN, 1);
}
static inline void guard_mark_followed (atomic_int_t *state)
{
    long seen = atomic_get (state);
    while (!atomic_int_swap (state, seen, seen | GUARD_FOLLOWED))
        seen = atomic_get (state);
}
static inline int guard_unmark_followed (atomic_int_t *state)
{
    long seen = atomic_get (state);
    while (seen & GUARD_FOLLOWED) {
        if (atomic_int_swap (state, seen, seen & ~GUARD_FOLLOWED))
            return 1;
        seen = atomic_get (state);
    }
    return 0;
}
static inline int guard_enter (atomic_int_t *state)
{
    return atomic_int_swap (state, 0, 1);
}
static inline int guard_enter_limited (atomic_int_t *state)
{
    return guard_add_if_idle (state, GUARD_LIMITED, 1);
}
static inline int guard_enter_quietly (atomic_int_t *state)
{
    return guard_add_if_idle (state, GUARD_LIMITED | GUARD_WATCHED | GUARD_FOLLOWED, 1);
}
static inline int guard_take_over (atomic_int_t *state)
{
    return atomic_int_swap (state, GUARD_WATCHED, 1)
           || atomic_int_swap (state, GUARD_WATCHED | GUARD_LIMITED, GUARD_LIMITED + 1);
}
static inline void guard_join (atomic_int_t *state)
{
    atomic_add (state, 1);
}
static inline void guard_leave (atomic_int_t *state)
{
    atomic_add (state, -1);
}
/* Leave, and what is known holds from now on: in one step, or another thread might have been inside between the two. */
static inline void guard_leave_known (atomic_int_t *state)
{
    if (!atomic_int_swap (state, 1, GUARD_KNOWN))
        guard_leave (state);
}
static inline void guard_hold (atomic_int_t *state)
{
    long seen = atomic_get (state);
    while (!atomic_int_swap (state, seen, seen | GUARD_WAITS))
        seen = atomic_get (state);
}
static inline void guard_let_go (atomic_int_t *state)
{
    long seen = atomic_get (state);
    while (!atomic_int_swap (state, seen, seen & ~GUARD_WAITS))
        seen = atomic_get (state);
}
static inline int guard_passing (atomic_int_t *state)
{
    return (atomic_get (state) & GUARD_WAITS) == 0;
}
static inline void guard_step_out (atomic_int_t *state)
{
    guard_leave (state);
}
static inline void guard_shut (atomic_int_t *state)
{
    long seen = atomic_get (state);
    while (!atomic_int_swap (state, seen, (seen & (GUARD_WAITS - 1)) | GUARD_CLOSED))
        seen = atomic_get (state);
}
static inline int guard_close (atomic_int_t *state)
{
    return guard_add_if_idle (state, GUARD_LIMITED | GUARD_WATCHED | GUARD_FOLLOWED, GUARD_CLOSED);
}
#else
static inline void guard_unmark_known (atomic_int_t *state)
{
    *state &= ~GUARD_KNOWN;
}
static inline int guard_enter_known (atomic_int_t *state)
{
    if (*state != GUARD_KNOWN)
        return 0;
    *state = 0;
    return 1;
}
static inline void guard_mark_followed (atomic_int_t *state)
{
    *state |= GUARD_FOLLOWED;
}
static inline int guard_unmark_followed (atomic_int_t *state)
{
    int followed = (*state & GUARD_FOLLOWED) != 0;
    *state &= ~GUARD_FOLLOWED;
    return followed;
}
static inline int guard_enter (atomic_int_t *state)
{
    return *state == 0;
}
static inline int guard_enter_limited (atomic_int_t *state)
{
    return (*state & ~GUARD_LIMITED) == 0;
}
static inline int guard_enter_quietly (atomic_int_t *state)
{
    return (*state & ~(GUARD_LIMITED | GUARD_WATCHED | GUARD_FOLLOWED)) == 0;
}
static inline int guard_take_over (atomic_int_t *state)
{
    if ((*state & ~GUARD_LIMITED) != GUARD_WATCHED)
        return 0;
    *state -= GUARD_WATCHED;
    return 1;
}
static inline void guard_join (atomic_int_t *state)
{
    (void) state;
}
static inline void guard_leave (atomic_int_t *state)
{
    (void) state;
}
static inline void guard_leave_known (atomic_int_t *state)
{
    if (*state == 0)
        *state = GUARD_KNOWN;
}
static inline void guard_hold (atomic_int_t *state)
{
    *state += 1;
}
static inline void guard_let_go (atomic_int_t *state)
{
    *state -= 1;
}
static inline int guard_passing (atomic_int_t *state)
{
    (void) state;
    return 0;
}
static inline void guard_step_out (atomic_int_t *state)
{
    (void) state;
}
static inline void guard_shut (atomic_int_t *state)
{
    *state = GUARD_CLOSED;
}
static inline int guard_close (atomic_int_t *state)
{
    if (!guard_enter_quietly (state))
        return 0;
    *state += GUARD_CLOSED;
    return 1;
}
#endif

#endif
