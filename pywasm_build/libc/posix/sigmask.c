/* Which signals are blocked. It is kept and told, no more: nobody else can send this process a signal that would have
   to wait, and what it sends itself arrives at once. */
#include <errno.h>
#include <signal.h>

static sigset_t blocked;

int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict before)
{
    sigset_t was = blocked;
    if (set != NULL) {
        if (how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
            return EINVAL;
        for (unsigned i = 0; i < sizeof blocked.__bits / sizeof *blocked.__bits; i++) {
            unsigned long old = was.__bits[i], bits = set->__bits[i];
            blocked.__bits[i] = how == SIG_SETMASK ? bits : how == SIG_BLOCK ? old | bits : old & ~bits;
        }
        sigdelset(&blocked, SIGKILL);
        sigdelset(&blocked, SIGSTOP);
    }
    if (before != NULL)
        *before = was;
    return 0;
}

int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict before)
{
    int error = pthread_sigmask(how, set, before);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

int sigpending(sigset_t *set)
{
    return sigemptyset(set);
}
