"""Deep recursion works or ends in an exception, as it does natively: it never ends the process."""

from tests.integration.chain import Chain, printed

# One guest runs all bodies; each is named before it runs, so that what ends the guest stands in the last line.
RUNNING = """
import sys
def run(cases):
    for name, body in cases.items():
        print(name, end=" ", flush=True)
        try:
            body()
        except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
            print(type(error).__name__)
        else:
            print("works")
def nested(make, depth=100_000):
    value = make(None)
    for _ in range(depth):
        value = make(value)
    return value
def descend(n):
    return n and descend(n - 1)
class Endless:
    def __getattr__(self, name):
        return getattr(self, name)
    def __lt__(self, other):
        return self < other
    def __add__(self, other):
        return self + other
    def __call__(self):
        return self()
    def __repr__(self):
        return repr(self)
    def __reduce__(self):
        return Endless, (Endless(),)
"""

DEFAULT = """
import ast, copy, functools, json, marshal, operator, pickle, re, traceback
import xml.etree.ElementTree as etree
lists, tuples = nested(lambda inner: [inner]), nested(lambda inner: (inner,))
class Node:
    def __init__(self, inner):
        self.inner = inner
nodes = nested(Node)
def parse(text, mode="eval"):
    compile(text, "text", mode)
def iterate(step):
    it = iter([1])
    for _ in range(100_000):
        it = step(it)
    assert next(it) == 1
def delegate(it):
    yield from it
def caused(inner):
    error = Exception()
    error.__cause__ = inner
    return error
run({
    "frames": lambda: descend(990),
    "endless-frames": lambda: descend(10**6),
    "lists-190": lambda: ast.literal_eval("[" * 190 + "]" * 190),
    "lists-5000": lambda: parse("[" * 5000 + "]" * 5000),
    "parentheses": lambda: parse("(" * 100_000),
    "sum": lambda: parse("+".join(["a"] * 100_000)),
    "unary": lambda: parse("-" * 100_000 + "a"),
    "attributes": lambda: parse("a" + ".b" * 100_000),
    "calls": lambda: parse("a" + "()" * 100_000),
    "lambdas": lambda: parse("lambda:" * 100_000 + "0"),
    "powers": lambda: parse("a**" * 100_000 + "0"),
    "elif": lambda: parse("if a:\\n 0\\n" + "elif a:\\n 0\\n" * 10_000, "exec"),
    "ast.parse": lambda: ast.parse("+".join(["1"] * 100_000)),
    "ast.unparse": lambda: ast.unparse(nested(lambda inner: ast.UnaryOp(ast.USub(), inner or ast.Constant(1)))),
    "repr": lambda: repr(lists),
    "equal": lambda: operator.eq(lists, nested(lambda inner: [inner])),
    "hash": lambda: hash(tuples),
    "json.dumps": lambda: json.dumps(lists),
    "json.dumps-indent": lambda: json.dumps(lists, indent=1),
    "json.loads": lambda: json.loads("[" * 100_000 + "]" * 100_000),
    "json.loads-object": lambda: json.loads('{"a":' * 100_000 + "1" + "}" * 100_000),
    "pickle.dumps": lambda: pickle.dumps(lists),
    "pickle.dumps-object": lambda: pickle.dumps(nodes),
    "pickle.loads": lambda: pickle.loads(b"\\x80\\x04" + b"]" * 10**6 + b"a" * 999_999 + b"."),
    "copy.deepcopy": lambda: copy.deepcopy(lists),
    "marshal.dumps": lambda: marshal.dumps(lists),
    "marshal.loads": lambda: marshal.loads(b"[\\x01\\0\\0\\0" * 100_000),
    "re.compile": lambda: re.compile("(" * 50_000 + ")" * 50_000),
    "re.match": lambda: re.match("(a|b)*?c", "ab" * 200_000 + "c").end(),
    "isinstance": lambda: isinstance("", nested(lambda inner: (inner or int,))),
    "getattr": lambda: Endless().name,
    "sorted": lambda: sorted([Endless(), Endless()]),
    "repr-of-object": lambda: repr([Endless()]),
    "generators": lambda: iterate(delegate),
    "iterators": lambda: iterate(lambda it: filter(None, it)),
    "partial": lambda: nested(lambda inner: functools.partial(lambda f: f and f(), inner))(),
    "etree": lambda: etree.tostring(etree.fromstring("<a>" * 50_000 + "</a>" * 50_000)),
    "exceptions": lambda: "".join(traceback.format_exception(nested(caused, 20_000))),
})
del lists, tuples, nodes
"""

RAISED = """
import functools, json, pickle, re
sys.setrecursionlimit(10**6)
def itself(*arguments):
    return max([1, 2], key=itself)
def sort(one, other):
    return sorted([1, 2], key=functools.cmp_to_key(sort))
text = "exec(text)"
run({
    "frames": lambda: descend(50_000),
    "getattr": lambda: Endless().name,
    "less": lambda: Endless() < Endless(),
    "add": lambda: Endless() + 1,
    "call": lambda: Endless()(),
    "repr": lambda: repr(Endless()),
    "sort": lambda: sort(1, 2),
    "builtin": itself,
    "exec": lambda: exec(text),
    "re.sub": lambda: (endless := lambda found: re.sub("a", endless, "a"))(None),
    "json.dumps": lambda: json.dumps(Endless(), default=lambda one: Endless()),
    "pickle.dumps": lambda: pickle.dumps(Endless()),
})
"""

WORKING = ("frames", "lists-190", "hash", "pickle.loads", "re.match", "iterators", "exceptions", "end")
ENDINGS = {
    **dict.fromkeys(("lists-5000", "parentheses"), "SyntaxError"),
    **dict.fromkeys(("unary", "lambdas", "powers", "elif"), "MemoryError"),
    **dict.fromkeys(("marshal.dumps", "marshal.loads"), "ValueError"),
    **dict.fromkeys(WORKING, "works"),
}
"""How those end that do not end in a RecursionError."""


def check(chain: Chain, code: str) -> None:
    lines = printed(chain.python("-c", RUNNING + code + 'print("end works")')).splitlines()
    ended = dict(line.split() for line in lines)
    assert "end" in ended
    assert ended == {name: ENDINGS.get(name, "RecursionError") for name in ended}


def test_with_python_s_own_limit(chain: Chain) -> None:
    check(chain, DEFAULT)


def test_with_a_limit_that_is_never_reached(chain: Chain) -> None:
    check(chain, RAISED)


def test_nobody_catches_it(chain: Chain) -> None:
    ended = chain.python("-c", "def f():\n    f()\nf()")
    assert ended.returncode == 1
    assert "[Previous line repeated " in ended.stderr
    assert ended.stderr.endswith("RecursionError: maximum recursion depth exceeded\n")
