"""Run functions that were written for Faasm as they are: its Python names, over `pywasm_host`.

New functions are better off with `pywasm_host` itself: its errors are exceptions, and it has more to offer.
"""

# As in Faasm, matrix and matrix_data are imported only by those who name them: they need numpy.
from pyfaasm import config, core, objects

__all__ = ["config", "core", "objects"]
