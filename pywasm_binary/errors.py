"""Name what can go wrong while a wasm binary is read.

BinaryError
└── MalformedModule     the bytes are not a module, or one that this reader accepts
"""


class BinaryError(Exception):
    """Be the base of every error of this package."""


class MalformedModule(BinaryError):
    """Say that a module cannot be read: `offset` (bytes from the start of the module) and `reason`."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"malformed wasm module at byte {offset}: {reason}")
        self.offset = offset
        self.reason = reason
