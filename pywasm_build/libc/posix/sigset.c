/* Sets of signals. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#define WORD_BITS (CHAR_BIT * sizeof(unsigned long))

/* Find the word and the bit of a signal; NULL, with errno, where there is no such signal. */
static unsigned long *find(const sigset_t *set, int number, unsigned long *bit)
{
    if (number < 1 || number >= _NSIG) {
        errno = EINVAL;
        return NULL;
    }
    *bit = 1UL << ((unsigned)number - 1) % WORD_BITS;
    return (unsigned long *)&set->__bits[((unsigned)number - 1) / WORD_BITS];
}

int sigemptyset(sigset_t *set)
{
    memset(set, 0, sizeof *set);
    return 0;
}

int sigfillset(sigset_t *set)
{
    sigemptyset(set);
    for (int number = 1; number < _NSIG; number++)
        sigaddset(set, number);
    return 0;
}

int sigaddset(sigset_t *set, int number)
{
    unsigned long bit, *word = find(set, number, &bit);
    if (word == NULL)
        return -1;
    *word |= bit;
    return 0;
}

int sigdelset(sigset_t *set, int number)
{
    unsigned long bit, *word = find(set, number, &bit);
    if (word == NULL)
        return -1;
    *word &= ~bit;
    return 0;
}

int sigismember(const sigset_t *set, int number)
{
    unsigned long bit, *word = find(set, number, &bit);
    return word == NULL ? -1 : (*word & bit) != 0;
}
