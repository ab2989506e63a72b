/* Memory for the bodies of sent frames, made by one thread and let go of by another.

   glibc's malloc takes a lock when memory is freed in another thread than it was made in, which is how every frame
   above 33 bytes goes: Python makes it, libzmq's I/O thread or a receiving thread closes it. Here a freed block is
   pushed onto a lock-free stack of its size; the maker takes the whole stack when it has none left.

   A block is also libzmq's content_t (see msg_header.h), so one allocation is saved as well. Makers hold the GIL; without
   one, a maker that finds another at work uses malloc.

   What is kept is bounded: for each size by POOL_SIZE_BYTES or POOL_SIZE_BLOCKS, in all by POOL_BYTES on either side. With
   an address sanitizer nothing is: it would not see who uses a block too late. */
#ifndef ZMQFAST_POOL_H
#define ZMQFAST_POOL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>
#include "atomics.h"
#include "fetch.h"
#include "msg_header.h"

enum
{
    POOL_SMALLEST = 34,          /* bytes: a smaller frame lies in the zmq_msg_t itself */
    POOL_LARGEST = 1024 * 1024,  /* bytes */
    POOL_SIZES = 60,             /* four for each doubling */
    POOL_SIZE_BYTES = 4 << 20,
    POOL_SIZE_BLOCKS = 2048,
    POOL_BYTES = 16 << 20,
    POOL_HEAP_BYTES = 8 << 20,
    POOL_LOOK_EVERY = 32,        /* blocks of a size: how often all sizes are added up */
    POOL_FETCHED = 512,          /* bytes of the next block that are fetched: of longer ones the processor fetches the rest */
    POOL_COUNT_SHIFT = 48        /* a stack's word: address below, number of blocks above */
};

typedef struct pool_block_t
{
    msg_content_t content; /* spare: the number of its size */
    struct pool_block_t *next;
} pool_block_t;

static pool_block_t *pool_own[POOL_SIZES];     /* the makers' */
static atomic_word_t pool_returned[POOL_SIZES]; /* anybody's */
#ifdef Py_GIL_DISABLED
static atomic_int_t pool_making = 0; /* who makes */
#endif

static inline int pool_size_number (size_t size)
{
    size_t last = size - 1;
    int doubling = 5;
    while (last >> (doubling + 1))
        doubling++;
    return (doubling - 5) * 4 + (int) (last >> (doubling - 2) & 3);
}

static inline size_t pool_size_of (int number)
{
    return (size_t) (number % 4 + 5) << (number / 4 + 3);
}

static inline uint64_t pool_limit (int number)
{
#if defined __SANITIZE_ADDRESS__
    (void) number;
    return 0;
#else
    uint64_t blocks = POOL_SIZE_BYTES / pool_size_of (number);
    return blocks < POOL_SIZE_BLOCKS ? blocks : POOL_SIZE_BLOCKS;
#endif
}

static int pool_full (void)
{
    size_t bytes = 0;
    int number;
    for (number = 0; number < POOL_SIZES; number++)
        bytes += (size_t) (atomic_word_peek (&pool_returned[number]) >> POOL_COUNT_SHIFT) * pool_size_of (number);
    return bytes > POOL_BYTES;
}

/* libzmq lets go of a frame, in any thread. */
static void pool_on_free (void *data, void *hint)
{
    pool_block_t *block = (pool_block_t *) hint;
    int number = (int) block->content.spare;
    atomic_word_t *stack = &pool_returned[number];
    uint64_t head, count;
    (void) data;
    do {
        head = atomic_word_peek (stack);
        count = head >> POOL_COUNT_SHIFT;
        if (count >= pool_limit (number) || (count % POOL_LOOK_EVERY == POOL_LOOK_EVERY - 1 && pool_full ())) {
            free (block);
            return;
        }
        block->next = (pool_block_t *) (uintptr_t) (head & (((uint64_t) 1 << POOL_COUNT_SHIFT) - 1));
    } while (!atomic_word_swap (stack, head, (uint64_t) (uintptr_t) block | (count + 1) << POOL_COUNT_SHIFT));
}

/* The lines of a block that is to be filled next lie where it was let go of. */
static inline void pool_fetch (const pool_block_t *block, int number)
{
    size_t size = sizeof (pool_block_t) + pool_size_of (number), at;
    for (at = 0; at < size && at < POOL_FETCHED; at += 64)
        fetch_to_write ((const char *) block + at);
}

/* A block for so many bytes, or NULL. */
static inline pool_block_t *pool_take (int number)
{
    pool_block_t *block;
#ifdef Py_GIL_DISABLED
    if (!atomic_int_swap (&pool_making, 0, 1))
        return (pool_block_t *) malloc (sizeof (pool_block_t) + pool_size_of (number));
#endif
    block = pool_own[number];
    if (block == NULL && atomic_word_peek (&pool_returned[number]))
        block = (pool_block_t *) (uintptr_t) (atomic_word_take (&pool_returned[number])
                                              & (((uint64_t) 1 << POOL_COUNT_SHIFT) - 1));
    if (block != NULL) {
        pool_own[number] = block->next;
        if (block->next != NULL)
            pool_fetch (block->next, number);
    }
#ifdef Py_GIL_DISABLED
    atomic_clear (&pool_making);
#endif
    return block != NULL ? block : (pool_block_t *) malloc (sizeof (pool_block_t) + pool_size_of (number));
}

/* zmq_msg_init_size() with memory of ours; 0, or -1 when there is none. */
static inline int pool_init_msg (zmq_msg_t *msg, size_t size)
{
    int number = pool_size_number (size);
    pool_block_t *block = pool_take (number);
    if (block == NULL)
        return -1;
    block->content.data = block + 1;
    block->content.size = size;
    block->content.on_free = pool_on_free;
    block->content.hint = block;
    block->content.spare = (uint32_t) number;
    msg_init_content (msg, &block->content);
    return 0;
}

/* Whether a zclmsg lies in memory of ours. */
static inline int pool_owns (const zmq_msg_t *msg)
{
    return msg_content (msg)->on_free == pool_on_free;
}

/* Received frames are bytes objects, which come from malloc above 512 bytes. glibc gives free memory back to the system
   from 128 KiB on and fetches it again for the next frames, page by page, until it has once seen a larger block come
   and go; then twice its size may stay. So show it one. MALLOC_TRIM_THRESHOLD_ in the environment overrules this. */
static void pool_settle_heap (void)
{
#if defined __GLIBC__
    void *volatile block = malloc (POOL_HEAP_BYTES);
    free (block);
#endif
}

#endif
