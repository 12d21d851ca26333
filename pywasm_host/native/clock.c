/* A monotonic clock that goes on from where a snapshot was taken.
 *
 * WASI counts from the start of the process that asks, so in a restored process the clock would run backwards: what
 * a module measured while it was imported would lie in the future. The C library's own definition is weak. Whoever
 * sleeps until a moment of this clock would sleep too long, as the host does not know of the shift: nobody does.
 */
#include <stdint.h>
#include <time.h>

#include "clock.h"

#define SECOND 1000000000

int __clock_gettime(clockid_t clock, struct timespec *time);

static int64_t offset; /* what is added to the host's clock */
static int64_t stopped_at;

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * SECOND + time->tv_nsec;
}

static int64_t now(void)
{
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time) < 0)
        return 0;
    return nanoseconds(&time);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = __clock_gettime(clock, time);
    if (result == 0 && clock == CLOCK_MONOTONIC && offset != 0) {
        int64_t shifted = nanoseconds(time) + offset;
        time->tv_sec = shifted / SECOND;
        time->tv_nsec = (long)(shifted % SECOND);
    }
    return result;
}

void pywasm_clock_stop(void)
{
    stopped_at = now();
}

void pywasm_clock_continue(void)
{
    offset += stopped_at - now();
}
