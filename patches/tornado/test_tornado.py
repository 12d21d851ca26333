import pytest
from tornado import escape, speedups, template, util


def test_compiled_core_is_in_use():
    assert util._websocket_mask is speedups.websocket_mask


@pytest.mark.parametrize("size", [0, 1, 4, 7, 8, 9, 1000])
def test_compiled_and_pure_agree(size):
    data, mask = bytes(n % 251 for n in range(size)), b"\x01\xfe\x80\x7f"
    masked = speedups.websocket_mask(mask, data)
    assert masked == util._websocket_mask_python(mask, data)
    assert speedups.websocket_mask(mask, masked) == data


def test_template():
    made = template.Template("{% for x in names %}<b>{{ x }}</b>{% end %}").generate(names=["a", "<"])
    assert made == b"<b>a</b><b>&lt;</b>"
    assert escape.json_decode(escape.json_encode({"a": "</"})) == {"a": "</"}
