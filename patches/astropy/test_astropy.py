import io

import astropy.units as u
import numpy as np
import pytest
from astropy import wcs
from astropy.convolution import _convolve, convolve
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.ascii import cparser
from astropy.io.fits.hdu.compressed import _compression
from astropy.table import Table
from astropy.time import Time, _parse_times
from astropy.wcs import _wcs


def test_the_modules_are_compiled():
    modules = (_convolve, cparser, _compression, _parse_times, _wcs)
    assert all(module.__file__.endswith(".so") for module in modules)


def test_time():
    assert Time("2000-01-01T12:00:00", scale="tt").jd == 2451545.0
    assert (Time("2017-01-01") - Time("2016-12-31")).sec == 86401


def test_coordinates():
    centre = SkyCoord(l=0 * u.deg, b=0 * u.deg, frame="galactic").icrs
    assert centre.ra.deg == pytest.approx(266.40499, abs=1e-5)
    assert centre.dec.deg == pytest.approx(-28.93617, abs=1e-5)


def test_projections():
    system = wcs.WCS(naxis=2)
    system.wcs.crpix, system.wcs.cdelt, system.wcs.crval = [50, 50], [-0.1, 0.1], [10, 20]
    system.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    assert system.wcs_pix2world([[50, 50]], 1)[0] == pytest.approx([10, 20])
    sky = system.wcs_pix2world([[3, 77]], 1)
    assert system.wcs_world2pix(sky, 1)[0] == pytest.approx([3, 77])


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "PLIO_1", "HCOMPRESS_1"])
def test_compressed_images(kind):
    image, file = np.arange(64 * 64, dtype=np.int32).reshape(64, 64), io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image, compression_type=kind)]).writeto(file)
    np.testing.assert_array_equal(fits.open(io.BytesIO(file.getvalue()))[1].data, image)


def test_tables_and_convolution():
    table = Table.read(["a,b", "1,x", "2,y"], format="ascii.fast_csv")
    assert table["a"].tolist() == [1, 2]
    assert convolve([0.0, 1, np.nan, 1, 0], [1 / 3] * 3, boundary="extend")[2] == pytest.approx(1)
