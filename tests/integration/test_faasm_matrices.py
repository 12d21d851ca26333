"""Faasm's matrices, `pyfaasm.matrix` and `pyfaasm.matrix_data`, where numpy is: in the guest."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from tests.integration.functions import Functions

# As Faasm's functions use the module: what is chained must be at the top of the file, with or without a parameter.
MULTIPLIER = """
import pyfaasm.matrix as mat
from pyfaasm.core import get_input, set_output

def divide_and_conquer():
    mat.divide_and_conquer()
    set_output(b"done")

def distributed_divide_and_conquer():
    mat.distributed_divide_and_conquer(get_input())

def faasm_main():
    divide_and_conquer()
    return 0
"""
SHORT = "from pyfaasm.matrix import distributed_divide_and_conquer, divide_and_conquer as faasm_main\n"

HANDLER = """
import struct, tempfile
import numpy as np
from pyfaasm import core, matrix, matrix_data
from pyfaasm.config import RESULT_MATRIX_KEY, SUBMATRICES_KEY_A, SUBMATRICES_KEY_B, MatrixConf

KEYS = SUBMATRICES_KEY_A, SUBMATRICES_KEY_B

def prepare(content):
    size, splits = struct.unpack("<2i", content)
    matrix.write_matrix_params_to_state(size, splits)
    conf = matrix.load_matrix_conf_from_state()
    assert (type(conf), conf.matrix_size, conf.n_splits) == (MatrixConf, size, splits)
    for key in KEYS:
        random = matrix.random_matrix(size)
        assert (random.dtype, random.shape, 0 <= random.min() <= random.max() < 1) == (np.float32, (size, size), True)
        matrix.subdivide_matrix_into_state(conf, random, key)
        np.testing.assert_array_equal(matrix.reconstruct_matrix_from_submatrices(conf, key), random)
        corner = matrix.read_input_submatrix(conf, key, 2**splits - 1, 0)
        part = size // 2**splits
        np.testing.assert_array_equal(corner, random[-part:, :part])

def check():
    conf = matrix.load_matrix_conf_from_state()
    one, other = (matrix.reconstruct_matrix_from_submatrices(conf, key) for key in KEYS)
    content = core.read_state(RESULT_MATRIX_KEY, conf.bytes_per_matrix)
    np.testing.assert_allclose(np.frombuffer(content, np.float32).reshape(one.shape), one @ other, rtol=1e-4)

def files():
    conf = MatrixConf(12, 1)
    whole = np.arange(144.0).reshape(12, 12)
    with tempfile.TemporaryDirectory() as folder:
        matrix_data.subdivide_matrix_into_files(conf, whole, folder, "part")
        with open(folder + "/part_1_0_1", "rb") as file:
            np.testing.assert_array_equal(np.fromfile(file, np.float32).reshape(6, 6), whole[:6, 6:])
        read = matrix_data.reconstruct_matrix_from_files(conf, folder, "part")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, whole)

def wrong_shape():
    matrix.subdivide_matrix_into_state(MatrixConf(10, 2), matrix.random_matrix(10), "key")

def wrong_size():
    matrix_data.do_reconstruct_matrix(MatrixConf(4, 1), lambda row, column: bytes(12))

def sums():
    conf = MatrixConf(4, 1)
    for number, key in enumerate((conf.get_intermediate_result_key(1, 0, 1, 1, 0), "intermediate_1_1_1_0_0"), 1):
        core.write_state(key, np.full(4, number, np.float32).tobytes())
    added = matrix.get_addition_result(conf, 1, [([0, 1], [1, 0]), ([1, 1], [0, 0])])
    assert added.tolist() == [[3, 3], [3, 3]]

def lose_a_part():
    conf = matrix.load_matrix_conf_from_state()
    import pywasm_host
    pywasm_host.delete_state(conf.get_submatrix_key(SUBMATRICES_KEY_B, conf.n_splits, 1, 0))
"""


@pytest.fixture(scope="module")
def matrices(functions: Functions) -> Iterator[Functions]:
    """Upload a multiplier as Faasm's are, a shorter one, and what prepares and checks their matrices."""
    functions.upload("multiplier", MULTIPLIER)
    functions.upload("short", SHORT)
    functions.upload("handler", HANDLER, entry="check")
    yield functions


def prepare(matrices: Functions, size: int, splits: int) -> None:
    matrices.output("handler", struct.pack("<2i", size, splits), entry="prepare")


@pytest.mark.parametrize(("size", "splits"), [(1, 0), (6, 0), (16, 1), (24, 2)])
@pytest.mark.parametrize(("name", "output"), [("multiplier", b"done"), ("short", b"")])
def test_products(matrices: Functions, name: str, output: bytes, size: int, splits: int) -> None:
    prepare(matrices, size, splits)
    call = matrices.call(name)
    assert call.outcome is not None
    assert (call.outcome.error, call.outcome.output) == ("", output)
    matrices.output("handler")


@pytest.mark.parametrize("entry", ["files", "sums"])
def test_parts(matrices: Functions, entry: str) -> None:
    matrices.output("handler", entry=entry)


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("wrong_shape", r"(10, 10): it cannot be cut as a matrix of 10x10 that is split 2 times"),
        ("wrong_size", "12 bytes are no 2x2 matrix of 32-bit floats"),
    ],
)
def test_what_does_not_fit(matrices: Functions, entry: str, error: str) -> None:
    call = matrices.call("handler", entry=entry)
    assert call.outcome is not None
    assert error in call.outcome.error


def test_a_part_that_fails_is_named(matrices: Functions) -> None:
    prepare(matrices, 8, 1)
    matrices.output("handler", entry="lose_a_part")
    call = matrices.call("multiplier")
    assert call.outcome is not None
    words = "RuntimeError: 2 of 8 products failed at split level 1, first A[0, 1] B[1, 0]: NotFound: state key"
    assert call.outcome.error.startswith(f"{words} 'mat_b_1_1_0'")


def test_a_function_without_the_chained_entry(functions: Functions, matrices: Functions) -> None:
    prepare(matrices, 8, 1)
    functions.upload("alone", "import pyfaasm.matrix\ndef faasm_main(): pyfaasm.matrix.divide_and_conquer()\n")
    call = functions.call("alone")
    assert call.outcome is not None
    assert call.outcome.error.startswith("RuntimeError: 8 of 8 products failed")
    assert call.outcome.error.endswith("no entry 'distributed_divide_and_conquer'")
