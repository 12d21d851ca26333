/* The floating-point environment of bits/fenv.h; it takes the place of the C library's, which does nothing. */
#include <fenv.h>

static int flags;

int feclearexcept(int mask)
{
    flags &= ~(mask & FE_ALL_EXCEPT);
    return 0;
}

int feraiseexcept(int mask)
{
    flags |= mask & FE_ALL_EXCEPT;
    return 0;
}

int fetestexcept(int mask)
{
    return flags & mask;
}

int fegetround(void)
{
    return FE_TONEAREST;
}

/* What libc's fesetround calls once it has checked the mode. */
int __fesetround(int mode)
{
    (void)mode;
    return 0;
}

int fegetenv(fenv_t *environment)
{
    environment->__cw = (unsigned long)flags;
    return 0;
}

int fesetenv(const fenv_t *environment)
{
    flags = environment == FE_DFL_ENV ? 0 : (int)environment->__cw & FE_ALL_EXCEPT;
    return 0;
}
