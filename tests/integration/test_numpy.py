"""numpy in the guest computes what numpy computes natively; the numbers below come from x86-64."""

import json
import math
from typing import Any

from tests.integration.chain import Chain, printed


def values(chain: Chain, code: str) -> Any:
    """Run statements that put their results into the list `found`."""
    prologue = "import json, sys, numpy as np\nfound = []\n"
    return json.loads(printed(chain.python("-c", f"{prologue}{code}\nprint(json.dumps(found))")))


def close(found: Any, expected: Any) -> bool:
    """Compare nested lists of numbers up to rounding: loops without SIMD add up in another order."""
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return math.isclose(found, expected, rel_tol=1e-12)


RANDOM = """
rng = np.random.default_rng(20240607)
found += [rng.integers(0, 10**12, 3).tolist(), rng.random(2).tolist(), rng.standard_normal(2).tolist()]
found += [rng.permutation(6).tolist(), rng.choice(list("abcdef"), 4).tolist()]
found += [np.random.Generator(np.random.MT19937(1)).gamma(2.5, size=2).tolist()]
found += [np.random.Generator(np.random.Philox(1)).binomial(100, .3, 3).tolist()]
found += [np.random.Generator(np.random.SFC64(1)).poisson(7.5, 3).tolist()]
old = np.random.RandomState(42)
found += [old.rand(2).tolist(), old.randn(2).tolist(), old.randint(0, 1000, 3).tolist()]
"""


def test_random_numbers_are_the_same_bit_for_bit(chain: Chain) -> None:
    assert values(chain, RANDOM) == [
        [133775824828, 409301641320, 479133613378],
        [0.8537254587407795, 0.6438938494845718],
        [1.3115753704454038, 0.35092551857021514],
        [1, 0, 4, 5, 2, 3],
        ["d", "e", "f", "a"],
        [6.791598402244715, 3.4285701946655682],
        [23, 24, 19],
        [11, 9, 5],
        [0.3745401188473625, 0.9507143064099162],
        [0.6476885381006925, 1.5230298564080254],
        [614, 121, 466],
    ]


LINALG = """
n = np.arange(16.0).reshape(4, 4) ** 0.5 + np.eye(4)
found += [np.linalg.det(n), np.linalg.eigvals(n).real.max(), np.linalg.svd(n)[1].tolist()]
found += [np.linalg.cond(n), np.linalg.norm(n), float(abs(np.linalg.inv(n) @ n - np.eye(4)).max() < 1e-13)]
found += [np.linalg.solve(n, np.ones(4)).sum(), np.linalg.matrix_power(n, 3).trace()]
"""


def test_linear_algebra(chain: Chain) -> None:
    singular = [11.857073756833067, 0.9999205299580696, 0.9546949333113155, 0.20291971528136216]
    expected = [-2.296845953634646, 11.541541472266129, singular, 58.43233980686607, 11.939122998267134, 1.0]
    found = values(chain, LINALG)
    assert close(found[:6], expected), found


def test_transforms_and_functions(chain: Chain) -> None:
    code = """
found += [np.abs(np.fft.rfft(np.sin(np.arange(10.)))).tolist()]
found += [float(np.sin(np.arange(1000.)).sum()), float(np.exp(np.linspace(-5, 5, 101)).sum())]
found += [float(np.float32(1) / np.float32(3)), float(np.longdouble("1e4000") > 1e300)]
"""
    magnitudes = [
        *(1.95520948210738, 3.207180591382096, 3.270682443250057),
        *(0.7079083531237248, 0.3238890733339976, 0.23033412222296135),
    ]
    found = values(chain, code)
    assert close(found[0], magnitudes)
    assert math.isclose(found[1], -0.01290990645883694, rel_tol=1e-10)  # a sum that nearly vanishes
    assert close(found[2:], [1559.510674185895, 0.3333333432674408, 1.0])


def test_arrays(chain: Chain) -> None:
    code = """
a = np.arange(24, dtype=np.int64).reshape(2, 3, 4)
found += [a[:, ::-1, 1:3].tolist(), a.sum(axis=(0, 2)).tolist(), a.transpose(2, 0, 1).shape]
found += [np.einsum("ijk,ljk->il", a, a).tolist(), np.sort(a.ravel() % 7)[:5].tolist(), a.itemsize]
found += [(np.array([1, 2**62]) * 2).tolist(), np.intp(0).itemsize, np.array(["é", "b"]).dtype.str]
found += [str(np.datetime64("2024-02-29") + np.timedelta64(1, "D"))]
r = np.zeros(2, dtype=[("x", "<f4"), ("y", "i8")]); r["y"] = 5
found += [r.tolist(), np.nanmean([1, np.nan, 3]), np.unique([3, 1, 3]).tolist()]
"""
    found = values(chain, code)
    assert found == [
        [[[9, 10], [5, 6], [1, 2]], [[21, 22], [17, 18], [13, 14]]],
        [60, 92, 124],
        [4, 2, 3],
        [[506, 1298], [1298, 3818]],
        [0, 0, 0, 0, 1],
        8,
        [2, -(2**63)],
        4,
        "<U1",
        "2024-03-01",
        [[0.0, 5], [0.0, 5]],
        2.0,
        [1, 3],
    ]


def test_errors_of_floating_point_and_of_singular_matrices(chain: Chain) -> None:
    code = """
def attempt(body):
    try:
        with np.errstate(all="raise"):
            body()
    except (FloatingPointError, np.linalg.LinAlgError) as error:
        found.append(str(error))
attempt(lambda: np.linalg.inv(np.zeros((2, 2))))
attempt(lambda: np.linalg.cholesky([[1.0, 2.0], [2.0, 1.0]]))
"""
    assert values(chain, code) == ["Singular matrix", "Matrix is not positive definite"]


def test_files_and_pickles(chain: Chain, tmp_path: Any) -> None:
    code = """
import io, pickle
a = np.random.default_rng(1).random((3, 4))
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    found.append(bool((pickle.loads(pickle.dumps(a, protocol)) == a).all()))
np.save("a.npy", a)
found.append(bool((np.load("a.npy") == a).all()))
found.append(pickle.loads(pickle.dumps(np.sin)) is np.sin)
np.savetxt("a.txt", a)
found.append(bool(np.allclose(np.loadtxt("a.txt"), a)))
"""
    prologue = "import json, numpy as np\nfound = []\n"
    ended = chain.python("--dir", ".", "-c", f"{prologue}{code}\nprint(json.dumps(found))", cwd=tmp_path)
    assert set(json.loads(printed(ended))) == {True}
    assert (tmp_path / "a.npy").read_bytes()[:6] == b"\x93NUMPY"
