/* Root may become anyone elsewhere; here there is nobody else. */
#include <errno.h>
#include <unistd.h>

static int only_root(unsigned id)
{
    if (id == 0)
        return 0;
    errno = EPERM;
    return -1;
}

int setuid(uid_t user)
{
    return only_root(user);
}

int seteuid(uid_t user)
{
    return only_root(user);
}

int setgid(gid_t group)
{
    return only_root(group);
}

int setegid(gid_t group)
{
    return only_root(group);
}
