/* What the errors of changes below a read-only directory mean.
 *
 * wasmtime refuses them all with EPERM before it looks what is there. Programs go by ENOENT, EEXIST and EROFS, which
 * other systems give: they remove a file that may be missing, and make a directory that may be there.
 */
#include "refusals.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"

static __wasi_errno_t look(int host, const char *path, size_t length)
{
    __wasi_filestat_t status;
    return host_path_filestat_get(host, 0, path, length, &status);
}

__wasi_errno_t __refusal_to_change(__wasi_errno_t error, int host, const char *path)
{
    if (error != __WASI_ERRNO_PERM)
        return error;
    error = look(host, path, strlen(path));
    return error == __WASI_ERRNO_SUCCESS ? __WASI_ERRNO_ROFS : error;
}

__wasi_errno_t __refusal_to_make(__wasi_errno_t error, int host, const char *path)
{
    if (error != __WASI_ERRNO_PERM)
        return error;
    size_t length = strlen(path);
    error = look(host, path, length);
    if (error == __WASI_ERRNO_SUCCESS)
        return __WASI_ERRNO_EXIST;
    while (length > 0 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    /* Missing itself, as it should be; is there a folder that it could be made in? */
    if (error == __WASI_ERRNO_NOENT && (length == 0 || look(host, path, length) == __WASI_ERRNO_SUCCESS))
        return __WASI_ERRNO_ROFS;
    return error;
}
