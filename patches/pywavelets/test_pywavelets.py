import numpy as np
import pytest
import pywt
from pywt._extensions import _cwt, _dwt, _pywt, _swt


@pytest.mark.parametrize("module", [_cwt, _dwt, _pywt, _swt])
def test_it_is_compiled(module):
    assert module.__file__.endswith(".so")


def test_haar_gives_known_values():
    approximation, detail = pywt.dwt([1, 2, 3, 4], "haar")
    assert approximation == pytest.approx(np.array([3, 7]) / np.sqrt(2))
    assert detail == pytest.approx(np.array([-1, -1]) / np.sqrt(2))


@pytest.mark.parametrize("wavelet", ["db4", "sym5", "coif2", "bior2.2", "rbio3.1"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_several_levels_are_undone(wavelet, dtype):
    value = np.cos(np.arange(512) ** 1.3).astype(dtype)
    if value.dtype.kind == "c":
        value *= 1 + 2j
    parts = pywt.wavedec(value, wavelet, mode="periodization", level=3)
    assert parts[0].dtype == dtype
    assert pywt.waverec(parts, wavelet, mode="periodization") == pytest.approx(value, abs=1e-4)


def test_pictures():
    value = np.add.outer(np.arange(32.0), np.arange(48.0))
    approximation, details = pywt.dwt2(value, "haar")
    assert approximation.shape == (16, 24)
    assert approximation[0].tolist()[:3] == pytest.approx([2, 6, 10])
    assert pywt.idwt2((approximation, details), "haar") == pytest.approx(value)


def test_stationary_and_continuous():
    value = np.sin(2 * np.pi * np.arange(256) / 16)
    assert pywt.iswt(pywt.swt(value, "db2", level=3), "db2") == pytest.approx(value)
    scales = np.arange(2, 33)
    found, frequencies = pywt.cwt(value, scales, "cmor1.5-1.0")
    strongest = np.abs(found[:, 64:192]).mean(axis=1).argmax()
    assert frequencies[strongest] == pytest.approx(1 / 16, rel=0.1)


def test_errors_are_exceptions():
    with pytest.raises(ValueError, match="Unknown wavelet name"):
        pywt.dwt([1, 2], "nonsense")
