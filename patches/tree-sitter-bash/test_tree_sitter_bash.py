"""This grammar has a scanner in C of its own, which tree-sitter calls through pointers."""

import tree_sitter_bash
from tree_sitter import Language, Parser

BASH = Language(tree_sitter_bash.language())
SOURCE = b'cat <<EOF | sort\n${name:-x}\ntwo\nEOF\nfor f in *.c; do echo "$f"; done\n'


def types(node):
    yield node.type
    for child in node.children:
        yield from types(child)


def test_compiled_grammar_is_in_use():
    assert tree_sitter_bash._binding.__file__.endswith(".so")


def test_parse_what_needs_the_scanner():
    root = Parser(BASH).parse(SOURCE).root_node
    assert not root.has_error
    found = set(types(root))
    assert {"heredoc_redirect", "heredoc_start", "heredoc_body", "heredoc_end", "for_statement", "pipeline"} <= found


def test_parse_again_what_changed():
    parser = Parser(BASH)
    tree = parser.parse(SOURCE)
    changed = SOURCE.replace(b"two", b"three")
    start = SOURCE.index(b"two")
    tree.edit(
        start_byte=start,
        old_end_byte=start + 3,
        new_end_byte=start + 5,
        start_point=(2, 0),
        old_end_point=(2, 3),
        new_end_point=(2, 5),
    )
    new = parser.parse(changed, tree)
    assert str(new.root_node) == str(Parser(BASH).parse(changed).root_node)
    assert tree.changed_ranges(new) == []
