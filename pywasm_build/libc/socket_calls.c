/* The calls of WASI on sockets: passed on to the host, or answered for socket pairs, which are two pipes. */
#include "descriptors.h"
#include "host.h"

/* Look up a descriptor; `host` is its number there, or -1 for one of a socket pair. */
static __wasi_errno_t find_socket(int fd, struct description **it, int *host)
{
    *it = __descriptor_find(fd);
    *host = -1;
    if (*it == NULL)
        return __WASI_ERRNO_BADF;
    if ((*it)->kind == KIND_HOST)
        *host = (*it)->number;
    else if ((*it)->kind != KIND_SOCKET)
        return __WASI_ERRNO_NOTSOCK;
    return __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __wasi_sock_accept(__wasi_fd_t fd, __wasi_fdflags_t flags, __wasi_fd_t *accepted)
{
    struct description *it;
    int host, number;
    __wasi_errno_t error = find_socket(fd, &it, &host);
    if (error == __WASI_ERRNO_SUCCESS)
        error = host < 0 ? __WASI_ERRNO_INVAL : host_sock_accept(host, flags, &number);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    it = __description_new(KIND_HOST, number);
    if (it != NULL)
        return __descriptor_add(it, 0, true, accepted);
    (void)host_fd_close(number);
    return __WASI_ERRNO_NOMEM;
}

__wasi_errno_t __wasi_sock_recv(
    __wasi_fd_t fd, const __wasi_iovec_t *vectors, size_t count, __wasi_riflags_t flags, __wasi_size_t *done,
    __wasi_roflags_t *result_flags)
{
    struct description *it;
    int host;
    __wasi_errno_t error = find_socket(fd, &it, &host);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    if (host >= 0)
        return host_sock_recv(host, vectors, count, flags, done, result_flags);
    *result_flags = 0;
    return __pipe_read(it, vectors, count, flags & __WASI_RIFLAGS_RECV_PEEK, done);
}

__wasi_errno_t __wasi_sock_send(
    __wasi_fd_t fd, const __wasi_ciovec_t *vectors, size_t count, __wasi_siflags_t flags, __wasi_size_t *done)
{
    struct description *it;
    int host;
    __wasi_errno_t error = find_socket(fd, &it, &host);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    return host >= 0 ? host_sock_send(host, vectors, count, flags, done) : __pipe_write(it, vectors, count, done);
}

__wasi_errno_t __wasi_sock_shutdown(__wasi_fd_t fd, __wasi_sdflags_t how)
{
    struct description *it;
    int host;
    __wasi_errno_t error = find_socket(fd, &it, &host);
    if (error != __WASI_ERRNO_SUCCESS)
        return error;
    if (host >= 0)
        return host_sock_shutdown(host, how);
    if (how & __WASI_SDFLAGS_RD)
        __pipe_end_reading(it);
    if (how & __WASI_SDFLAGS_WR)
        __pipe_end_writing(it);
    return __WASI_ERRNO_SUCCESS;
}
