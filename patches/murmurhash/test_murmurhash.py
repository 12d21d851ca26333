import pytest
from murmurhash import mrmr


def test_the_module_is_compiled():
    assert mrmr.__file__.endswith(".so")


# The published values of MurmurHash3_x86_32.
@pytest.mark.parametrize(
    ("text", "seed", "value"),
    [
        ("", 0, 0),
        ("", 1, 0x514E28B7),
        ("hello world", 0, 0x5E928F0F),
        ("The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
    ],
)
def test_known_values(text, seed, value):
    assert mrmr.hash(text, seed) & 0xFFFFFFFF == value
    assert mrmr.hash(text.encode(), seed) & 0xFFFFFFFF == value
