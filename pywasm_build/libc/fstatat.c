#include <errno.h>
#include <fcntl.h>
#include <wasi/libc-nocwd.h>

#include "attributes.h"

int __wasilibc_nocwd_fstatat(int fd, const char *restrict path, struct stat *restrict result, int flags)
{
    __wasi_filestat_t status;
    __wasi_lookupflags_t lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;
    __wasi_errno_t error = __wasi_path_filestat_get(fd, lookup, path, &status);
    if (error != __WASI_ERRNO_SUCCESS) {
        errno = error;
        return -1;
    }
    __fill_stat(&status, result);
    return 0;
}
