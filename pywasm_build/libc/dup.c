#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "descriptors.h"

static int result(__wasi_errno_t error, int fd)
{
    if (error == __WASI_ERRNO_SUCCESS)
        return fd;
    errno = error;
    return -1;
}

int dup(int fd)
{
    return fcntl(fd, F_DUPFD, 0);
}

int dup2(int fd, int to)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return result(__WASI_ERRNO_BADF, -1);
    return fd == to ? to : result(__descriptor_set(it, to, false), to);
}

/* O_CLOEXEC is 0, the only flag that there is; who calls dup3 wants it. */
int dup3(int fd, int to, int flags)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return result(__WASI_ERRNO_BADF, -1);
    return fd == to || flags != O_CLOEXEC ? result(__WASI_ERRNO_INVAL, -1) : result(__descriptor_set(it, to, true), to);
}
