import io

import pytest
from PIL import Image, ImageCms, ImageDraw, ImageFont, UnidentifiedImageError, _imaging, features

SIZE = (64, 48)


@pytest.fixture
def picture():
    return Image.linear_gradient("L").resize(SIZE).convert("RGB")


def stored(picture, form, **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def loaded(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def test_libraries_are_compiled_in():
    wanted = {"zlib", "jpg", "jpg_2000", "libtiff", "freetype2", "littlecms2", "webp", "raqm", "harfbuzz", "fribidi"}
    assert wanted <= set(features.get_supported())
    assert features.check("libjpeg_turbo")
    assert _imaging.__file__.endswith(".so")


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "lzma"}),
        ("TIFF", {"compression": "zstd"}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {}),
        ("BMP", {}),
    ],
)
def test_round_trip(picture, form, options):
    assert loaded(stored(picture, form, **options)).tobytes() == picture.tobytes()


def test_jpeg_is_close(picture):
    found = loaded(stored(picture, "JPEG", quality=95))
    assert (found.size, found.mode) == (SIZE, "RGB")
    differences = [abs(a - b) for a, b in zip(found.tobytes(), picture.tobytes(), strict=True)]
    assert max(differences) <= 8


def test_a_damaged_jpeg_is_an_exception():
    # libjpeg misses its quantization tables, and leaves by longjmp.
    data = stored(Image.new("RGB", SIZE, "red"), "JPEG")
    damaged = data.replace(b"\xff\xdb", b"\xff\xfe")
    assert damaged != data
    with pytest.raises(OSError, match="broken data stream"):
        loaded(damaged)


def test_a_truncated_jpeg_is_an_exception(picture):
    with pytest.raises(OSError, match="truncated"):
        loaded(stored(picture, "JPEG")[:-200])


def test_libtiff_refuses_what_it_cannot_write(picture):
    with pytest.raises(OSError, match="encoder error"):
        stored(picture.convert("RGB"), "TIFF", compression="group4")


def test_no_image_is_an_exception():
    with pytest.raises(UnidentifiedImageError):
        loaded(b"no image")


def test_resampling_gives_known_values():
    image = Image.frombytes("L", (4, 1), bytes([0, 100, 200, 100]))
    assert image.resize((2, 1), Image.Resampling.BOX).tobytes() == bytes([50, 150])


def test_text_is_shaped_by_harfbuzz():
    font = ImageFont.load_default(24).font_variant(layout_engine=ImageFont.Layout.RAQM)
    assert font.layout_engine == ImageFont.Layout.RAQM
    image = Image.new("L", (100, 40))
    ImageDraw.Draw(image).text((5, 5), "wasm", font=font, fill=255)
    left, top, right, bottom = image.getbbox()
    assert right - left > 40
    assert bottom - top > 8
    assert image.getextrema() == (0, 255)


def test_colours_are_converted_by_littlecms():
    source, target = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    transform = ImageCms.buildTransform(source, target, "RGB", "LAB")
    white = ImageCms.applyTransform(Image.new("RGB", (1, 1), "white"), transform)
    assert white.getpixel((0, 0)) == (255, 128, 128)
