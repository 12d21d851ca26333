/* The C library: formatted output (long double too), allocation, files, time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
    char *copy = strdup("hello");
    errno = 0;
    FILE *missing = fopen("/no/such/file", "r");
    printf("%s %d %.17g %.20Lg %d\n", copy, argc, 1.1, 1.0L / 3, missing == NULL && errno != 0);
    printf("%d\n", time(NULL) > 1700000000);
    free(copy);
    return 3;
}
