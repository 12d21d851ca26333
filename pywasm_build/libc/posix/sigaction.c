/* Actions on signals, over signal and raise of the C library's emulation. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What sigaction was last told; signal may have changed the handler since. */
static struct sigaction actions[_NSIG];

/* The handler where signal's will not do. */
static void deliver(int number)
{
    struct sigaction action = actions[number];
    siginfo_t info = {.si_signo = number, .si_code = SI_TKILL, .si_pid = getpid()};
    if (action.sa_flags & SA_RESETHAND)
        signal(number, SIG_DFL);
    if (action.sa_flags & SA_SIGINFO)
        action.sa_sigaction(number, &info, NULL);
    else
        action.sa_handler(number);
}

static int needs_delivery(const struct sigaction *action)
{
    if (action->sa_flags & SA_SIGINFO)
        return 1;
    return (action->sa_flags & SA_RESETHAND) && action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

int sigaction(int number, const struct sigaction *restrict new, struct sigaction *restrict before)
{
    /* It refuses what is no signal, and those that no handler can be had for. */
    void (*handler)(int) = signal(number, SIG_DFL);
    if (handler == SIG_ERR)
        return -1;
    struct sigaction was = actions[number];
    if (handler != deliver && (needs_delivery(&was) || handler != was.sa_handler)) {
        memset(&was, 0, sizeof was);
        was.sa_handler = handler;
    }
    if (new != NULL) {
        actions[number] = *new;
        handler = needs_delivery(new) ? deliver : new->sa_handler;
    }
    signal(number, handler);
    if (before != NULL)
        *before = was;
    return 0;
}

/* There is one process, in a group of its own. */
int kill(pid_t process, int number)
{
    if (process != getpid() && process != 0 && process != -1) {
        errno = ESRCH;
        return -1;
    }
    return number == 0 ? 0 : raise(number);
}
