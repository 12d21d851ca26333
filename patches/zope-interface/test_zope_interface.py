import pytest
from zope.interface import Interface, _zope_interface_coptimizations, implementer, providedBy
from zope.interface.adapter import AdapterLookup, AdapterRegistry
from zope.interface.declarations import getObjectSpecification
from zope.interface.interface import InterfaceBase, SpecificationBase


class IShape(Interface):
    def area():
        """Return the area."""


class IText(Interface):
    """What has a text."""


@implementer(IShape)
class Square:
    def area(self):
        return 4


def test_compiled_core_is_in_use():
    compiled = _zope_interface_coptimizations
    assert compiled.__file__.endswith(".so")
    assert InterfaceBase is compiled.InterfaceBase
    assert SpecificationBase is compiled.SpecificationBase
    assert providedBy is compiled.providedBy
    assert getObjectSpecification is compiled.getObjectSpecification
    assert issubclass(AdapterLookup, compiled.LookupBase)


def test_what_is_provided():
    assert IShape.implementedBy(Square)
    assert IShape.providedBy(Square())
    assert not IText.providedBy(Square())
    assert list(providedBy(Square())) == [IShape]


def test_adapters():
    registry = AdapterRegistry()
    registry.register([IShape], IText, "", lambda shape: f"area {shape.area()}")
    assert registry.queryAdapter(Square(), IText) == "area 4"
    assert registry.queryAdapter(object(), IText, default=None) is None


def test_errors():
    with pytest.raises(TypeError, match="Could not adapt"):
        IText(Square())
