import tree_sitter_c
from tree_sitter import Language, Parser, Query, QueryCursor

C = Language(tree_sitter_c.language())
SOURCE = b"int add(int a, int b) { return a + b; }\nstatic void nothing(void) {}\n"


def test_compiled_grammar_is_in_use():
    assert tree_sitter_c._binding.__file__.endswith(".so")


def test_parse():
    root = Parser(C).parse(SOURCE).root_node
    assert root.type == "translation_unit"
    assert not root.has_error
    assert [child.type for child in root.children] == ["function_definition", "function_definition"]
    body = root.children[0].child_by_field_name("body")
    assert (body.start_point.column, body.text) == (22, b"{ return a + b; }")


def test_query():
    query = Query(C, "(function_declarator declarator: (identifier) @name)")
    captures = QueryCursor(query).captures(Parser(C).parse(SOURCE).root_node)
    assert sorted(node.text for node in captures["name"]) == [b"add", b"nothing"]


def test_error_is_found():
    assert Parser(C).parse(b"int add(int a { return; }").root_node.has_error
