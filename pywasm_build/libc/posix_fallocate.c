#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The host does not reserve space; what a program can see of it is the length. */
int posix_fallocate(int fd, off_t offset, off_t length)
{
    struct stat status;
    if (offset < 0 || length <= 0)
        return EINVAL;
    if (fstat(fd, &status) < 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return S_ISFIFO(status.st_mode) ? ESPIPE : ENODEV;
    if (__builtin_add_overflow(offset, length, &length))
        return EFBIG;
    return status.st_size >= length || ftruncate(fd, length) == 0 ? 0 : errno;
}
