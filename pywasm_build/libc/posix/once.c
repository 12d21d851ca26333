/* What is done once, where there is one thread. */
#include <pthread.h>

int pthread_once(pthread_once_t *control, void (*routine)(void))
{
    if (*control == PTHREAD_ONCE_INIT) {
        *control = !PTHREAD_ONCE_INIT;
        routine();
    }
    return 0;
}
