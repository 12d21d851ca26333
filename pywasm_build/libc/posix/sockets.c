/* Sockets cannot be made, only be had: of the host, accepted, or as a pair. Those stay as they are. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int fail(int error)
{
    errno = error;
    return -1;
}

/* Fail if the descriptor is not a socket's. */
static int check(int fd)
{
    int type;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
}

/* Fail with `error`, or with what is wrong with the descriptor. */
static int refuse(int fd, int error)
{
    return check(fd) ? -1 : fail(error);
}

int socket(int family, int type, int protocol)
{
    (void)family, (void)type, (void)protocol;
    return fail(EAFNOSUPPORT);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    (void)address, (void)size;
    return refuse(fd, EISCONN);
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    (void)address, (void)size;
    return refuse(fd, EINVAL);
}

int listen(int fd, int backlog)
{
    (void)backlog;
    return refuse(fd, EOPNOTSUPP);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    (void)level, (void)option, (void)value, (void)size;
    return refuse(fd, ENOPROTOOPT);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size)
{
    (void)to_size;
    return to == NULL ? send(fd, data, size, flags) : refuse(fd, EISCONN);
}

ssize_t recvfrom(
    int fd, void *restrict data, size_t size, int flags, struct sockaddr *restrict from, socklen_t *restrict from_size)
{
    ssize_t done = recv(fd, data, size, flags);
    if (done >= 0 && from != NULL)
        *from_size = 0;
    return done;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (flags != 0 || message->msg_namelen != 0 || message->msg_controllen != 0)
        return refuse(fd, EOPNOTSUPP);
    return check(fd) ? -1 : writev(fd, message->msg_iov, message->msg_iovlen);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (flags != 0)
        return refuse(fd, EOPNOTSUPP);
    ssize_t done = check(fd) ? -1 : readv(fd, message->msg_iov, message->msg_iovlen);
    if (done >= 0) {
        message->msg_namelen = 0;
        message->msg_controllen = 0;
        message->msg_flags = 0;
    }
    return done;
}
