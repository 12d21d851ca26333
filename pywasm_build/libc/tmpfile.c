/* Temporary files of stdio. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEMPLATE P_tmpdir "/tmp_XXXXXX"

_Static_assert(sizeof TEMPLATE <= L_tmpnam, "a name must fit into what programs reserve for it");

FILE *tmpfile(void)
{
    char name[] = TEMPLATE;
    int fd = mkstemp(name);
    if (fd < 0)
        return NULL;
    /* It lives until it is closed. */
    unlink(name);
    FILE *file = fdopen(fd, "w+");
    if (file == NULL)
        close(fd);
    return file;
}

char *tmpnam(char *buffer)
{
    static char own[L_tmpnam];
    char *name = buffer ? buffer : own;
    strcpy(name, TEMPLATE);
    return *mktemp(name) ? name : NULL;
}

char *tempnam(const char *directory, const char *prefix)
{
    char *name;
    if (asprintf(&name, "%s/%.5s_XXXXXX", directory ? directory : P_tmpdir, prefix ? prefix : "tmp") < 0)
        return NULL;
    if (*mktemp(name))
        return name;
    free(name);
    return NULL;
}
