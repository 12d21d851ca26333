import h5py
import numpy as np
import pytest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.h5"


def test_it_is_compiled():
    assert h5py.h5d.__file__.endswith(".so")
    assert h5py.version.hdf5_version_tuple == h5py.version.hdf5_built_version_tuple


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"compression": "lzf", "shuffle": True}])
def test_round_trip(path, options):
    value = np.arange(60_000, dtype="f8").reshape(200, 300)
    with h5py.File(path, "w") as file:
        file.create_dataset("a/b", data=value, chunks=(50, 100), fletcher32=True, **options)
        file["a"].attrs["unit"] = "m²"
    if options:
        assert path.stat().st_size < value.nbytes / 2
    with h5py.File(path) as file:
        assert file["a"].attrs["unit"] == "m²"
        assert np.array_equal(file["a/b"][()], value)
        assert file["a/b"][10:12, ::100].tolist() == [[3000, 3100, 3200], [3300, 3400, 3500]]


def test_datasets_grow(path):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (0,), maxshape=(None,), dtype="i4")
        for n in range(5):
            data.resize((n + 1,))
            data[n] = n * n
    with h5py.File(path) as file:
        assert file["x"][()].tolist() == [0, 1, 4, 9, 16]


def test_types(path):
    record = np.array([(1, 2.5, b"x"), (3, 4.5, b"yz")], dtype=[("i", "<i4"), ("f", ">f8"), ("s", "S2")])
    with h5py.File(path, "w") as file:
        file["record"] = record
        file["half"] = np.array([1.5, -2], dtype="f2")
        file["complex"] = np.array([1 + 2j])
        file["text"] = ["eins", "zwei", "drüü"]
        file.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype("i8"))[0] = [1, 2, 3]
    with h5py.File(path) as file:
        assert file["record"][()].tolist() == record.tolist()
        assert file["half"][()].tolist() == [1.5, -2]
        assert file["complex"][0] == 1 + 2j
        assert file["text"].asstr()[()].tolist() == ["eins", "zwei", "drüü"]
        assert file["ragged"][0].tolist() == [1, 2, 3]


def test_callbacks_of_python(path):
    found = []
    with h5py.File(path, "w") as file:
        file.create_group("a/b/c")
        file.visit(found.append)
    assert found == ["a", "a/b", "a/b/c"]


def test_errors_of_hdf5_are_exceptions(path):
    path.write_bytes(b"no HDF5 file" * 100)
    with pytest.raises(OSError, match="file signature not found"):
        h5py.File(path)
    with h5py.File(path, "w") as file, pytest.raises(KeyError, match="object 'x' doesn't exist"):
        file["x"]
