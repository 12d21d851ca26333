/* Temporary files and directories with names that nobody guesses. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACEHOLDER "XXXXXX"
#define LETTERS (sizeof PLACEHOLDER - 1)
#define ATTEMPTS 100

/* Where the placeholder of a template begins; NULL and errno without one. */
static char *placeholder(char *template, int suffix)
{
    size_t length = strlen(template), end = LETTERS + (size_t)suffix;
    if (suffix >= 0 && length >= end && memcmp(template + length - end, PLACEHOLDER, LETTERS) == 0)
        return template + length - end;
    errno = EINVAL;
    return NULL;
}

static void fill(char *at)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    unsigned char random[LETTERS];
    /* Not from arc4random: its state would be the same in every process that begins from one snapshot. */
    (void)getentropy(random, sizeof random);
    for (size_t i = 0; i < LETTERS; i++)
        at[i] = letters[random[i] % 64];
}

int mkostemps(char *template, int suffix, int flags)
{
    char *at = placeholder(template, suffix);
    if (at == NULL)
        return -1;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        fill(at);
        int fd = open(template, O_RDWR | O_CREAT | O_EXCL | (flags & ~O_ACCMODE), 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    memcpy(at, PLACEHOLDER, LETTERS);
    return -1;
}

int mkstemps(char *template, int suffix)
{
    return mkostemps(template, suffix, 0);
}

int mkostemp(char *template, int flags)
{
    return mkostemps(template, 0, flags);
}

int mkstemp(char *template)
{
    return mkostemps(template, 0, 0);
}

char *mkdtemp(char *template)
{
    char *at = placeholder(template, 0);
    for (int attempt = 0; at != NULL && attempt < ATTEMPTS; attempt++) {
        fill(at);
        if (mkdir(template, 0700) == 0)
            return template;
        if (errno != EEXIST)
            break;
    }
    return NULL;
}

char *mktemp(char *template)
{
    struct stat status;
    char *at = placeholder(template, 0);
    for (int attempt = 0; at != NULL && attempt < ATTEMPTS; attempt++) {
        fill(at);
        if (lstat(template, &status) < 0)
            return template;
    }
    *template = '\0';
    return template;
}
