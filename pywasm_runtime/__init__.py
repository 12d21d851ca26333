"""Embed wasm guests: engine, dynamic linker, WASI processes. The only package that imports wasmtime."""
