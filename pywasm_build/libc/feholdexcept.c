/* libc's own was compiled for a machine without flags, so it would clear none. */
#include <fenv.h>

int feholdexcept(fenv_t *environment)
{
    fegetenv(environment);
    return feclearexcept(FE_ALL_EXCEPT);
}
