import struct

import pytest
from google._upb import _message
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    json_format,
    message,
    message_factory,
    struct_pb2,
    text_format,
    timestamp_pb2,
)
from google.protobuf.internal import api_implementation

FIELD = descriptor_pb2.FieldDescriptorProto


def test_compiled_core_is_in_use():
    assert api_implementation.Type() == "upb"
    assert type(descriptor_pool.Default()) is _message.DescriptorPool


@pytest.fixture(scope="module")
def kind():
    """A message type that is described here, without a generated module."""
    file = descriptor_pb2.FileDescriptorProto(name="points.proto", package="points", syntax="proto3")
    made = file.message_type.add(name="Point")
    made.field.add(name="x", number=1, type=FIELD.TYPE_SINT64, label=FIELD.LABEL_OPTIONAL)
    made.field.add(name="y", number=2, type=FIELD.TYPE_DOUBLE, label=FIELD.LABEL_OPTIONAL)
    made.field.add(name="names", number=3, type=FIELD.TYPE_STRING, label=FIELD.LABEL_REPEATED)
    made.field.add(
        name="next", number=4, type=FIELD.TYPE_MESSAGE, label=FIELD.LABEL_OPTIONAL, type_name=".points.Point"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("points.Point"))


def test_bytes_on_the_wire(kind):
    point = kind(x=-3, y=1.5, names=["a", "\u00e9"])
    point.next.x = 2**62
    data = point.SerializeToString(deterministic=True)
    rest = b"\x1a\x01a\x1a\x02\xc3\xa9" + b"\x22\x0b\x08" + b"\x80" * 9 + b"\x01"
    assert data == b"\x08\x05\x11" + struct.pack("<d", 1.5) + rest
    again = kind.FromString(data)
    assert again == point
    assert (again.x, again.y, list(again.names), again.next.x) == (-3, 1.5, ["a", "\u00e9"], 2**62)


def test_damaged_bytes(kind):
    with pytest.raises(message.DecodeError):
        kind.FromString(b"\x1a\x7fshort")


def test_types_are_checked(kind):
    with pytest.raises(ValueError):
        kind(x=2**63)
    with pytest.raises(TypeError):
        kind(names=[1])


def test_text_and_json(kind):
    point = kind(x=7, names=["a"])
    assert text_format.MessageToString(point) == 'x: 7\nnames: "a"\n'
    assert json_format.MessageToDict(point) == {"x": "7", "names": ["a"]}
    assert json_format.Parse('{"x": "7", "names": ["a"]}', kind()) == point


def test_well_known_types():
    stamp = timestamp_pb2.Timestamp()
    stamp.FromJsonString("2026-01-02T03:04:05.5Z")
    assert (stamp.seconds, stamp.nanos) == (1767323045, 500000000)
    box = any_pb2.Any()
    box.Pack(stamp)
    found = timestamp_pb2.Timestamp()
    assert box.Unpack(found)
    assert found == stamp
    values = struct_pb2.Struct()
    values.update({"a": [1, None, {"b": "c"}]})
    assert json_format.MessageToDict(values) == {"a": [1.0, None, {"b": "c"}]}
