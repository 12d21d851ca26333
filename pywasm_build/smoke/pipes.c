/* Pipes and socket pairs within one program, and waiting for them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition))                                                    \
            printf("line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
    } while (0)
#define FAILS(error, call)              \
    do {                                \
        errno = 0;                      \
        CHECK((call) == -1);            \
        CHECK(errno == (error));        \
    } while (0)

static char block[100000];

static void bytes(void)
{
    char text[8] = "";
    int ends[2];
    struct stat status;
    CHECK(pipe(ends) == 0);
    CHECK(fstat(ends[0], &status) == 0 && S_ISFIFO(status.st_mode));
    FAILS(EDEADLK, read(ends[0], text, 1));
    FAILS(EBADF, write(ends[0], "x", 1));
    FAILS(EBADF, read(ends[1], text, 1));
    FAILS(ESPIPE, lseek(ends[0], 0, SEEK_SET));
    FAILS(ESPIPE, pread(ends[0], text, 1, 0));
    CHECK(write(ends[1], "hello", 5) == 5);
    CHECK(read(ends[0], text, 2) == 2 && memcmp(text, "he", 2) == 0);
    int copy = dup(ends[1]);
    CHECK(close(ends[1]) == 0);
    CHECK(read(ends[0], text, 8) == 3 && memcmp(text, "llo", 3) == 0);
    FAILS(EDEADLK, read(ends[0], text, 1));
    CHECK(close(copy) == 0 && read(ends[0], text, 1) == 0);
    CHECK(close(ends[0]) == 0);
}

static void full(void)
{
    int ends[2];
    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    FAILS(EAGAIN, read(ends[0], block, 1));
    CHECK(write(ends[1], block, sizeof block) == 65536);
    FAILS(EAGAIN, write(ends[1], block, 1));
    CHECK(fcntl(ends[1], F_SETFL, 0) == 0);
    FAILS(EDEADLK, write(ends[1], block, 1));
    for (int i = 0; i < 1000; i++) {
        CHECK(read(ends[0], block, 1000) == 1000);
        CHECK(write(ends[1], block, 1000) == 1000);
    }
    CHECK(close(ends[0]) == 0);
    FAILS(EPIPE, write(ends[1], "x", 1));
    CHECK(close(ends[1]) == 0);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int poll_one(int fd, short events, int milliseconds)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    int count = poll(&wanted, 1, milliseconds);
    return count < 0 ? -1 : wanted.revents;
}

static void waiting(void)
{
    int ends[2], null = open("/dev/null", O_RDWR), file = open("pipes.tmp", O_RDWR | O_CREAT, 0600);
    pipe(ends);
    double start = now();
    CHECK(poll_one(ends[0], POLLIN, 50) == 0);
    CHECK(now() - start > 0.04 && now() - start < 5);
    FAILS(EDEADLK, poll_one(ends[0], POLLIN, -1));
    CHECK(poll_one(ends[1], POLLOUT, -1) == POLLOUT);
    CHECK(poll_one(99, POLLIN, 0) == POLLNVAL);
    struct pollfd all[] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {null, POLLIN, 0}, {file, POLLOUT, 0}};
    CHECK(poll(all, 4, 1000) == 3);
    CHECK(all[0].revents == 0 && all[1].revents == POLLOUT && all[2].revents == POLLIN && all[3].revents == POLLOUT);
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(ends[0], &readable);
    CHECK(select(ends[1] + 1, &readable, NULL, NULL, &(struct timeval){.tv_usec = 20000}) == 0);
    CHECK(write(ends[1], "x", 1) == 1);
    FD_SET(ends[0], &readable);
    FD_SET(ends[1], &writable);
    CHECK(select(ends[1] + 1, &readable, &writable, NULL, NULL) == 2);
    CHECK(FD_ISSET(ends[0], &readable) && FD_ISSET(ends[1], &writable));
    CHECK(poll_one(ends[0], POLLIN, -1) == POLLIN);
    close(ends[1]);
    CHECK(poll_one(ends[0], POLLIN, -1) & POLLIN);
    CHECK(read(ends[0], block, 2) == 1 && (poll_one(ends[0], POLLIN, -1) & POLLHUP));
    close(ends[0]), close(null), close(file);
    unlink("pipes.tmp");
}

static void sockets(void)
{
    int pair[2], type = 0;
    socklen_t size = sizeof type;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM);
    CHECK(send(pair[0], "ping", 4, 0) == 4 && write(pair[1], "pong", 4) == 4);
    CHECK(recv(pair[1], block, 8, MSG_PEEK) == 4 && recv(pair[1], block, 8, 0) == 4 && memcmp(block, "ping", 4) == 0);
    CHECK(read(pair[0], block, 8) == 4 && memcmp(block, "pong", 4) == 0);
    CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    FAILS(EAGAIN, recv(pair[0], block, 8, 0));
    CHECK(shutdown(pair[0], SHUT_WR) == 0 && recv(pair[1], block, 8, 0) == 0);
    FAILS(EPIPE, send(pair[0], "x", 1, 0));
    CHECK(send(pair[1], "late", 4, 0) == 4 && close(pair[1]) == 0 && recv(pair[0], block, 8, 0) == 4);
    CHECK(recv(pair[0], block, 8, 0) == 0 && close(pair[0]) == 0);
    FAILS(ENOTSOCK, (pipe(pair), send(pair[1], "x", 1, 0)));
}

int main(void)
{
    bytes();
    full();
    waiting();
    sockets();
    puts("pipes");
    return 0;
}
