/* Limits of the program: descriptors.h's number of descriptors, and linear memory's size.
 *
 * The header gives sysconf this name for the linker; what it does not answer, the C library's own one does.
 */
#include <errno.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "descriptors.h"

#define MOST_PAGES 65536

long sysconf_of_libc(int name) __asm__("sysconf");

long sysconf(int name)
{
    switch (name) {
    case _SC_OPEN_MAX:
        return DESCRIPTORS_MAX;
    case _SC_CLK_TCK:
        return CLOCKS_PER_SEC; /* times() counts like clock() */
    case _SC_PHYS_PAGES:
        return MOST_PAGES;
    case _SC_AVPHYS_PAGES:
        return MOST_PAGES - (long)__builtin_wasm_memory_size(0);
    default:
        return sysconf_of_libc(name);
    }
}

int getdtablesize(void)
{
    return DESCRIPTORS_MAX;
}

int getrlimit(int resource, struct rlimit *limit)
{
    if (resource < 0 || resource >= RLIMIT_NLIMITS) {
        errno = EINVAL;
        return -1;
    }
    rlim_t value = resource == RLIMIT_NOFILE ? DESCRIPTORS_MAX : RLIM_INFINITY;
    *limit = (struct rlimit){value, value};
    return 0;
}

/* The limits are what they are; setting them to that is all that succeeds. */
int setrlimit(int resource, const struct rlimit *limit)
{
    struct rlimit present;
    if (getrlimit(resource, &present) < 0)
        return -1;
    if (limit->rlim_cur == present.rlim_cur && limit->rlim_max == present.rlim_max)
        return 0;
    errno = EPERM;
    return -1;
}
