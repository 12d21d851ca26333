"""Offer the names of Faasm's `pyfaasm.matrix`: multiply two matrices that are in state, by chained calls.

Each level splits both matrices in four, and chains the eight products of the parts. A function that uses this has at
its top a `distributed_divide_and_conquer` of its own, which hands its input to the one here.

What differs: a part whose call failed is a RuntimeError, where Faasm went on and read whatever was in state.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

import pywasm_host as host
from pyfaasm.config import (
    MATRIX_CONF_STATE_KEY,
    RESULT_MATRIX_KEY,
    SUBMATRICES_KEY_A,
    SUBMATRICES_KEY_B,
    MatrixConf,
)
from pyfaasm.core import await_call, chain, read_state, write_state
from pyfaasm.matrix_data import do_reconstruct_matrix, do_subdivide_matrix, square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyfaasm.matrix_data import Matrix

# A row and a column of pieces; two pieces to multiply, of A and of B; two products to add.
Place = list[int]
Product = tuple[Place, Place]
Sum = list[Product]


def write_matrix_params_to_state(matrix_size: int, n_splits: int) -> None:
    """Say for all calls how large the matrices are, and how often they are split."""
    write_state(MATRIX_CONF_STATE_KEY, np.array([matrix_size, n_splits], np.int32).tobytes())


def load_matrix_conf_from_state() -> MatrixConf:
    """Read what write_matrix_params_to_state wrote."""
    matrix_size, n_splits = np.frombuffer(read_state(MATRIX_CONF_STATE_KEY, 8), np.int32).tolist()
    return MatrixConf(matrix_size, n_splits)


def random_matrix(size: int) -> Matrix:
    """Make a matrix of numbers between 0 and 1."""
    return np.random.rand(size, size).astype(np.float32)


def subdivide_matrix_into_state(conf: MatrixConf, mat: NDArray[Any], key_prefix: str) -> None:
    """Write each piece of a matrix under a state key of its own."""

    def write(content: bytes, row: int, column: int) -> None:
        write_state(conf.get_submatrix_key(key_prefix, conf.n_splits, row, column), content)

    do_subdivide_matrix(conf, mat, write)


def read_input_submatrix(conf: MatrixConf, key_prefix: str, row_idx: int, col_idx: int) -> Matrix:
    """Read a piece that subdivide_matrix_into_state wrote."""
    content = _read_piece(conf, key_prefix, row_idx, col_idx)
    return square(content, conf.get_submatrix_size(conf.n_splits))


def reconstruct_matrix_from_submatrices(conf: MatrixConf, key_prefix: str) -> Matrix:
    """Read a whole matrix that subdivide_matrix_into_state wrote."""
    return do_reconstruct_matrix(conf, lambda row, column: _read_piece(conf, key_prefix, row, column))


def distributed_divide_and_conquer(input_bytes: bytes) -> None:
    """Do the work of one chained call: multiply two pieces, and write the product into state.

    input_bytes: split level, row and column in A, row and column in B, each a 32-bit number.
    """
    conf = load_matrix_conf_from_state()
    level, row_a, col_a, row_b, col_b = np.frombuffer(input_bytes, np.int32).tolist()
    result = _multiply(conf, level, row_a, col_a, row_b, col_b)
    write_state(conf.get_intermediate_result_key(level, row_a, col_a, row_b, col_b), result.tobytes())


def divide_and_conquer() -> None:
    """Multiply the two matrices in state, and write the product there."""
    conf = load_matrix_conf_from_state()
    print(f"Multiplying two {conf.matrix_size}x{conf.matrix_size} matrices, split {conf.n_splits} times")
    write_state(RESULT_MATRIX_KEY, _multiply(conf, 0, 0, 0, 0, 0).tobytes())


def get_addition_result(conf: MatrixConf, split_level: int, addition_def: Sum) -> Matrix:
    """Add two products of pieces, which calls have written into state."""
    one, other = (_read_product(conf, split_level, factors) for factors in addition_def)
    return one + other


def chain_multiplications(conf: MatrixConf, split_level: int, row_a: int, col_a: int, row_b: int, col_b: int) -> Matrix:
    """Multiply two pieces by eight chained calls, one for each product of their quarters.

    split_level: of the two pieces. Rows and columns count pieces of that level.
    """
    level = int(split_level) + 1
    sums = [
        [([2 * row_a + row, 2 * col_a + inner], [2 * row_b + inner, 2 * col_b + column]) for inner in range(2)]
        for row, column in product(range(2), repeat=2)
    ]
    calls = [(factors, _chain_product(level, factors)) for one in sums for factors in one]
    failed = [(factors, number) for factors, number in calls if await_call(number)]
    if failed:
        (one, other), number = failed[0]
        words = f"{len(failed)} of 8 products failed at split level {level}, first A{one} B{other}"
        raise RuntimeError(f"{words}: {host.await_call(number).error}")
    top_left, top_right, left, right = (get_addition_result(conf, level, one) for one in sums)
    return np.block([[top_left, top_right], [left, right]])


def _multiply(conf: MatrixConf, level: int, row_a: int, col_a: int, row_b: int, col_b: int) -> Matrix:
    if level < conf.n_splits:
        return chain_multiplications(conf, level, row_a, col_a, row_b, col_b)
    one = read_input_submatrix(conf, SUBMATRICES_KEY_A, row_a, col_a)
    return one @ read_input_submatrix(conf, SUBMATRICES_KEY_B, row_b, col_b)


def _chain_product(level: int, factors: Product) -> int:
    one, other = factors
    return chain(distributed_divide_and_conquer, np.array([level, *one, *other], np.int32).tobytes())


def _read_product(conf: MatrixConf, level: int, factors: Product) -> Matrix:
    one, other = factors
    content = read_state(conf.get_intermediate_result_key(level, *one, *other), conf.get_bytes_per_submatrix(level))
    return square(content, conf.get_submatrix_size(level))


def _read_piece(conf: MatrixConf, key_prefix: str, row: int, column: int) -> bytes:
    key = conf.get_submatrix_key(key_prefix, conf.n_splits, row, column)
    return read_state(key, conf.get_bytes_per_submatrix(conf.n_splits))
