/* The group database: root's group alone. */
#include <grp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool listed;

static struct group *root(void)
{
    static char *members[] = {"root", NULL};
    static struct group group;
    group = (struct group){.gr_name = "root", .gr_passwd = "x", .gr_mem = members};
    return &group;
}

struct group *getgrgid(gid_t group)
{
    return group == 0 ? root() : NULL;
}

struct group *getgrnam(const char *name)
{
    return strcmp(name, "root") == 0 ? root() : NULL;
}

void setgrent(void)
{
    listed = false;
}

void endgrent(void)
{
    listed = false;
}

struct group *getgrent(void)
{
    if (listed)
        return NULL;
    listed = true;
    return root();
}

/* The texts are constants, so the caller's buffer is not needed. */
static int answer(const struct group *found, struct group *group, struct group **result)
{
    *result = NULL;
    if (found != NULL) {
        *group = *found;
        *result = group;
    }
    return 0;
}

int getgrgid_r(gid_t id, struct group *group, char *buffer, size_t size, struct group **result)
{
    (void)buffer, (void)size;
    return answer(getgrgid(id), group, result);
}

int getgrnam_r(const char *name, struct group *group, char *buffer, size_t size, struct group **result)
{
    (void)buffer, (void)size;
    return answer(getgrnam(name), group, result);
}
