import io

import pytest
from lxml import etree, html, objectify

STYLE = """\
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:str="http://exslt.org/strings" extension-element-prefixes="str">
  <xsl:output method="text"/>
  <xsl:template match="/"><xsl:for-each select="//v">
    <xsl:sort data-type="number" order="descending"/><xsl:value-of select="str:align(., '-----', 'right')"/>
  </xsl:for-each></xsl:template>
</xsl:stylesheet>"""

SCHEMA = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="n" type="xs:positiveInteger"/>
</xs:schema>"""

GRAMMAR = '<element name="n" xmlns="http://relaxng.org/ns/structure/1.0"><text/></element>'


@pytest.mark.parametrize("module", [etree, objectify])
def test_it_is_compiled(module):
    assert module.__file__.endswith(".so")


def test_the_libraries_are_those_it_was_built_with():
    assert etree.LIBXML_VERSION == etree.LIBXML_COMPILED_VERSION
    assert etree.LIBXSLT_VERSION == etree.LIBXSLT_COMPILED_VERSION
    assert {"html", "regexp", "schematron", "xmlschema", "xpath", "zlib"} <= etree.LIBXML_COMPILED_FEATURES


def test_trees_and_xpath():
    root = etree.fromstring("<r><v>1</v><v a='x'>2</v><w>é</w></r>")
    assert root.xpath("sum(//v)") == 3
    assert root.xpath("//v[@a='x']/text()") == ["2"]
    assert etree.tostring(root, encoding="unicode") == '<r><v>1</v><v a="x">2</v><w>é</w></r>'


def test_functions_of_python_are_called_by_xpath():
    function = etree.FunctionNamespace("urn:test")
    function["twice"] = lambda context, nodes: 2 * len(nodes)
    root = etree.fromstring("<r><v/><v/></r>")
    assert root.xpath("t:twice(//v)", namespaces={"t": "urn:test"}) == 4


def test_exceptions_of_python_leave_the_libraries():
    def fail(context):
        raise LookupError("from a callback")

    root = etree.fromstring("<r/>")
    with pytest.raises(LookupError, match="from a callback"):
        root.xpath("f()", extensions={(None, "f"): fail})


def test_xslt_with_exslt():
    transform = etree.XSLT(etree.fromstring(STYLE))
    assert str(transform(etree.fromstring("<r><v>3</v><v>20</v><v>100</v></r>"))) == "--100---20----3"


def test_schemas():
    schema = etree.XMLSchema(etree.fromstring(SCHEMA))
    assert schema.validate(etree.fromstring("<n>7</n>"))
    assert not schema.validate(etree.fromstring("<n>-7</n>"))
    assert "positiveInteger" in str(schema.error_log.last_error)
    assert etree.RelaxNG(etree.fromstring(GRAMMAR)).validate(etree.fromstring("<n>x</n>"))


def test_malformed_html_is_mended():
    tree = html.fromstring("<p>one<p>two<b>bold")
    assert [p.text for p in tree.iter("p")] == ["one", "two"]


def test_malformed_xml_names_the_place():
    with pytest.raises(etree.XMLSyntaxError) as caught:
        etree.fromstring("<a>\n<b></a>")
    assert caught.value.lineno == 2


def test_incremental_parsing_and_compressed_output():
    source = io.BytesIO(b"<r>" + b"<v>1</v>" * 10_000 + b"</r>")
    assert sum(int(v.text) for _, v in etree.iterparse(source, tag="v")) == 10_000
    target = io.BytesIO()
    etree.ElementTree(etree.fromstring("<r/>")).write(target, compression=9)
    assert target.getvalue()[:2] == b"\x1f\x8b"


def test_objects():
    root = objectify.fromstring("<r><v>1</v><v>2.5</v><w>true</w></r>")
    assert [v.pyval for v in root.v] == [1, 2.5]
    assert root.w.pyval is True
