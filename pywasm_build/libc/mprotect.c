/* What can be asked for mapped memory and has no effect here; see mmap.c. */
#include <errno.h>
#include <sys/mman.h>

int mprotect(void *start, size_t length, int protection)
{
    (void)start, (void)length;
    if (!(protection & PROT_EXEC))
        return 0;
    errno = EACCES;
    return -1;
}

int madvise(void *start, size_t length, int advice)
{
    (void)start, (void)length;
    /* Others are wishes; after this one a program may count on zeros. */
    if (advice != MADV_DONTNEED)
        return 0;
    errno = EINVAL;
    return -1;
}

int posix_madvise(void *start, size_t length, int advice)
{
    (void)start, (void)length, (void)advice;
    return 0;
}

int mlock(const void *start, size_t length)
{
    (void)start, (void)length;
    return 0;
}

int munlock(const void *start, size_t length)
{
    (void)start, (void)length;
    return 0;
}

int mlockall(int flags)
{
    (void)flags;
    return 0;
}

int munlockall(void)
{
    return 0;
}
