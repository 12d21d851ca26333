import numpy as np
import pytest
from pycocotools import _mask, mask


def test_the_module_is_compiled():
    assert _mask.__file__.endswith(".so")


def test_masks():
    square = np.zeros((4, 5), dtype=np.uint8, order="F")
    square[1:3, 1:4] = 1
    packed = mask.encode(square)
    assert packed["size"] == [4, 5]
    assert mask.area(packed) == 6
    assert mask.toBbox(packed).tolist() == [1, 1, 3, 2]
    np.testing.assert_array_equal(mask.decode(packed), square)


def test_polygons_and_overlaps():
    (packed,) = mask.frPyObjects([[0, 0, 0, 10, 10, 10, 10, 0]], 20, 20)
    assert mask.area(packed) == 100
    assert mask.iou([[0, 0, 10, 10]], [[5, 0, 10, 10], [20, 20, 1, 1]], [0, 0])[0] == pytest.approx([1 / 3, 0])


def test_an_error():
    with pytest.raises(Exception, match="not supported"):
        mask.frPyObjects("no object", 1, 1)
