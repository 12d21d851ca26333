"""Functions of extension modules whose types are not what their callers think: calls of them go on as elsewhere."""

from pathlib import Path

import pytest

from tests.integration.chain import SOURCES, Chain, printed

IN_METHODS = """
for owner in ({owner}):
    print(owner.none_noargs(), owner.noargs(), owner.one(1), owner.three_noargs(), owner.three_one(1))
    print(owner.varargs(1), owner.three_varargs(1), owner.keywords(1, a=2), owner.self_keywords(1, a=2))
"""
OF_METHODS = ["of none of self of self (None, 0) (1, 0)", "of self ((1,), 0) (1,) of self"]
CALLS = {
    "functions": (IN_METHODS.format(owner="misfits, misfits"), OF_METHODS * 2),
    "specialised": (
        "for _ in range(99): r = misfits.noargs(), misfits.one(1), misfits.three_one(1)\nprint(r)",
        ["('of self', 'of self', (1, 0))"],
    ),
    "getter and setter": ("m = keep(); m.other = 5; print(m.other); del m.other; print(m.other)", ["5", "None"]),
    "methods": ("m = keep()\n" + IN_METHODS.format(owner="m,"), OF_METHODS),
    "tp_new, tp_init": ("m = keep(3); print(m.other); m.__init__(4); print(m.other)", ["3", "4"]),
    "tp_new from Python": ("m = misfits.Misfit.__new__(misfits.Misfit); print(m.other); kept.append(m)", ["None"]),
    "tp_init that fails": (
        "try: misfits.Misfit(1, 2)\nexcept ValueError as error: print(error)",
        ["deallocated", "more than one"],
    ),
    "tp_call": ("m = keep(); print(m(1), m(*[2], **{}), m.__call__(3))", ["(1,) (2,) (3,)"]),
    "tp_repr, tp_str": ("m = keep(); print(repr(m), str(m), m.__repr__(), m.__str__())", ["text text text text"]),
    "tp_iter": ("m = keep(); print(list(m), list(m.__iter__()))", ["[] []"]),
    "nb_power": (
        "m = keep(); print(m ** 2, 2 ** m, m.__pow__(3), m.__rpow__('')); m **= m; print(m)",
        ["('power', 1) ('power', 0) ('power', 1) ('power', 0)", "('power', 0)"],
    ),
    "tp_dealloc": ("misfits.Misfit(); print('after')", ["deallocated", "after"]),
    "tp_dealloc in C": ("[misfits.Misfit()].clear(); print('after')", ["deallocated", "after"]),
    "tp_finalize, tp_clear": (
        "m = misfits.Misfit(); m.other = m; del m; print(gc.collect())",
        ["finalized", "cleared", "deallocated", "1"],
    ),
    "of a subclass": (
        "class Sub(misfits.Misfit): pass\nm = Sub(1); print(m, m.other); m.other = m; del m; print(gc.collect() > 0)",
        ["text 1", "finalized", "cleared", "deallocated", "True"],
    ),
    "of a subclass with __init__": (
        "class Sub(misfits.Misfit):\n    def __init__(self, a): super().__init__(a)\n"
        "m = Sub(1); kept.append(m); print(m.other)",
        ["1"],
    ),
    "tp_new of a pickle": (
        "m = pickle.loads(b'\\x80\\x02cmisfits\\nMisfit\\n)\\x81.'); kept.append(m); print(m.other)",
        ["None"],
    ),
    "Py_mod_exec": ("print(misfits.prepared)", ["1"]),
    "capsule": ("misfits.capsule(); print('after')", ["capsule forgotten", "after"]),
    "module": (
        "del sys.modules['misfits'], misfits; kept.clear(); gc.collect(); print('after')",
        ["module cleared", "module freed", "after"],
    ),
}
BEFORE = """
import gc, os, pickle, sys
import misfits
sys.stdout.reconfigure(line_buffering=True)
kept = []
gc.collect()
def keep(*arguments):
    kept.append(misfits.Misfit(*arguments))
    return kept[-1]
"""
AFTER = "\nos._exit(0)\n"  # no finalizer speaks any more


@pytest.fixture(scope="module")
def modules(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the extension modules misfits and signatures."""
    folder = tmp_path_factory.mktemp("misfits")
    chain.extension(folder, "misfits", (SOURCES / "misfits.c").read_text("utf-8"))
    # For ref.test, by which it asks for a function's type.
    chain.extension(folder, "signatures", (SOURCES / "signatures.c").read_text("utf-8"), link=("-mgc",))
    return folder


@pytest.mark.parametrize("name", CALLS)
def test_a_function_of_another_type(chain: Chain, modules: Path, name: str) -> None:
    code, expected = CALLS[name]
    assert printed(chain.python_in(modules, BEFORE + code + AFTER)).splitlines() == expected


def test_the_check_of_all_slots_finds_misfits(chain: Chain, modules: Path) -> None:
    code = """
import signatures
print(*signatures.of(misfits.Misfit))
print(*signatures.of(misfits))
print(*signatures.of(type("Sub", (misfits.Misfit,), {})))
"""
    of_type, of_module, of_subclass = printed(chain.python_in(modules, BEFORE + code + AFTER)).splitlines()
    methods = "none_noargs noargs one three_noargs three_one varargs three_varargs keywords self_keywords"
    slots = "tp_dealloc tp_repr tp_call tp_str tp_clear tp_iter tp_init tp_new tp_finalize nb_power nb_inplace_power"
    assert of_type == f"{slots} {methods} other other"
    assert of_module == f"m_clear m_free {methods}"
    assert of_subclass == "tp_repr tp_call tp_str tp_iter tp_init tp_new tp_finalize nb_power nb_inplace_power"


EVERYTHING = """
import contextlib, importlib, signatures, sys, types
for name in sorted(sys.stdlib_module_names - {"antigravity", "idlelib", "this", "turtle", "turtledemo"}):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
known = {object: None}
for known_type in (todo := [object]):
    todo += [new for new in type.__subclasses__(known_type) if new not in known]
    known.update(dict.fromkeys(todo))
everything = [*known, *(module for module in sys.modules.values() if isinstance(module, types.ModuleType))]
print(len(everything) > 1000)
for each in everything:
    if found := signatures.of(each):
        print(each, *found)
"""


def test_no_type_and_no_module_of_the_standard_library_has_a_misfit(chain: Chain, modules: Path) -> None:
    assert printed(chain.python_in(modules, EVERYTHING)) == "True"
