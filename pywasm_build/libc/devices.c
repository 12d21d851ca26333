/* The files of /dev that programs take for granted. They are here and not on the host, so each runtime has them. */
#include <stdlib.h>
#include <string.h>

#include "descriptors.h"
#include "host.h"

enum device { DEVICE_NULL, DEVICE_ZERO, DEVICE_FULL, DEVICE_RANDOM, DEVICE_URANDOM, DEVICES };

static const char *const names[DEVICES] = {"null", "zero", "full", "random", "urandom"};

/* Which device a name in /dev is, or -1. */
int __device_named(const char *name)
{
    for (int device = 0; device < DEVICES; device++)
        if (strcmp(name, names[device]) == 0)
            return device;
    return -1;
}

/* Which descriptor a name in /dev is another name of, or -1. */
int __device_alias(const char *name)
{
    static const char *const aliases[] = {"stdin", "stdout", "stderr"};
    for (int fd = 0; fd < 3; fd++)
        if (strcmp(name, aliases[fd]) == 0)
            return fd;
    if (strncmp(name, "fd/", 3) != 0 || name[3] < '0' || name[3] > '9')
        return -1;
    char *end;
    long fd = strtol(name + 3, &end, 10);
    return *end == '\0' && fd < DESCRIPTORS_MAX ? (int)fd : -1;
}

static __wasi_errno_t fill(int device, uint8_t *buffer, size_t size)
{
    if (device == DEVICE_RANDOM || device == DEVICE_URANDOM)
        return host_random_get(buffer, size);
    memset(buffer, 0, size);
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __device_read(int device, const __wasi_iovec_t *vectors, size_t count, __wasi_size_t *done)
{
    __wasi_errno_t error = __WASI_ERRNO_SUCCESS;
    *done = 0;
    if (device == DEVICE_NULL)
        return error;
    for (size_t i = 0; i < count && error == __WASI_ERRNO_SUCCESS; i++) {
        error = fill(device, vectors[i].buf, vectors[i].buf_len);
        *done += vectors[i].buf_len;
    }
    return error;
}

__wasi_errno_t __device_write(int device, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done)
{
    if (device == DEVICE_FULL)
        return __WASI_ERRNO_NOSPC;
    *done = 0;
    for (size_t i = 0; i < count; i++)
        *done += vectors[i].buf_len;
    return __WASI_ERRNO_SUCCESS;
}
