#include <sys/stat.h>

/* It is kept for who asks. New files have the permissions that file_status.c gives them, 022 in effect. */
mode_t umask(mode_t mask)
{
    static mode_t current = 022;
    mode_t before = current;
    current = mask & 0777;
    return before;
}
