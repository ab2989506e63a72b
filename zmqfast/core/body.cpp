/* Memory for the bodies of long messages that libzmq makes: with room before it for a bytes object's head, so that who
   receives one needs no copy (see body.h). Built with libzmq; packaging/libzmq_fixes/fewer_copies.py calls it. */
#include "precompiled.hpp" /* as every file of libzmq does first */
#include <stdlib.h>
#include "body.h"

extern "C" {
body_memory_t zmqfast_body_memory = {NULL, NULL, 0};
}

/* libzmq lets go of a body, in any thread. */
extern "C" void zmqfast_body_on_free (void *data, void *)
{
    zmqfast_body_memory.release (static_cast<char *> (data) - zmqfast_body_memory.before);
}

/* For a body and, behind its closing NUL, its content_t; or NULL: there is no such memory, or none is wanted. */
extern "C" void *zmqfast_new_body (size_t size, size_t content_size, void **content)
{
    const size_t before = zmqfast_body_memory.before;
    const size_t end = (before + size + 1 + 7) & ~static_cast<size_t> (7);
    if (zmqfast_body_memory.allocate == NULL || size < BODY_FROM || end + content_size < size)
        return NULL;
    char *const block = static_cast<char *> (zmqfast_body_memory.allocate (end + content_size));
    if (block == NULL)
        return NULL;
    *content = block + end;
    return block + before;
}
