/* Counts what threads give up of the processor, for test_staying_awake.py: preloaded, it stands before the C library. */
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int yields;

/* Since the last call. */
int take_yields (void)
{
    return atomic_exchange (&yields, 0);
}

int sched_yield (void)
{
    atomic_fetch_add (&yields, 1);
    return (int) syscall (SYS_sched_yield);
}
