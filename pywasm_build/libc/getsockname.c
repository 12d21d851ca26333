/* The addresses of a socket pair: it has none but its family. Those of the host's sockets WASI does not tell. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "descriptors.h"

static int fail(int error)
{
    errno = error;
    return -1;
}

int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    const struct description *it = __descriptor_find(fd);
    const struct sockaddr unnamed = {.sa_family = AF_UNIX};
    if (it == NULL)
        return fail(EBADF);
    if (it->kind != KIND_SOCKET)
        return fail(it->kind == KIND_HOST ? ENOTSUP : ENOTSOCK);
    socklen_t whole = sizeof unnamed.sa_family;
    memcpy(address, &unnamed, *size < whole ? *size : whole);
    *size = whole;
    return 0;
}

/* The other end has no name either. */
int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    return getsockname(fd, address, size);
}
