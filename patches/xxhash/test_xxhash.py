import pickle

import pytest
import xxhash
from xxhash import _xxhash

# From the reference implementation's own tables (seed 0), and of its documentation.
KNOWN = [
    (xxhash.xxh32_hexdigest, b"", "02cc5d05"),
    (xxhash.xxh64_hexdigest, b"", "ef46db3751d8e999"),
    (xxhash.xxh3_64_hexdigest, b"", "2d06800538d394c2"),
    (xxhash.xxh3_128_hexdigest, b"", "99aa06d3014798d86001c324468d497f"),
    (xxhash.xxh32_hexdigest, b"a", "550d7456"),
    (xxhash.xxh64_hexdigest, b"a", "d24ec4f1a98c6e5b"),
]


def test_compiled_core_is_in_use():
    assert xxhash.xxh64 is _xxhash.xxh64
    assert xxhash.XXHASH_VERSION.split(".")[:2] == ["0", "8"]


@pytest.mark.parametrize(("digest", "data", "expected"), KNOWN)
def test_known_digests(digest, data, expected):
    assert digest(data) == expected


@pytest.mark.parametrize("kind", [xxhash.xxh32, xxhash.xxh64, xxhash.xxh3_64, xxhash.xxh3_128])
def test_parts_and_whole_agree(kind):
    data = bytes(range(256)) * 40
    hasher = kind(seed=7)
    for start in range(0, len(data), 97):
        hasher.update(data[start : start + 97])
    assert hasher.digest() == kind(data, seed=7).digest()
    assert hasher.digest() != kind(data, seed=8).digest()
    assert hasher.copy().intdigest() == hasher.intdigest()


def test_cannot_be_pickled():
    with pytest.raises(TypeError):
        pickle.dumps(xxhash.xxh64())
