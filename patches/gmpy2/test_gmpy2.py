import importlib.metadata

import gmpy2
import pytest
from gmpy2 import gmpy2 as core
from gmpy2 import mpc, mpfr, mpq, mpz

# 2**127 - 1 is prime, 2**128 + 1 is the product of these two.
FERMAT_7 = 2**128 + 1
FACTORS = (59649589127497217, 5704689200685129054721)


def test_the_libraries_are_compiled_in():
    assert core.__file__.endswith(".so")
    assert gmpy2.version() == importlib.metadata.version("gmpy2")
    assert gmpy2.mp_version().startswith("GMP 6.")
    assert gmpy2.mpfr_version().startswith("MPFR 4.")
    assert gmpy2.mpc_version().startswith("MPC 1.")


def test_integers():
    assert FACTORS[0] * mpz(FACTORS[1]) == FERMAT_7
    assert gmpy2.is_prime(2**127 - 1)
    assert not gmpy2.is_prime(FERMAT_7)
    assert gmpy2.powmod(3, FERMAT_7 - 1, FERMAT_7) == pow(3, FERMAT_7 - 1, FERMAT_7)
    assert gmpy2.isqrt(mpz(10) ** 100) == 10**50


def test_large_products_agree_with_python():
    # Large enough for GMP's transforms.
    a, b = 3**40_000 + 1, 7**30_000 - 1
    assert int(mpz(a) * mpz(b)) == a * b
    assert int(mpz(a * b) // mpz(b)) == a


def test_rationals():
    assert sum((mpq(1, n) for n in range(1, 11)), mpq(0)) == mpq(7381, 2520)


def test_floats_of_any_precision():
    with gmpy2.context(precision=200):
        assert str(gmpy2.const_pi())[:50] == "3.141592653589793238462643383279502884197169399375"
        assert str(gmpy2.exp(mpfr(1)))[:40] == "2.71828182845904523536028747135266249775"
    assert float(gmpy2.sqrt(mpfr(2))) == 2**0.5


def test_complex_numbers():
    assert gmpy2.sqrt(mpc(-4)) == mpc(0, 2)
    assert gmpy2.norm(mpc(3, 4)) == 25


def test_errors_are_exceptions():
    with pytest.raises(ZeroDivisionError):
        mpz(1) // 0
    with gmpy2.context(trap_invalid=True), pytest.raises(gmpy2.InvalidOperationError):
        gmpy2.sqrt(mpfr(-1))
