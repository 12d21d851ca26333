#include <errno.h>
#include <string.h>
#include <unistd.h>

int gethostname(char *name, size_t size)
{
    static const char own[] = "localhost";
    if (size < sizeof own) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, own, sizeof own);
    return 0;
}
