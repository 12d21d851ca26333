"""Cross-compile CPython and Python packages to WebAssembly: the half of pywasm that builds."""
