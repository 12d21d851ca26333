from propcache import _helpers, _helpers_c, api


def test_compiled_core_is_in_use():
    assert api.cached_property is _helpers_c.cached_property
    assert _helpers.under_cached_property is _helpers_c.under_cached_property


class Shape:
    def __init__(self):
        self._cache = {}
        self.calls = 0

    @api.cached_property
    def area(self):
        """The area."""
        self.calls += 1
        return 12

    @api.under_cached_property
    def sides(self):
        self.calls += 1
        return 4


def test_computed_once():
    shape = Shape()
    assert [shape.area, shape.area, shape.sides, shape.sides] == [12, 12, 4, 4]
    assert shape.calls == 2
    assert (shape.__dict__["area"], shape._cache) == (12, {"sides": 4})
    assert Shape.area.__doc__ == "The area."
