"""Use numpy: arrays, broadcasting, indexing, linear algebra, random numbers."""

import numpy as np

import pywasm_host as host


def faasm_main() -> None:
    """Check some results, and write numpy's version and the names of the checks."""
    checks = {
        "arrays": arrays_hold(),
        "broadcasting": bool((np.arange(9.0).reshape(3, 3) * np.arange(3.0)).sum() == 42.0),
        "linear algebra": algebra_holds(),
        "random": bool((np.random.default_rng(1).integers(0, 100, 5) == [47, 51, 75, 95, 3]).all()),
        "printing": str(np.array([[1.5, 2.0]])) == "[[1.5 2. ]]",
    }
    if failed := [name for name, holds in checks.items() if not holds]:
        raise ValueError(f"these do not hold: {', '.join(failed)}")
    host.write_output_text(f"numpy {np.__version__}: {', '.join(checks)}")


def arrays_hold() -> bool:
    """Change parts of an array."""
    array = np.arange(10.0)
    array[1], array[5:8] = 7.2, [41, 42, 43]
    masked = array[array > 40]
    return bool(masked.sum() == 126.0 and array[1] == 7.2 and array[::-1][0] == 9.0)


def algebra_holds() -> bool:
    """Solve equations; take eigenvalues and a Fourier transform."""
    matrix = np.array([[3.0, 1.0], [1.0, 2.0]])
    solved = np.allclose(matrix @ np.linalg.solve(matrix, [9.0, 8.0]), [9.0, 8.0])
    values = np.allclose(np.linalg.eigvalsh(matrix).sum(), np.trace(matrix))
    signal = np.sin(np.arange(64) * 2 * np.pi * 5 / 64)
    return bool(solved and values and np.abs(np.fft.rfft(signal)).argmax() == 5)
