/* Other processes, which there are none of. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* Nothing ever forks, so the handlers need not be kept. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    (void)prepare;
    (void)parent;
    (void)child;
    return 0;
}

/* Without a command it is asked whether there is a shell. */
int system(const char *command)
{
    if (command == NULL)
        return 0;
    errno = ENOSYS;
    return -1;
}
