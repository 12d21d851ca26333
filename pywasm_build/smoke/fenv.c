/* Floating-point status flags that the program itself sets. */
#include <fenv.h>
#include <stdio.h>

int main(void)
{
    fenv_t saved;
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_INVALID | FE_OVERFLOW);
    printf("%d %d\n", fetestexcept(FE_INVALID) != 0, fetestexcept(FE_DIVBYZERO) != 0);
    feholdexcept(&saved);
    printf("%d\n", fetestexcept(FE_ALL_EXCEPT));
    feupdateenv(&saved);
    printf("%d %d\n", fetestexcept(FE_OVERFLOW) != 0, fesetround(FE_TONEAREST));
    fesetenv(FE_DFL_ENV);
    printf("%d\n", fetestexcept(FE_ALL_EXCEPT));
    return 0;
}
