import h3
import pytest
from h3._cy import cells, edges, latlng, to_multipoly


def test_the_modules_are_compiled():
    assert all(module.__file__.endswith(".so") for module in (cells, edges, latlng, to_multipoly))


def test_a_known_cell():
    # The example of H3's documentation.
    assert h3.latlng_to_cell(37.3615593, -122.0553238, 7) == "87283472bffffff"
    assert h3.cell_to_latlng("87283472bffffff") == pytest.approx((37.35171820183272, -122.05032565263946))


def test_the_grid():
    cell = "8928308280fffff"
    assert len(h3.grid_disk(cell, 2)) == 19
    assert h3.get_num_cells(15) == 569707381193162
    assert h3.compact_cells(h3.cell_to_children(cell, 11)) == [cell]
    assert h3.average_hexagon_area(5, unit="km^2") == pytest.approx(252.9038581819449)


def test_polygons():
    shape = h3.LatLngPoly([(37.68, -122.54), (37.68, -122.34), (37.82, -122.34), (37.82, -122.54)])
    cells_in = h3.h3shape_to_cells(shape, 6)
    assert h3.latlng_to_cell(37.75, -122.44, 6) in cells_in
    assert h3.cells_to_h3shape(cells_in).outer


def test_an_error():
    with pytest.raises(h3.H3CellInvalidError):
        h3.cell_to_latlng("0")
