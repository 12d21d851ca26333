/* Duplicates of descriptors: numbers, shared offsets, redirected standard output, locks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "descriptors.tmp"
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

static void numbers(int file)
{
    CHECK(file == 3);
    CHECK(dup(file) == 4 && dup(file) == 5);
    CHECK(close(4) == 0 && dup(file) == 4);
    CHECK(dup2(file, 200) == 200 && dup3(file, 201, O_CLOEXEC) == 201);
    CHECK(fcntl(file, F_DUPFD, 100) == 100 && fcntl(file, F_DUPFD_CLOEXEC, 100) == 101);
    CHECK(dup2(file, file) == file);
    FAILS(EINVAL, dup3(file, file, O_CLOEXEC));
    FAILS(EBADF, dup(99));
    FAILS(EBADF, dup2(99, 5));
    FAILS(EBADF, dup2(file, -1));
    FAILS(EBADF, dup2(file, INT_MAX));
    FAILS(EINVAL, fcntl(file, F_DUPFD, -1));
    FAILS(EBADF, close(99));
    FAILS(EBADF, read(-1, NULL, 0));
    for (int fd = 4; fd < 300; fd++)
        close(fd);
}

static void flags(int file)
{
    int copy = dup(file);
    CHECK(fcntl(file, F_GETFD) == FD_CLOEXEC && fcntl(copy, F_GETFD) == 0);
    CHECK(fcntl(copy, F_SETFD, FD_CLOEXEC) == 0 && fcntl(copy, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(file, F_GETFL) == O_RDWR);
    CHECK(fcntl(copy, F_SETFL, O_APPEND) == 0 && fcntl(file, F_GETFL) == (O_RDWR | O_APPEND));
    CHECK(fcntl(copy, F_SETFL, 0) == 0 && fcntl(file, F_GETFL) == O_RDWR);
    CHECK(close(copy) == 0);
}

static void shared_offset(int file)
{
    char text[8] = "";
    int copy = dup(file);
    CHECK(write(file, "abc", 3) == 3 && write(copy, "def", 3) == 3);
    CHECK(lseek(copy, 1, SEEK_SET) == 1 && lseek(file, 0, SEEK_CUR) == 1);
    CHECK(close(file) == 0 && read(copy, text, sizeof text) == 5 && strcmp(text, "bcdef") == 0);
    CHECK(close(copy) == 0);
    FAILS(EBADF, read(copy, text, 1));
}

/* What pytest does to see a test's output. */
static void redirected(void)
{
    char text[64] = "";
    int saved = dup(1), file = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    fflush(stdout);
    CHECK(dup2(file, 1) == 1);
    puts("into the file");
    fflush(stdout);
    CHECK(!isatty(1));
    CHECK(dup2(saved, 1) == 1 && close(saved) == 0);
    CHECK(pread(file, text, sizeof text - 1, 0) == 14 && strcmp(text, "into the file\n") == 0);
    close(file);
}

static void many(void)
{
    int first = open(NAME, O_RDONLY), last = first, count = 0;
    for (int fd = dup(first); fd >= 0; fd = dup(first), count++)
        last = fd;
    CHECK(errno == EMFILE && last == sysconf(_SC_OPEN_MAX) - 1);
    for (int fd = first; fd <= last; fd++)
        close(fd);
    CHECK(open(NAME, O_RDONLY) == first && close(first) == 0);
}

static void locks(void)
{
    int file = open(NAME, O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK(fcntl(file, F_SETLK, &lock) == 0 && fcntl(file, F_SETLKW, &lock) == 0);
    CHECK(fcntl(file, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK);
    CHECK(flock(file, LOCK_EX | LOCK_NB) == 0 && flock(file, LOCK_UN) == 0 && lockf(file, F_TLOCK, 0) == 0);
    FAILS(EBADF, flock(99, LOCK_EX));
    close(file);
}

/* Closing every number must not take away the directories that the host opened. */
static void close_all(void)
{
    for (int fd = 3; fd < 1000; fd++)
        close(fd);
    CHECK(unlink(NAME) == 0);
}

int main(void)
{
    int file = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    numbers(file);
    flags(file);
    shared_offset(file);
    redirected();
    many();
    locks();
    close_all();
    puts("descriptors");
    return 0;
}
