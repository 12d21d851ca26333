/* Open a file from a directory.
 *
 * The member that this one replaces lets a file inherit its rights from the directory as the host reports them,
 * and wasmtime reports those of a directory that the program opened for reading: so files in it could be opened
 * for reading only. Here what is asked for is passed on first.
 */
#include <errno.h>
#include <fcntl.h>
#include <wasi/api.h>
#include <wasi/libc-nocwd.h>

#define ALL_RIGHTS ((__WASI_RIGHTS_SOCK_ACCEPT << 1) - 1)
#define READING (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_READDIR)
#define WRITING                                                                               \
    (__WASI_RIGHTS_FD_DATASYNC | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_ALLOCATE | \
     __WASI_RIGHTS_FD_FILESTAT_SET_SIZE)
/* The low half of the flags is WASI's fdflags, the next twelve bits are its oflags. */
#define HALF 12
#define MASK ((1 << HALF) - 1)

static __wasi_errno_t
open_with(int fd, const char *path, int flags, __wasi_rights_t base, __wasi_rights_t inheriting, int *opened)
{
    __wasi_lookupflags_t lookup = flags & O_NOFOLLOW ? 0 : __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;
    return __wasi_path_open(
        fd, lookup, path, (__wasi_oflags_t)(flags >> HALF & MASK), base, inheriting,
        (__wasi_fdflags_t)(flags & MASK), opened);
}

int __wasilibc_nocwd_openat_nomode(int fd, const char *path, int flags)
{
    __wasi_rights_t rights = ALL_RIGHTS & ~(READING | WRITING);
    int access = flags & O_ACCMODE, opened;
    if (access != O_RDONLY && access != O_WRONLY && access != O_RDWR && access != O_SEARCH) {
        errno = EINVAL;
        return -1;
    }
    rights |= (access & O_RDONLY ? READING : 0) | (access & O_WRONLY ? WRITING : 0);
    __wasi_errno_t error = open_with(fd, path, flags, rights, ALL_RIGHTS, &opened);
    __wasi_fdstat_t status;
    /* Some hosts want exactly what the directory passes on. */
    if (error == __WASI_ERRNO_NOTCAPABLE && __wasi_fd_fdstat_get(fd, &status) == __WASI_ERRNO_SUCCESS) {
        __wasi_rights_t inheriting = status.fs_rights_inheriting;
        error = open_with(fd, path, flags, rights & inheriting, inheriting, &opened);
    }
    if (error == __WASI_ERRNO_SUCCESS)
        return opened;
    errno = error;
    return -1;
}
