/* The calls of WASI that take one descriptor: passed on to the host, or answered for devices and pipes. */
#include <string.h>

#include "descriptors.h"
#include "host.h"
#include "transfers.h"

#define READ_RIGHTS (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_POLL_FD_READWRITE)
#define WRITE_RIGHTS (__WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_POLL_FD_READWRITE)
/* What can seek is no terminal to isatty. */
#define SEEK_RIGHTS (__WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_TELL)

/* Pass the call on if the description is the host's; else the errno `otherwise`. */
#define PASS_ON(fd, otherwise, call)                                      \
    do {                                                                  \
        int host;                                                         \
        __wasi_errno_t error = __descriptor_host(fd, (otherwise), &host); \
        return error == __WASI_ERRNO_SUCCESS ? (call) : error;            \
    } while (0)

static __wasi_filetype_t file_type(const struct description *it)
{
    switch (it->kind) {
    case KIND_DEVICE:
        return __WASI_FILETYPE_CHARACTER_DEVICE;
    case KIND_SOCKET:
        return __WASI_FILETYPE_SOCKET_STREAM;
    default:
        return FILETYPE_PIPE;
    }
}

/* What seeking and the like means to what is not the host's: a device has one position, a pipe has none. */
static __wasi_errno_t at_no_position(const struct description *it)
{
    return it->kind == KIND_DEVICE ? __WASI_ERRNO_SUCCESS : __WASI_ERRNO_SPIPE;
}

__wasi_errno_t __wasi_fd_advise(
    __wasi_fd_t fd, __wasi_filesize_t offset, __wasi_filesize_t length, __wasi_advice_t advice)
{
    PASS_ON(fd, __WASI_ERRNO_SPIPE, host_fd_advise(host, offset, length, advice));
}

__wasi_errno_t __wasi_fd_allocate(__wasi_fd_t fd, __wasi_filesize_t offset, __wasi_filesize_t length)
{
    PASS_ON(fd, __WASI_ERRNO_SPIPE, host_fd_allocate(host, offset, length));
}

__wasi_errno_t __wasi_fd_close(__wasi_fd_t fd)
{
    return __descriptor_close(fd);
}

__wasi_errno_t __wasi_fd_datasync(__wasi_fd_t fd)
{
    PASS_ON(fd, __WASI_ERRNO_INVAL, host_fd_datasync(host));
}

__wasi_errno_t __wasi_fd_sync(__wasi_fd_t fd)
{
    PASS_ON(fd, __WASI_ERRNO_INVAL, host_fd_sync(host));
}

__wasi_errno_t __wasi_fd_fdstat_get(__wasi_fd_t fd, __wasi_fdstat_t *result)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return __WASI_ERRNO_BADF;
    if (it->kind == KIND_HOST)
        return host_fd_fdstat_get(it->number, result);
    __wasi_rights_t rights = it->kind == KIND_DEVICE ? SEEK_RIGHTS : 0;
    rights |= (it->readable ? READ_RIGHTS : 0) | (it->writable ? WRITE_RIGHTS : 0);
    *result = (__wasi_fdstat_t){.fs_filetype = file_type(it), .fs_flags = it->flags, .fs_rights_base = rights};
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __wasi_fd_fdstat_set_flags(__wasi_fd_t fd, __wasi_fdflags_t flags)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return __WASI_ERRNO_BADF;
    if (it->kind == KIND_HOST)
        return host_fd_fdstat_set_flags(it->number, flags);
    it->flags = flags;
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __wasi_fd_fdstat_set_rights(__wasi_fd_t fd, __wasi_rights_t base, __wasi_rights_t inheriting)
{
    PASS_ON(fd, __WASI_ERRNO_NOTSUP, host_fd_fdstat_set_rights(host, base, inheriting));
}

__wasi_errno_t __wasi_fd_filestat_get(__wasi_fd_t fd, __wasi_filestat_t *result)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return __WASI_ERRNO_BADF;
    if (it->kind == KIND_HOST)
        return host_fd_filestat_get(it->number, result);
    /* The same device opened twice is the same file; a pipe is one of its own. */
    __wasi_inode_t inode = it->kind == KIND_DEVICE ? (__wasi_inode_t)it->number : (__wasi_inode_t)(uintptr_t)it;
    *result = (__wasi_filestat_t){.ino = inode + 1, .filetype = file_type(it), .nlink = 1};
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __wasi_fd_filestat_set_size(__wasi_fd_t fd, __wasi_filesize_t size)
{
    PASS_ON(fd, __WASI_ERRNO_INVAL, host_fd_filestat_set_size(host, size));
}

__wasi_errno_t __wasi_fd_filestat_set_times(
    __wasi_fd_t fd, __wasi_timestamp_t atim, __wasi_timestamp_t mtim, __wasi_fstflags_t flags)
{
    /* Devices and pipes have no times that anybody could read. */
    PASS_ON(fd, __WASI_ERRNO_SUCCESS, host_fd_filestat_set_times(host, atim, mtim, flags));
}

__wasi_errno_t __wasi_fd_prestat_get(__wasi_fd_t fd, __wasi_prestat_t *result)
{
    PASS_ON(fd, __WASI_ERRNO_BADF, host_fd_prestat_get(host, result));
}

__wasi_errno_t __wasi_fd_prestat_dir_name(__wasi_fd_t fd, uint8_t *path, __wasi_size_t size)
{
    PASS_ON(fd, __WASI_ERRNO_BADF, host_fd_prestat_dir_name(host, path, size));
}

__wasi_errno_t __wasi_fd_read(__wasi_fd_t fd, const __wasi_iovec_t *vectors, size_t count, __wasi_size_t *done)
{
    struct description *it = __descriptor_find(fd);
    if (it != NULL && it->kind == KIND_HOST)
        return __transfer_read(it->number, vectors, count, done);
    if (it == NULL || !it->readable)
        return __WASI_ERRNO_BADF;
    return it->kind == KIND_DEVICE ? __device_read(it->number, vectors, count, done)
                                   : __pipe_read(it, vectors, count, false, done);
}

/* The host reports EIO for an output stream that nobody reads any more; programs know EPIPE. */
static __wasi_errno_t write_to_host(int host, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done)
{
    __wasi_errno_t error = __transfer_write(host, vectors, count, done);
    return error == __WASI_ERRNO_IO && (host == 1 || host == 2) ? __WASI_ERRNO_PIPE : error;
}

__wasi_errno_t __wasi_fd_write(__wasi_fd_t fd, const __wasi_ciovec_t *vectors, size_t count, __wasi_size_t *done)
{
    struct description *it = __descriptor_find(fd);
    if (it != NULL && it->kind == KIND_HOST)
        return write_to_host(it->number, vectors, count, done);
    if (it == NULL || !it->writable)
        return __WASI_ERRNO_BADF;
    return it->kind == KIND_DEVICE ? __device_write(it->number, vectors, count, done)
                                   : __pipe_write(it, vectors, count, done);
}

__wasi_errno_t __wasi_fd_pread(
    __wasi_fd_t fd, const __wasi_iovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done)
{
    struct description *it = __descriptor_find(fd);
    if (it != NULL && it->kind == KIND_HOST)
        return __transfer_pread(it->number, vectors, count, offset, done);
    if (it != NULL && at_no_position(it) != __WASI_ERRNO_SUCCESS)
        return at_no_position(it);
    return __wasi_fd_read(fd, vectors, count, done);
}

__wasi_errno_t __wasi_fd_pwrite(
    __wasi_fd_t fd, const __wasi_ciovec_t *vectors, size_t count, __wasi_filesize_t offset, __wasi_size_t *done)
{
    struct description *it = __descriptor_find(fd);
    if (it != NULL && it->kind == KIND_HOST)
        return __transfer_pwrite(it->number, vectors, count, offset, done);
    if (it != NULL && at_no_position(it) != __WASI_ERRNO_SUCCESS)
        return at_no_position(it);
    return __wasi_fd_write(fd, vectors, count, done);
}

__wasi_errno_t __wasi_fd_readdir(
    __wasi_fd_t fd, uint8_t *buffer, __wasi_size_t size, __wasi_dircookie_t cookie, __wasi_size_t *used)
{
    int host;
    __wasi_errno_t error = __descriptor_host(fd, __WASI_ERRNO_NOTDIR, &host);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    error = host_fd_readdir(host, buffer, size, cookie, used);
    /* wasmtime's word for what is open, but no directory. */
    return error == __WASI_ERRNO_BADF ? __WASI_ERRNO_NOTDIR : error;
}

__wasi_errno_t __wasi_fd_renumber(__wasi_fd_t fd, __wasi_fd_t to)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return __WASI_ERRNO_BADF;
    if (fd == to)
        return __WASI_ERRNO_SUCCESS;
    __wasi_errno_t error = __descriptor_set(it, to, true);
    return error == __WASI_ERRNO_SUCCESS ? __descriptor_close(fd) : error;
}

__wasi_errno_t __wasi_fd_seek(
    __wasi_fd_t fd, __wasi_filedelta_t offset, __wasi_whence_t whence, __wasi_filesize_t *position)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return __WASI_ERRNO_BADF;
    if (it->kind == KIND_HOST)
        return host_fd_seek(it->number, offset, whence, position);
    *position = 0;
    return at_no_position(it);
}

__wasi_errno_t __wasi_fd_tell(__wasi_fd_t fd, __wasi_filesize_t *position)
{
    struct description *it = __descriptor_find(fd);
    if (it == NULL)
        return __WASI_ERRNO_BADF;
    if (it->kind == KIND_HOST)
        return host_fd_tell(it->number, position);
    *position = 0;
    return at_no_position(it);
}
