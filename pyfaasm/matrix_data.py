"""Offer the names of Faasm's `pyfaasm.matrix_data`: cut a matrix into pieces, and put it together again.

What differs: a matrix that cannot be cut as asked is a ValueError, where Faasm lost rows and columns; one of other
numbers than 32-bit floats is converted, where Faasm kept bytes that it read as 32-bit floats later.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pyfaasm.config import MatrixConf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix: TypeAlias = NDArray[np.float32]


def subdivide_matrix_into_files(conf: MatrixConf, mat: NDArray[Any], file_dir: str, file_prefix: str) -> None:
    """Write each piece into a file of its own."""

    def write(content: bytes, row: int, column: int) -> None:
        _file(conf, file_dir, file_prefix, row, column).write_bytes(content)

    do_subdivide_matrix(conf, mat, write)


def reconstruct_matrix_from_files(conf: MatrixConf, file_dir: str, file_prefix: str) -> Matrix:
    """Read what subdivide_matrix_into_files wrote."""
    return do_reconstruct_matrix(conf, lambda row, column: _file(conf, file_dir, file_prefix, row, column).read_bytes())


def do_subdivide_matrix(conf: MatrixConf, mat: NDArray[Any], write_func: Callable[[bytes, int, int], object]) -> None:
    """Call `write_func` with each piece's bytes, its row and its column, row by row."""
    across, size = conf.get_submatrices_per_row(conf.n_splits), conf.get_submatrix_size(conf.n_splits)
    if np.shape(mat) != (across * size, across * size):
        words = f"a matrix of {conf.matrix_size}x{conf.matrix_size} that is split {conf.n_splits} times"
        raise ValueError(f"the matrix has the shape {np.shape(mat)}: it cannot be cut as {words}")
    for row, column in np.ndindex(across, across):
        piece = mat[row * size : (row + 1) * size, column * size : (column + 1) * size]
        write_func(np.asarray(piece, np.float32).tobytes(), row, column)


def do_reconstruct_matrix(conf: MatrixConf, read_func: Callable[[int, int], bytes]) -> Matrix:
    """Put together what `read_func` gives for each row and column of pieces."""
    across, size = conf.get_submatrices_per_row(conf.n_splits), conf.get_submatrix_size(conf.n_splits)
    return np.block([[square(read_func(row, column), size) for column in range(across)] for row in range(across)])


def square(content: bytes, size: int) -> Matrix:
    """Read a piece's bytes; ValueError if there are more or fewer than `size` rows and columns take."""
    elements = np.frombuffer(content, np.float32)
    if elements.size != size * size:
        raise ValueError(f"{len(content)} bytes are no {size}x{size} matrix of 32-bit floats")
    return elements.reshape(size, size)


def _file(conf: MatrixConf, folder: str, prefix: str, row: int, column: int) -> Path:
    return Path(folder, conf.get_submatrix_key(prefix, conf.n_splits, row, column))
