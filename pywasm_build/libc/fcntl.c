/* fcntl with duplicates and locks; the member that this one replaces has neither. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <unistd.h>

#include "descriptors.h"

#define FLAGS (O_APPEND | O_DSYNC | O_NONBLOCK | O_RSYNC | O_SYNC)

static int result(__wasi_errno_t error, int value)
{
    if (error == __WASI_ERRNO_SUCCESS)
        return value;
    errno = error;
    return -1;
}

static int duplicate(int fd, int lowest, bool close_on_exec)
{
    int number;
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return result(__WASI_ERRNO_BADF, -1);
    if (lowest < 0 || lowest >= DESCRIPTORS_MAX)
        return result(__WASI_ERRNO_INVAL, -1);
    return result(__descriptor_add(it, lowest, close_on_exec, &number), number);
}

static int set_close_on_exec(int fd, bool wanted)
{
    bool *flag = __descriptor_close_on_exec(fd);
    if (flag == NULL)
        return result(__WASI_ERRNO_BADF, -1);
    *flag = wanted;
    return 0;
}

static int get_close_on_exec(int fd)
{
    const bool *flag = __descriptor_close_on_exec(fd);
    if (flag == NULL)
        return result(__WASI_ERRNO_BADF, -1);
    return *flag ? FD_CLOEXEC : 0;
}

static int get_flags(int fd)
{
    __wasi_fdstat_t status;
    __wasi_errno_t error = __wasi_fd_fdstat_get(fd, &status);
    if (error != __WASI_ERRNO_SUCCESS)
        return result(error, -1);
    int flags = status.fs_flags;
    if (status.fs_rights_base & (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_READDIR))
        flags |= O_RDONLY;
    if (status.fs_rights_base & __WASI_RIGHTS_FD_WRITE)
        flags |= O_WRONLY;
    return (flags & O_ACCMODE) ? flags : flags | O_SEARCH;
}

/* No other process can hold a lock: each is granted, and asking for one finds none. */
static int lock(int fd, struct flock *lock, bool ask)
{
    if (__descriptor_find(fd) == NULL)
        return result(__WASI_ERRNO_BADF, -1);
    if (lock->l_type != F_RDLCK && lock->l_type != F_WRLCK && (ask || lock->l_type != F_UNLCK))
        return result(__WASI_ERRNO_INVAL, -1);
    if (ask)
        lock->l_type = F_UNLCK;
    return 0;
}

int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    int number = 0;
    struct flock *range = NULL;
    if (command == F_GETLK || command == F_SETLK || command == F_SETLKW)
        range = va_arg(arguments, struct flock *);
    else if (command != F_GETFD && command != F_GETFL)
        number = va_arg(arguments, int);
    va_end(arguments);
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate(fd, number, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return get_close_on_exec(fd);
    case F_SETFD:
        return set_close_on_exec(fd, number & FD_CLOEXEC);
    case F_GETFL:
        return get_flags(fd);
    case F_SETFL:
        return result(__wasi_fd_fdstat_set_flags(fd, number & FLAGS), 0);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
        return lock(fd, range, command == F_GETLK);
    default:
        return result(__WASI_ERRNO_INVAL, -1);
    }
}

int flock(int fd, int operation)
{
    int kind = operation & ~LOCK_NB;
    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
        return result(__WASI_ERRNO_INVAL, -1);
    return result(__descriptor_find(fd) ? __WASI_ERRNO_SUCCESS : __WASI_ERRNO_BADF, 0);
}

int lockf(int fd, int command, off_t length)
{
    (void)length;
    if (command != F_ULOCK && command != F_LOCK && command != F_TLOCK && command != F_TEST)
        return result(__WASI_ERRNO_INVAL, -1);
    return result(__descriptor_find(fd) ? __WASI_ERRNO_SUCCESS : __WASI_ERRNO_BADF, 0);
}
