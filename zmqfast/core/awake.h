/* Waiting for a moment without going to sleep: a processor that sleeps takes some 50 us to wake, twice in a round trip. */
#ifndef ZMQFAST_AWAKE_H
#define ZMQFAST_AWAKE_H

#include <zmq.h>
#include "peek.h"

#ifdef _WIN32
#include <windows.h>
#define yield_processor() SwitchToThread ()

static double monotonic_seconds (void)
{
    LARGE_INTEGER ticks, per_second;
    QueryPerformanceCounter (&ticks);
    QueryPerformanceFrequency (&per_second);
    return (double) ticks.QuadPart / (double) per_second.QuadPart;
}
#else
#include <sched.h>
#include <time.h>
#define yield_processor() sched_yield ()

static double monotonic_seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}
#endif

/* Until the socket has news, or for so many seconds; other threads get the processor in between. */
static void stay_awake (void *socket, double seconds)
{
    const double until = monotonic_seconds () + seconds;
    while (!zmqfast_has_news (socket) && monotonic_seconds () < until)
        yield_processor ();
}

/* The same for what is polled: zmq_poll() until something is ready, or for so many seconds. */
static void poll_awake (zmq_pollitem_t *items, int count, double seconds)
{
    const double until = monotonic_seconds () + seconds;
    while (zmq_poll (items, count, 0) == 0 && monotonic_seconds () < until)
        yield_processor ();
}

/* Whether to stay awake: where others want the processor, who sleeps has it sooner than who yields it. So both are tried, a
   block of waits each, and what was quicker goes on, until it is slower in a block, or for so many blocks. */
enum { WAITS_OF_BLOCK = 64, AWAKE_BLOCKS = 64, ASLEEP_BLOCKS = 8 };

typedef struct
{
    int awake;
    int count;      /* waits of this block */
    double seconds; /* that they have taken */
    double asleep;  /* seconds: the mean of the last block that slept */
    int blocks;     /* still to come before the other is tried; none to start with */
} waits_t;

/* `brisk`: the mean, in seconds, up to which it is worth a trial. */
static void count_wait (waits_t *waits, double seconds, double brisk)
{
    const double longest = 10 * brisk; /* that counts: a pause in between tells nothing */
    double mean;
    waits->seconds += seconds < longest ? seconds : longest;
    if (++waits->count < WAITS_OF_BLOCK)
        return;
    mean = waits->seconds / WAITS_OF_BLOCK;
    waits->count = 0;
    waits->seconds = 0;
    --waits->blocks;
    if (waits->awake) {
        waits->awake = mean < waits->asleep && waits->blocks > 0;
        if (!waits->awake)
            waits->blocks = mean < waits->asleep ? 1 : ASLEEP_BLOCKS;
    } else {
        waits->asleep = mean;
        waits->awake = mean < brisk && waits->blocks <= 0;
        if (waits->awake)
            waits->blocks = AWAKE_BLOCKS;
    }
}

#endif
