"""Offer the names of Faasm's `pyfaasm.config`: how matrices are cut, and under which state keys the pieces are.

Matrices are square, of 32-bit floats. Each split cuts both sides of every piece in halves; split level 0 is the whole.
"""

from dataclasses import dataclass

NP_ELEMENT_SIZE = 4
"""Bytes of one element."""

SUBMATRICES_KEY_A = "mat_a"
SUBMATRICES_KEY_B = "mat_b"
INTERMEDIATE_RESULT_PREFIX = "intermediate"
RESULT_MATRIX_KEY = "result_matrix"
MATRIX_CONF_STATE_KEY = "matrix_state"


@dataclass(eq=False)
class MatrixConf:
    """Hold how large a matrix is and how often it is split; sizes are in rows, which are as many as columns."""

    matrix_size: int
    n_splits: int

    @property
    def bytes_per_matrix(self) -> int:
        """Give the bytes of a whole matrix."""
        return self.get_bytes_per_submatrix(0)

    def get_submatrices_per_row(self, split_level: int) -> int:
        """Give how many pieces lie beside each other at a level."""
        return 1 << int(split_level)

    def get_submatrix_size(self, split_level: int) -> int:
        """Give the size of a piece at a level."""
        return int(self.matrix_size) >> int(split_level)

    def get_bytes_per_submatrix(self, split_level: int) -> int:
        """Give the bytes of a piece at a level."""
        return self.get_submatrix_size(split_level) ** 2 * NP_ELEMENT_SIZE

    def get_intermediate_result_key(self, split_level: int, row_a: int, col_a: int, row_b: int, col_b: int) -> str:
        """Give the state key of the product of two pieces; rows and columns count pieces of that level."""
        return f"{INTERMEDIATE_RESULT_PREFIX}_{split_level}_{row_a}_{col_a}_{row_b}_{col_b}"

    def get_submatrix_key(self, key_prefix: str, split_level: int, row_idx: int, col_idx: int) -> str:
        """Give the state key, or file name, of a piece."""
        return f"{key_prefix}_{split_level}_{row_idx}_{col_idx}"
