import mmh3
import pytest


def test_it_is_the_compiled_module():
    assert mmh3.__file__.endswith(".so")


def test_known_values():
    # From the documentation, and from the tables of the reference implementation.
    assert mmh3.hash("foo") == -156908512
    assert mmh3.hash("foo", 42) == -1322301282
    assert mmh3.hash("foo", signed=False) == 4138058784
    assert mmh3.hash64("foo") == (-2129773440516405919, 9128664383759220103)
    assert mmh3.hash128("foo", 42) == 215966891540331383248189432718888555506
    assert mmh3.hash_bytes("") == bytes(16)


def test_parts_and_whole_agree():
    data = bytes(range(256)) * 40
    for kind, whole in (
        (mmh3.mmh3_32, mmh3.mmh3_32_digest(data, 7)),
        (mmh3.mmh3_x64_128, mmh3.mmh3_x64_128_digest(data, 7)),
        (mmh3.mmh3_x86_128, mmh3.mmh3_x86_128_digest(data, 7)),
    ):
        hasher = kind(seed=7)
        for start in range(0, len(data), 97):
            hasher.update(data[start : start + 97])
        assert hasher.digest() == whole


def test_errors():
    with pytest.raises(TypeError):
        mmh3.hash(1)
