/* libc's own was compiled for a machine without flags, so it would keep none. */
#include <fenv.h>

int feupdateenv(const fenv_t *environment)
{
    int raised = fetestexcept(FE_ALL_EXCEPT);
    fesetenv(environment);
    return feraiseexcept(raised);
}
