/* The devices in /dev, by every way to name them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

static void null(int fd)
{
    char text[4] = "abc";
    struct stat status;
    CHECK(fd >= 0 && write(fd, text, 4) == 4 && read(fd, text, 4) == 0 && lseek(fd, 0, SEEK_END) == 0);
    CHECK(fstat(fd, &status) == 0 && status.st_mode == (S_IFCHR | 0666) && !isatty(fd));
    CHECK(close(fd) == 0);
}

static void other(void)
{
    char zeros[9] = "abcdefgh", random[32] = "";
    int fd = open("/dev/zero", O_RDWR);
    CHECK(read(fd, zeros, 8) == 8 && memcmp(zeros, "\0\0\0\0\0\0\0\0i", 8) == 0 && close(fd) == 0);
    fd = open("/dev/urandom", O_RDONLY);
    CHECK(read(fd, random, 32) == 32 && memchr(random, 0, 32) != random && close(fd) == 0);
    fd = open("/dev/full", O_WRONLY);
    FAILS(ENOSPC, write(fd, zeros, 1));
    FAILS(EBADF, read(fd, zeros, 1));
    close(fd);
}

static void names(void)
{
    struct stat status, same;
    null(open("/dev/null", O_RDWR));
    null(open("//dev/./null", O_RDWR | O_CREAT | O_TRUNC, 0600));
    FAILS(ENOTDIR, open("/dev/null", O_RDONLY | O_DIRECTORY));
    FAILS(EEXIST, open("/dev/null", O_WRONLY | O_CREAT | O_EXCL, 0600));
    CHECK(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
    int fd = open("/dev/null", O_WRONLY);
    CHECK(fcntl(fd, F_GETFL) == O_WRONLY && fstat(fd, &same) == 0 && same.st_ino == status.st_ino && close(fd) == 0);
    CHECK(access("/dev/null", R_OK | W_OK) == 0);
    FAILS(ENOENT, open("/dev/nothing of the kind", O_RDONLY));
}

/* The folder of the program is the root here, so /dev can be made. */
static void folder(void)
{
    CHECK(mkdir("/dev", 0755) == 0 || errno == EEXIST);
    int dev = open("/dev", O_RDONLY | O_DIRECTORY);
    null(openat(dev, "null", O_RDWR));
    close(dev);
    CHECK(chdir("/dev") == 0);
    null(open("null", O_RDWR));
    null(open("./null", O_RDWR));
    CHECK(chdir("/") == 0);
    null(open("dev/null", O_RDWR));
    rmdir("/dev");
}

static void streams(void)
{
    FILE *out = fopen("/dev/stdout", "w");
    fprintf(out, "written to /dev/stdout\n");
    CHECK(fclose(out) == 0);
    int fd = open("/dev/fd/1", O_WRONLY);
    CHECK(write(fd, "written to /dev/fd/1\n", 21) == 21 && close(fd) == 0);
    FAILS(ENOENT, open("/dev/fd/99", O_WRONLY));
}

int main(void)
{
    names();
    other();
    folder();
    streams();
    puts("devices");
    return 0;
}
