/* The network interfaces, of which nothing can be known. */
#include <errno.h>
#include <ifaddrs.h>

int getifaddrs(struct ifaddrs **addresses)
{
    *addresses = NULL;
    errno = ENOSYS;
    return -1;
}

void freeifaddrs(struct ifaddrs *addresses)
{
    (void)addresses;
}
