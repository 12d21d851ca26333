/* link with: mpfr -lmpc */
#include <mpc.h>
#include <string.h>
#include "check.h"

int main(void) {
    mpc_t z, w;
    mpc_init2(z, 200);
    mpc_init2(w, 200);
    mpfr_t angle;
    mpfr_init2(angle, 200);
    /* exp(i pi) = -1 */
    mpfr_const_pi(angle, MPFR_RNDN);
    mpc_set_ui(z, 0, MPC_RNDNN);
    mpfr_set(mpc_imagref(z), angle, MPFR_RNDN);
    mpc_exp(z, z, MPC_RNDNN);
    mpc_add_ui(z, z, 1, MPC_RNDNN);
    mpc_abs(angle, z, MPFR_RNDN);
    CHECK(mpfr_cmp_d(angle, 1e-55) < 0);
    mpc_set_si_si(z, -3, 4, MPC_RNDNN);
    mpc_sqrt(w, z, MPC_RNDNN);
    CHECK(mpc_cmp_si_si(w, 1, 2) == 0);
    CHECK(mpc_set_str(z, "(1.5 -2)", 10, MPC_RNDNN) == 0);
    char *text = mpc_get_str(10, 4, z, MPC_RNDNN);
    CHECK(strcmp(text, "(1.500 -2.000)") == 0);
    mpc_free_str(text);
    CHECK(strcmp(mpc_get_version(), MPC_VERSION_STRING) == 0);
    mpc_clear(z);
    mpc_clear(w);
    mpfr_clear(angle);
    mpfr_free_cache();
    return 0;
}
