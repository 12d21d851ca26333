/* Mutexes where there is one thread. wasi-libc's own stubs have the types the wrong way round: a recursive mutex is
   refused the second time, any other is locked twice. */

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <time.h>

/* Where pthread_mutex_init leaves the type; the stubs count in the last word. */
#define TYPE(mutex) ((mutex)->__u.__i[0] & 15)
#define COUNT(mutex) ((mutex)->__u.__i[5])

static int lock(pthread_mutex_t *mutex, int held) {
  if (COUNT(mutex) && TYPE(mutex) != PTHREAD_MUTEX_RECURSIVE)
    return held;
  if (COUNT(mutex) == INT_MAX)
    return EAGAIN;
  COUNT(mutex)++;
  return 0;
}

/* Nobody else could ever unlock it, so waiting would be for ever. */
int pthread_mutex_lock(pthread_mutex_t *mutex) { return lock(mutex, EDEADLK); }

int pthread_mutex_trylock(pthread_mutex_t *mutex) { return lock(mutex, EBUSY); }

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict end) {
  (void)end;
  return lock(mutex, EDEADLK);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  if (!COUNT(mutex))
    return EPERM;
  COUNT(mutex)--;
  return 0;
}

/* Robust mutexes are for processes that end while they hold one. */
int pthread_mutex_consistent(pthread_mutex_t *mutex) {
  (void)mutex;
  return EINVAL;
}
