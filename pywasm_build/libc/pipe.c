/* Make pipes and socket pairs; pipes.c says how they behave with one thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptors.h"

/* What pipe2 and socketpair accept; O_CLOEXEC is 0. */
#define FLAGS (O_NONBLOCK | O_CLOEXEC)

static int fail(int error)
{
    errno = error;
    return -1;
}

static struct description *end_of(struct pipe *in, struct pipe *out, enum kind kind, __wasi_fdflags_t flags)
{
    struct description *it = __description_new(kind, 0);
    if (it == NULL)
        return NULL;
    it->flags = flags;
    it->in = in;
    it->out = out;
    it->readable = in != NULL;
    it->writable = out != NULL;
    return it;
}

/* Give two descriptions numbers, or release both. */
static int number_both(struct description *first, struct description *second, bool close_on_exec, int fds[2])
{
    int numbers[2];
    __wasi_errno_t error = __descriptor_add(first, 0, close_on_exec, &numbers[0]);
    if (error != __WASI_ERRNO_SUCCESS) {
        __pipe_end_reading(second);
        __pipe_end_writing(second);
        free(second);
        return fail(error);
    }
    error = __descriptor_add(second, 0, close_on_exec, &numbers[1]);
    if (error != __WASI_ERRNO_SUCCESS) {
        (void)__descriptor_close(numbers[0]);
        return fail(error);
    }
    fds[0] = numbers[0];
    fds[1] = numbers[1];
    return 0;
}

static int make_pipe(int fds[2], __wasi_fdflags_t flags, bool close_on_exec)
{
    struct pipe *pipe = __pipe_new();
    struct description *reader = end_of(pipe, NULL, KIND_PIPE, flags);
    struct description *writer = end_of(NULL, pipe, KIND_PIPE, flags);
    if (pipe != NULL && reader != NULL && writer != NULL)
        return number_both(reader, writer, close_on_exec, fds);
    free(pipe);
    free(reader);
    free(writer);
    return fail(ENOMEM);
}

int pipe2(int fds[2], int flags)
{
    return flags & ~FLAGS ? fail(EINVAL) : make_pipe(fds, (__wasi_fdflags_t)flags, true);
}

int pipe(int fds[2])
{
    return make_pipe(fds, 0, false);
}

int socketpair(int family, int type, int protocol, int fds[2])
{
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    /* The addresses' family makes no difference. Python on WASI knows only that of the internet. */
    if (family != AF_UNIX && family != AF_INET)
        return fail(EAFNOSUPPORT);
    if (kind != SOCK_STREAM)
        return fail(EPROTOTYPE);
    if (protocol != 0)
        return fail(EPROTONOSUPPORT);
    __wasi_fdflags_t flags = type & SOCK_NONBLOCK ? O_NONBLOCK : 0;
    struct pipe *one = __pipe_new(), *other = __pipe_new();
    struct description *first = end_of(one, other, KIND_SOCKET, flags);
    struct description *second = end_of(other, one, KIND_SOCKET, flags);
    if (one != NULL && other != NULL && first != NULL && second != NULL)
        return number_both(first, second, type & SOCK_CLOEXEC, fds);
    free(one);
    free(other);
    free(first);
    free(second);
    return fail(ENOMEM);
}
