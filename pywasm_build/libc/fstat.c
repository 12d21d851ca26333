#include <errno.h>

#include "attributes.h"

int fstat(int fd, struct stat *result)
{
    __wasi_filestat_t status;
    __wasi_errno_t error = __wasi_fd_filestat_get(fd, &status);
    if (error != __WASI_ERRNO_SUCCESS) {
        errno = error;
        return -1;
    }
    __fill_stat(&status, result);
    return 0;
}
