/* link with: gmp */
#include <gmp.h>
#include <string.h>
#include "check.h"

int main(void) {
    mpz_t a, b, c;
    mpz_inits(a, b, c, NULL);
    /* Large enough for the fast Fourier transform: (10^n - 1)^2 = 10^2n - 2 * 10^n + 1 */
    enum { N = 100000 };
    mpz_ui_pow_ui(a, 10, N);
    mpz_sub_ui(b, a, 1);
    mpz_mul(b, b, b);
    mpz_mul(c, a, a);
    mpz_submul_ui(c, a, 2);
    mpz_add_ui(c, c, 1);
    CHECK(mpz_cmp(b, c) == 0 && mpz_sizeinbase(a, 10) == N + 1);
    mpz_sqrt(c, b);
    mpz_add_ui(c, c, 1);
    CHECK(mpz_cmp(c, a) == 0);
    mpz_tdiv_qr_ui(b, c, a, 7);
    mpz_mul_ui(b, b, 7);
    mpz_add(b, b, c);
    CHECK(mpz_cmp(a, b) == 0);

    mpz_fac_ui(a, 30);
    char text[40];
    CHECK(strcmp(mpz_get_str(text, 10, a), "265252859812191058636308480000000") == 0);
    mpz_set_str(a, "170141183460469231731687303715884105727", 10);
    CHECK(mpz_probab_prime_p(a, 25));
    mpz_set_ui(b, 3);
    mpz_invert(c, b, a);
    mpz_mul(c, c, b);
    mpz_mod(c, c, a);
    CHECK(mpz_cmp_ui(c, 1) == 0);

    gmp_snprintf(text, sizeof text, "%Zx %d", a, 5);
    CHECK(strcmp(text, "7fffffffffffffffffffffffffffffff 5") == 0);
    mpq_t q;
    mpq_init(q);
    mpq_set_ui(q, 6, 4);
    mpq_canonicalize(q);
    CHECK(mpq_cmp_ui(q, 3, 2) == 0);
    mpq_clear(q);
    mpz_clears(a, b, c, NULL);
    return 0;
}
