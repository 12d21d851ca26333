/* link with: mpfr */
#include <mpfr.h>
#include <string.h>
#include "check.h"

static const char pi[] = "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899";

int main(void) {
    mpfr_t x, y;
    mpfr_inits2(400, x, y, NULL);
    char text[100];
    mpfr_const_pi(x, MPFR_RNDN);
    mpfr_snprintf(text, sizeof text, "%.80RDf", x);
    CHECK(strcmp(text, pi) == 0);
    /* Another way to it: 16 atan(1/5) - 4 atan(1/239) */
    mpfr_set_ui(x, 1, MPFR_RNDN);
    mpfr_div_ui(x, x, 5, MPFR_RNDN);
    mpfr_atan(x, x, MPFR_RNDN);
    mpfr_mul_ui(x, x, 16, MPFR_RNDN);
    mpfr_set_ui(y, 1, MPFR_RNDN);
    mpfr_div_ui(y, y, 239, MPFR_RNDN);
    mpfr_atan(y, y, MPFR_RNDN);
    mpfr_mul_ui(y, y, 4, MPFR_RNDN);
    mpfr_sub(x, x, y, MPFR_RNDN);
    mpfr_snprintf(text, sizeof text, "%.80RDf", x);
    CHECK(strcmp(text, pi) == 0);

    /* Doubles and long doubles (here of 113 bits) come and go unchanged. */
    mpfr_set_d(x, 0.1, MPFR_RNDN);
    CHECK(mpfr_get_d(x, MPFR_RNDN) == 0.1);
    mpfr_set_ld(x, 0.1L, MPFR_RNDN);
    CHECK(mpfr_get_ld(x, MPFR_RNDN) == 0.1L && mpfr_get_d(x, MPFR_RNDN) == 0.1);
    mpfr_set_prec(y, 53);
    mpfr_set_ui(y, 1, MPFR_RNDN);
    mpfr_div_ui(y, y, 3, MPFR_RNDU);
    CHECK(mpfr_get_d(y, MPFR_RNDN) > 1.0 / 3);
    mpfr_clear_flags();
    mpfr_set_si(x, -1, MPFR_RNDN);
    mpfr_sqrt(x, x, MPFR_RNDN);
    CHECK(mpfr_nan_p(x) && mpfr_nanflag_p());
    CHECK(strcmp(mpfr_get_version(), MPFR_VERSION_STRING) == 0);
    mpfr_clears(x, y, NULL);
    mpfr_free_cache();
    return 0;
}
