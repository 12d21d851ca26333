import io
import struct

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import _image, _path, _qhull, _tri, ft2font
from matplotlib.backends import _backend_agg
from matplotlib.path import Path
from matplotlib.tri import Triangulation
from PIL import Image


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def drawn(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@pytest.mark.parametrize("module", [_backend_agg, _image, _path, _qhull, _tri, ft2font])
def test_it_is_compiled(module):
    assert module.__file__.endswith(".so")


def test_a_png_is_drawn():
    figure, axes = plt.subplots(figsize=(4, 3), dpi=100)
    axes.plot([0, 1, 2], [0, 1, 4], label=r"$x^2$")
    axes.set_title("quadratic")
    axes.legend()
    data = drawn(figure)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (400, 300)


def test_pixels_have_their_colours():
    figure = plt.figure(figsize=(2, 2), dpi=50)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(np.array([[0, 1], [1, 0]]), cmap="gray", interpolation="nearest", aspect="auto")
    axes.plot([0.5], [0.5], "s", color="red", markersize=20)
    picture = Image.open(io.BytesIO(drawn(figure))).convert("RGB")
    assert picture.getpixel((10, 10)) == (0, 0, 0)
    assert picture.getpixel((90, 10)) == (255, 255, 255)
    assert picture.getpixel((50, 50)) == (255, 0, 0)


def test_contours_triangles_and_text_make_one_figure():
    axis = np.linspace(-1, 1, 30)
    x, y = np.meshgrid(axis, axis)
    figure, axes = plt.subplots(1, 3)
    assert len(axes[0].contourf(x, y, x * y, levels=5).get_paths()) == 6
    axes[1].tripcolor(x.ravel(), y.ravel(), (x + y).ravel())
    axes[2].text(0.1, 0.5, "AVA fi \u0644\u0627 " + r"$\int_0^\infty e^{-x^2} dx$")
    assert len(drawn(figure)) > 5000


@pytest.mark.parametrize("form", ["svg", "pdf", "ps"])
def test_other_formats(form):
    figure, axes = plt.subplots()
    axes.bar(["a", "b"], [1, 2])
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form)
    assert {"svg": b"</svg>", "pdf": b"%%EOF", "ps": b"showpage"}[form] in buffer.getvalue()


def test_qhull_finds_the_triangles():
    assert len(Triangulation([0, 1, 1, 0, 0.5], [0, 0, 1, 1, 0.5]).triangles) == 4
    with pytest.raises(RuntimeError, match="qhull"):
        Triangulation([0, 1, 2], [0, 1, 2])


def test_paths():
    square = Path([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])
    assert square.contains_points([(0.5, 0.5), (1.5, 0.5)]).tolist() == [True, False]
    assert square.get_extents().size.tolist() == [1, 1]
