"""Bound what a hostile module can make its reader, or the dynamic linker, do.

The first group is the limits that web engines agreed on (JavaScript API of the WebAssembly specification,
"Implementation-defined Limits"), so no compiler emits more. Counts need no limit of their own where each item
takes at least one byte: a count larger than the bytes that follow is refused at once.
"""

MAX_MODULE_BYTES = 1 << 30
MAX_SECTIONS = 10_000
"""Custom sections are the only ones that repeat; debug information makes a dozen of them."""
MAX_TYPE_PARAMETERS = 1000
MAX_TYPE_RESULTS = 1000
MAX_NAME_BYTES = 100_000

MAX_SIDE_MEMORY_BYTES = 1 << 30
"""Data of one side module: a quarter of a wasm32 address space; the largest known need some 20 MB."""
MAX_ALIGNMENT_LOG2 = 16
"""A wasm page. No object wants more, and the guest's allocator wastes up to the alignment on each request."""
MAX_SIDE_TABLE_SLOTS = 1_000_000
"""Functions of one side module whose address is taken; engines refuse tables above ten million slots."""
MAX_NEEDED = 1000
MAX_RUNTIME_PATHS = 100
