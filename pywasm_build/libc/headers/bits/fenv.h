/* The floating-point environment of wasm, kept by software.
 *
 * WebAssembly has no status flags: an operation never sets one. What a program sets itself with feraiseexcept
 * (numpy.linalg says so that a matrix is singular) can be tested here, as the C standard has it. There is one
 * rounding mode.
 */
#define FE_INVALID    1
#define FE_DIVBYZERO  4
#define FE_OVERFLOW   8
#define FE_UNDERFLOW  16
#define FE_INEXACT    32
#define FE_ALL_EXCEPT (FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT)

#define FE_TONEAREST  0

typedef unsigned long fexcept_t;

typedef struct {
	unsigned long __cw;
} fenv_t;

#define FE_DFL_ENV ((const fenv_t *) -1)
