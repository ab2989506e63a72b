/* Atomic integers and pointers, for compilers with and without <stdatomic.h>. */
#ifndef ZMQFAST_ATOMICS_H
#define ZMQFAST_ATOMICS_H

#include <Python.h>
#include <stdint.h>

#if defined _MSC_VER
#include <intrin.h>
#include <windows.h>
typedef void *volatile atomic_pointer_t;
typedef volatile long atomic_int_t;
typedef volatile __int64 atomic_word_t;
#define atomic_take(p) _InterlockedExchangePointer ((p), NULL)
#define atomic_peek(p) ((void *) *(p))
#define atomic_swap(p, expected, desired)                                                                            \
    (_InterlockedCompareExchangePointer ((p), (desired), (expected)) == (expected))
#define atomic_int_swap(p, expected, desired) (_InterlockedCompareExchange ((p), (desired), (expected)) == (expected))
#define atomic_add(p, n) (_InterlockedExchangeAdd ((p), (n)) + (n))
#define atomic_get(p) (*(p))
#define atomic_clear(p) ((void) _InterlockedExchange ((p), 0))
#define atomic_half_peek(p) (*(volatile uint32_t *) (p))
#define atomic_word_take(p) ((uint64_t) _InterlockedExchange64 ((p), 0))
#define atomic_word_peek(p) ((uint64_t) *(p))
#define atomic_word_swap(p, expected, desired)                                                                       \
    (_InterlockedCompareExchange64 ((p), (__int64) (desired), (__int64) (expected)) == (__int64) (expected))
#else
typedef void *atomic_pointer_t;
typedef long atomic_int_t;
typedef uint64_t atomic_word_t;
#define atomic_take(p) __atomic_exchange_n ((p), (void *) NULL, __ATOMIC_ACQUIRE)
#define atomic_peek(p) __atomic_load_n ((p), __ATOMIC_RELAXED)
static inline int atomic_swap (atomic_pointer_t *p, void *expected, void *desired)
{
    return __atomic_compare_exchange_n (p, &expected, desired, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
static inline int atomic_int_swap (atomic_int_t *p, long expected, long desired)
{
    return __atomic_compare_exchange_n (p, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
#define atomic_add(p, n) __atomic_add_fetch ((p), (n), __ATOMIC_SEQ_CST)
#define atomic_get(p) __atomic_load_n ((p), __ATOMIC_SEQ_CST)
#define atomic_clear(p) __atomic_store_n ((p), 0, __ATOMIC_SEQ_CST)
#define atomic_half_peek(p) __atomic_load_n ((p), __ATOMIC_ACQUIRE)
#define atomic_word_take(p) __atomic_exchange_n ((p), (uint64_t) 0, __ATOMIC_ACQUIRE)
#define atomic_word_peek(p) __atomic_load_n ((p), __ATOMIC_RELAXED)
static inline int atomic_word_swap (atomic_word_t *p, uint64_t expected, uint64_t desired)
{
    return __atomic_compare_exchange_n (p, &expected, desired, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
#endif

/* For who has just written something that is no atomic, and asks whether anybody waits for it: without a GIL a processor
   may read first and write later, while the other thread says that it waits, and sees nothing written. */
#ifdef Py_GIL_DISABLED
#define atomic_get_after_writes(p) atomic_add ((p), 0)
#else
#define atomic_get_after_writes(p) atomic_get (p)
#endif

/* A counter that only holders of the GIL change. */
#ifdef Py_GIL_DISABLED
#define count_add(p, n) ((void) atomic_add ((p), (n)))
#else
#define count_add(p, n) ((void) (*(p) += (n)))
#endif

#endif
