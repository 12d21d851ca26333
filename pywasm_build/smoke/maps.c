/* Memory maps: anonymous, of files, written back. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME "maps.tmp"
#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition))                                                    \
            printf("line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
    } while (0)
#define FAILS(error, condition)         \
    do {                                \
        errno = 0;                      \
        CHECK(condition);               \
        CHECK(errno == (error));        \
    } while (0)

static size_t page;

static void *map(size_t length, int protection, int flags, int fd, off_t offset)
{
    return mmap(NULL, length, protection, flags, fd, offset);
}

static void anonymous(void)
{
    for (int round = 0; round < 3; round++) {
        char *start = map(3 * page + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(start != MAP_FAILED && (uintptr_t)start % page == 0);
        CHECK(start[0] == 0 && memcmp(start, start + 1, 3 * page) == 0);
        memset(start, 7, 3 * page + 1);
        FAILS(EINVAL, munmap(start + page, page) == -1);
        CHECK(mprotect(start, page, PROT_READ) == 0 && mlock(start, page) == 0);
        CHECK(madvise(start, page, MADV_WILLNEED) == 0 && munmap(start, 3 * page + 1) == 0);
    }
    FAILS(EINVAL, munmap(malloc(1), page) == -1);
}

static void refused(int fd)
{
    int anywhere = MAP_PRIVATE | MAP_ANONYMOUS;
    FAILS(EINVAL, map(0, PROT_READ, anywhere, -1, 0) == MAP_FAILED);
    FAILS(EINVAL, map(page, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    FAILS(EINVAL, map(page, PROT_READ, MAP_PRIVATE, fd, 100) == MAP_FAILED);
    FAILS(EACCES, map(page, PROT_READ | PROT_EXEC, anywhere, -1, 0) == MAP_FAILED);
    FAILS(ENOTSUP, mmap((void *)page, page, PROT_READ, anywhere | MAP_FIXED, -1, 0) == MAP_FAILED);
    FAILS(ENOMEM, map(SIZE_MAX - page, PROT_READ, anywhere, -1, 0) == MAP_FAILED);
    FAILS(EBADF, map(page, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED);
    int reader = open(NAME, O_RDONLY), ends[2];
    FAILS(EACCES, map(page, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED);
    CHECK(pipe(ends) == 0);
    FAILS(ENODEV, map(page, PROT_READ, MAP_PRIVATE, ends[0], 0) == MAP_FAILED);
    close(reader), close(ends[0]), close(ends[1]);
}

static void private(int fd)
{
    char *start = map(page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, page), text[4] = "";
    CHECK(memcmp(start, "tail", 4) == 0 && start[4] == 0 && start[page - 1] == 0);
    memcpy(start, "TAIL", 4);
    CHECK(munmap(start, page) == 0 && pread(fd, text, 4, page) == 4 && memcmp(text, "tail", 4) == 0);
}

static void shared(int fd)
{
    char text[4] = "";
    int other = dup(fd);
    char *start = map(2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
    CHECK(close(other) == 0 && memcmp(start, "head", 4) == 0);
    memcpy(start, "HEAD", 4);
    CHECK(msync(start, page, MS_SYNC) == 0 && pread(fd, text, 4, 0) == 4 && memcmp(text, "HEAD", 4) == 0);
    memcpy(start, "Head", 4);
    CHECK(munmap(start, 2 * page) == 0 && pread(fd, text, 4, 0) == 4 && memcmp(text, "Head", 4) == 0);
    CHECK(lseek(fd, 0, SEEK_END) == (off_t)page + 4);
    FAILS(ENOMEM, msync(start, page, MS_SYNC) == -1);
}

/* The map's own duplicate must not take a number that the program expects to be free. */
static void numbers(int fd)
{
    char *start = map(page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(dup(fd) == fd + 1 && close(fd + 1) == 0 && munmap(start, page) == 0);
}

int main(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(pwrite(fd, "head", 4, 0) == 4 && pwrite(fd, "tail", 4, (off_t)page) == 4);
    anonymous();
    refused(fd);
    private(fd);
    shared(fd);
    numbers(fd);
    CHECK(close(fd) == 0 && unlink(NAME) == 0);
    puts("maps");
    return 0;
}
