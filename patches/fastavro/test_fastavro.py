import io

import fastavro
import pytest
from fastavro import _logical_readers, _logical_writers, _read, _schema, _validation, _write

SCHEMA = {
    "type": "record",
    "name": "Row",
    "fields": [
        {"name": "number", "type": "long"},
        {"name": "text", "type": ["null", "string"]},
        {"name": "values", "type": {"type": "array", "items": "double"}},
    ],
}
ROWS = [{"number": -(2**40), "text": "\u00e9", "values": [1.5, -2]}, {"number": 7, "text": None, "values": []}]


def test_the_modules_are_compiled():
    modules = (_read, _write, _schema, _validation, _logical_readers, _logical_writers)
    assert all(module.__file__.endswith(".so") for module in modules)
    assert fastavro.writer is _write.writer


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_files(codec):
    file = io.BytesIO()
    fastavro.writer(file, SCHEMA, ROWS, codec=codec)
    assert file.getvalue()[:4] == b"Obj\x01"
    file.seek(0)
    assert list(fastavro.reader(file)) == ROWS


def test_the_bytes_of_the_specification():
    file = io.BytesIO()
    fastavro.schemaless_writer(
        file,
        {"type": "record", "name": "t", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}]},
        {"a": 27, "b": "foo"},
    )
    assert file.getvalue() == b"\x36\x06foo"


def test_an_error():
    with pytest.raises(fastavro.validation.ValidationError):
        fastavro.writer(io.BytesIO(), SCHEMA, [{"number": "x", "text": None, "values": []}], validator=True)
