/* The one user, permissions, temporary files and what else a system has. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NAME "root.tmp"
#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition))                                                    \
            printf("line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
    } while (0)

static void user(void)
{
    struct passwd *one = getpwuid(getuid()), copy, *found;
    char buffer[64];
    gid_t groups[2];
    CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0 && getgroups(2, groups) == 1);
    CHECK(setuid(0) == 0 && setgid(1) == -1 && errno == EPERM);
    CHECK(strcmp(one->pw_name, "root") == 0 && strcmp(one->pw_dir, "/") == 0 && getpwnam("nobody") == NULL);
    CHECK(getpwnam_r("root", &copy, buffer, sizeof buffer, &found) == 0 && found == &copy && copy.pw_uid == 0);
    CHECK(getpwuid_r(1, &copy, buffer, sizeof buffer, &found) == 0 && found == NULL);
    setpwent();
    CHECK(getpwent() != NULL && getpwent() == NULL);
    CHECK(strcmp(getgrgid(0)->gr_name, "root") == 0 && getgrnam("root")->gr_gid == 0 && getgrnam("wheel") == NULL);
    CHECK(gethostname(buffer, sizeof buffer) == 0 && strcmp(buffer, "localhost") == 0);
    CHECK(strcmp(getlogin(), "root") == 0 && umask(077) == 022 && umask(022) == 077);
}

static mode_t mode(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 ? status.st_mode : 0;
}

static void permissions(void)
{
    struct stat status;
    int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(mode(NAME) == (S_IFREG | 0644) && mode(".") == (S_IFDIR | 0755));
    CHECK(chmod(NAME, 0750) == 0 && mode(NAME) == (S_IFREG | 0750));
    CHECK(fchmod(fd, 0400) == 0 && fstat(fd, &status) == 0 && status.st_mode == (S_IFREG | 0400));
    CHECK(fchmodat(AT_FDCWD, NAME, 0640, 0) == 0 && chown(NAME, 7, -1) == 0 && stat(NAME, &status) == 0);
    CHECK(status.st_mode == (S_IFREG | 0640) && status.st_uid == 7 && status.st_gid == 0);
    CHECK(rename(NAME, NAME ".2") == 0 && mode(NAME ".2") == (S_IFREG | 0640) && close(fd) == 0);
    /* A new file may get the old one's number on the host, but not its permissions. */
    CHECK(unlink(NAME ".2") == 0 && close(open(NAME, O_WRONLY | O_CREAT, 0600)) == 0);
    CHECK(mode(NAME) == (S_IFREG | 0644) && chmod("missing", 0600) == -1 && errno == ENOENT);
}

static void contents(void)
{
    struct stat status;
    struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 5000}, {.tv_sec = 1100000000, .tv_nsec = 6000}};
    int fd = open(NAME, O_RDWR);
    CHECK(ftruncate(fd, 100) == 0 && posix_fallocate(fd, 50, 200) == 0 && posix_fallocate(fd, 0, 10) == 0);
    CHECK(fstat(fd, &status) == 0 && status.st_size == 250 && truncate(NAME, 7) == 0);
    CHECK(futimens(fd, times) == 0 && fstat(fd, &status) == 0 && status.st_size == 7);
    CHECK(status.st_mtim.tv_sec == 1100000000 && status.st_mtim.tv_nsec == 6000 && status.st_atim.tv_sec == 1000000000);
    times[1].tv_sec++;
    CHECK(utimensat(AT_FDCWD, NAME, times, 0) == 0 && fstat(fd, &status) == 0 && status.st_mtim.tv_sec == 1100000001);
    char *path = realpath("./" NAME, NULL);
    CHECK(path != NULL && strcmp(path, "/" NAME) == 0);
    free(path);
    CHECK(close(fd) == 0 && unlink(NAME) == 0);
}

static void temporary(void)
{
    char file[] = "root.XXXXXX", other[] = "root.XXXXXX.txt", folder[] = "root.XXXXXX", wrong[] = "root.XXXXX", text[8];
    int fd = mkstemp(file), second = mkstemps(other, 4);
    CHECK(fd >= 0 && strcmp(file, "root.XXXXXX") != 0 && close(fd) == 0 && unlink(file) == 0);
    CHECK(second >= 0 && strcmp(other + 11, ".txt") == 0 && close(second) == 0 && unlink(other) == 0);
    CHECK(mkdtemp(folder) == folder && rmdir(folder) == 0);
    CHECK(mkstemp(wrong) == -1 && errno == EINVAL);
    CHECK(mkdir("/tmp", 0700) == 0 || errno == EEXIST);
    FILE *nameless = tmpfile();
    CHECK(nameless != NULL && fputs("text", nameless) >= 0);
    rewind(nameless);
    CHECK(fgets(text, sizeof text, nameless) != NULL && strcmp(text, "text") == 0 && fclose(nameless) == 0);
    rmdir("/tmp");
}

static void limits(void)
{
    CHECK(sysconf(_SC_PAGESIZE) == getpagesize() && sysconf(_SC_NPROCESSORS_ONLN) == 1);
    CHECK(sysconf(_SC_CLK_TCK) == CLOCKS_PER_SEC && sysconf(_SC_OPEN_MAX) == getdtablesize());
    CHECK(sysconf(_SC_PHYS_PAGES) > sysconf(_SC_AVPHYS_PAGES) && sysconf(_SC_AVPHYS_PAGES) > 0);
    CHECK(sizeof((struct sockaddr_un *)0)->sun_path >= 100);
}

int main(void)
{
    user();
    permissions();
    contents();
    temporary();
    limits();
    puts("root");
    return 0;
}
