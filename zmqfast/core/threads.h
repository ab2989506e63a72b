/* Whether so many threads can be started. libzmq aborts when one of a context's own cannot, for want of memory for its
   stack or of room within the system's limit, so the first socket of a context asks before libzmq does. */
#ifndef ZMQFAST_THREADS_H
#define ZMQFAST_THREADS_H

#if defined _WIN32
static int threads_left (int wanted)
{
    (void) wanted;
    return 1;
}
#else
#include <pthread.h>
#include <signal.h>

static void *threads_wait (void *gate)
{
    pthread_mutex_lock ((pthread_mutex_t *) gate);
    pthread_mutex_unlock ((pthread_mutex_t *) gate);
    return NULL;
}

/* They are there at the same time; the process's signals are for other threads. */
static int threads_left (int wanted)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t started[64];
    sigset_t all, before;
    int n = 0;
    int left;
    if (wanted > 64)
        wanted = 64;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    pthread_mutex_lock (&gate);
    while (n < wanted && pthread_create (&started[n], NULL, threads_wait, &gate) == 0)
        n++;
    left = n == wanted;
    pthread_mutex_unlock (&gate);
    while (n > 0)
        pthread_join (started[--n], NULL);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return left;
}
#endif

#endif
