/* The program's only user and group: root, to whom all files belong. */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

uid_t getuid(void)
{
    return 0;
}

uid_t geteuid(void)
{
    return 0;
}

gid_t getgid(void)
{
    return 0;
}

gid_t getegid(void)
{
    return 0;
}

int getgroups(int capacity, gid_t groups[])
{
    if (capacity < 0) {
        errno = EINVAL;
        return -1;
    }
    if (capacity > 0)
        groups[0] = 0;
    return 1;
}

int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count)
{
    (void)user;
    int capacity = *count;
    *count = 1;
    if (capacity < 1)
        return -1;
    groups[0] = group;
    return 1;
}

int getlogin_r(char *name, size_t size)
{
    if (size < sizeof "root")
        return ERANGE;
    strcpy(name, "root");
    return 0;
}

char *getlogin(void)
{
    static char name[sizeof "root"];
    return getlogin_r(name, sizeof name) == 0 ? name : NULL;
}
