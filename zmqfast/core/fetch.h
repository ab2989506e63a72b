/* Cache lines that another core wrote or read last, and that are soon to be written. libzmq's queues use it as well: see
   packaging/libzmq_fixes/less_sharing.py. */
#ifndef ZMQFAST_FETCH_H
#define ZMQFAST_FETCH_H

/* Begin to make the line at `place` ours alone, so that writing to it does not wait for that. `place` may be anywhere. */
static inline void fetch_to_write (const void *place)
{
#if defined __GNUC__ && defined __x86_64__
    /* __builtin_prefetch() makes this instruction only where -mprfchw says that all processors know it; those that do not
       take it for no instruction at all. */
    __asm__ volatile ("prefetchw %0" : : "m"(*(const char *) place));
#elif defined __GNUC__
    __builtin_prefetch (place, 1);
#else
    (void) place;
#endif
}

#endif
