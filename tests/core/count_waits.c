/* For test_staying_awake.py: reads how long each wait was, in microseconds; prints which of them stayed awake. */
#include <stdio.h>

#include "../../zmqfast/core/awake.h"

int main (void)
{
    waits_t waits = {0};
    double microseconds[2]; /* of a wait that sleeps, of one that does not */
    while (scanf ("%lf %lf", &microseconds[0], &microseconds[1]) == 2) {
        int awake = waits.awake;
        putchar (awake ? 'A' : '.');
        count_wait (&waits, 1e-6 * microseconds[awake], 300e-6);
    }
    return 0;
}
