"""Run `python-wasm` as `python -m pywasm_runtime`."""

from pywasm_runtime.cli import main

main()
