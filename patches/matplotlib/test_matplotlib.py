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


def pixels(figure):
    """Return the figure's colours: rows from the top, columns, and red, green, blue from 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(drawn(figure))).convert("RGB"))


def quarter(figure, left, bottom):
    axes = figure.add_axes((left, bottom, 0.5, 0.5))
    axes.axis("off")
    return axes


def test_lines_contours_an_image_and_text_have_their_pixels():
    figure = plt.figure(figsize=(4, 4), dpi=100)
    lines, contours, image, text = (quarter(figure, *at) for at in ((0, 0.5), (0.5, 0.5), (0, 0), (0.5, 0)))
    lines.set(xlim=(0, 1), ylim=(0, 1))
    lines.plot([0, 1], [0.5, 0.5], color="blue", linewidth=6)
    lines.plot([0.25], [0.25], "s", color="red", markersize=20)
    axis = np.linspace(-1, 1, 21)
    x, y = np.meshgrid(axis, axis)
    contours.contourf(x, y, x + y / 2, levels=[-2, 0, 2], colors=["red", "lime"])
    contours.contour(x, y, x + y / 2, levels=[0], colors=["black"], linewidths=4)
    image.imshow(np.array([[0, 1], [1, 0]]), cmap="gray", interpolation="nearest", aspect="auto")
    text.text(0.5, 0.5, "HI", fontsize=60, horizontalalignment="center", verticalalignment="center")

    found = pixels(figure)

    black, white, red, lime, blue = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)
    assert found.shape == (400, 400, 3)
    expected = {
        # Row and column: the line and the marker below it,
        (100, 10): blue, (100, 100): blue, (90, 100): white, (150, 50): red,
        # two areas and the contour between them, which is not upright,
        (100, 250): red, (100, 350): lime, (100, 300): black, (150, 325): black, (150, 310): red,
        # the four fields of the image.
        (210, 10): black, (210, 190): white, (390, 10): white, (390, 190): black,
    }  # fmt: skip
    assert {at: tuple(map(int, found[at])) for at in expected} == expected
    ink = found[200:, 200:].max(axis=2) < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    # The font's capitals are 1493/2048 of its size high; H has two stems, I one.
    assert np.ptp(rows) + 1 == pytest.approx(60 * 100 / 72 * 1493 / 2048, abs=2)
    assert np.count_nonzero(np.diff(columns) > 1) == 1
    assert np.count_nonzero(np.diff(ink[rows[5]].astype(int)) == 1) == 3


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
