"""Extension modules in C and C++, made with the drivers, linked in the guest."""

from pathlib import Path

import pytest

from pywasm_binary import WasmModule
from tests.integration.chain import Chain, printed

SPAM = r"""
static PyObject *join(PyObject *module, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"text", "times", "to", NULL};
    const char *text;
    Py_ssize_t length, times = 1;
    PyObject *to;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s#|nO!", names, &text, &length, &times, &PyList_Type, &to))
        return NULL;
    if (times < 0)
        return PyErr_Format(PyExc_ValueError, "times is %zd", times);
    for (Py_ssize_t i = 0; i < times; i++) {
        PyObject *item = Py_BuildValue("(s#n{s:d})", text, length, i, "half", i / 2.0);
        if (item == NULL || PyList_Append(to, item) < 0)
            return NULL;
        Py_DECREF(item);
    }
    Py_RETURN_NONE;
}
static PyObject *call(PyObject *module, PyObject *function)
{
    PyObject *result = PyObject_CallFunction(function, "iLd", -1, 1LL << 40, 0.5);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        return PyUnicode_FromString("a KeyError");
    }
    return result;
}
EXTENSION(spam, {"join", (PyCFunction)join, METH_VARARGS | METH_KEYWORDS, NULL}, {"call", call, METH_O, NULL})
"""


def test_the_c_api(chain: Chain, tmp_path: Path) -> None:
    chain.extension(tmp_path, "spam", SPAM)
    code = """
import spam
found = []
spam.join("x", times=2, to=found)
print(found)
for call in (lambda: spam.join("x", -1, []), lambda: spam.join("x", 1, ()), lambda: spam.call(lambda *a: 1 / 0)):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, error)
print(spam.call(lambda *a: a), spam.call(lambda *a: {}[a]))
"""
    assert printed(chain.python_in(tmp_path, code)).splitlines() == [
        "[('x', 0, {'half': 0.0}), ('x', 1, {'half': 0.5})]",
        "ValueError times is -1",
        "TypeError argument 3 must be list, not tuple",
        "ZeroDivisionError division by zero",
        "(-1, 1099511627776, 0.5) a KeyError",
    ]


STATE = r"""
typedef struct { PyObject *error; PyTypeObject *type; int made; } State;
typedef struct { PyObject_HEAD double value; } Number;
static struct PyModuleDef definition;
static PyObject *number_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    double value;
    State *state = PyModule_GetState(PyType_GetModuleByDef(type, &definition));
    if (!PyArg_ParseTuple(args, "d", &value))
        return NULL;
    if (value < 0) {
        PyErr_SetString(state->error, "negative");
        return NULL;
    }
    Number *self = (Number *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->value = value;
        state->made++;
    }
    return (PyObject *)self;
}
static PyObject *number_add(PyObject *a, PyObject *b)
{
    if (Py_TYPE(a) != Py_TYPE(b))
        Py_RETURN_NOTIMPLEMENTED;
    return PyObject_CallFunction((PyObject *)Py_TYPE(a), "d", ((Number *)a)->value + ((Number *)b)->value);
}
static PyObject *number_repr(PyObject *self)
{
    PyObject *value = PyFloat_FromDouble(((Number *)self)->value), *text = PyUnicode_FromFormat("Number(%R)", value);
    Py_DECREF(value);
    return text;
}
static PyType_Slot slots[] = {
    {Py_tp_new, number_new}, {Py_nb_add, number_add}, {Py_tp_repr, number_repr}, {0, NULL}};
static PyType_Spec spec = {"state.Number", sizeof(Number), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
static PyObject *made(PyObject *module, PyObject *none)
{
    return PyLong_FromLong(((State *)PyModule_GetState(module))->made);
}
static int execute(PyObject *module)
{
    State *state = PyModule_GetState(module);
    state->error = PyErr_NewException("state.Error", PyExc_ArithmeticError, NULL);
    state->type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return -(PyModule_AddObjectRef(module, "Error", state->error) || PyModule_AddType(module, state->type));
}
static PyMethodDef methods[] = {{"made", made, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot phases[] = {{Py_mod_exec, execute}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "state", .m_size = sizeof(State), .m_methods = methods, .m_slots = phases};
PyMODINIT_FUNC PyInit_state(void) { return PyModuleDef_Init(&definition); }
"""


def test_module_state_and_types(chain: Chain, tmp_path: Path) -> None:
    chain.extension(tmp_path, "state", STATE)
    code = """
import gc, importlib.util, state
class Sub(state.Number):
    pass
print(state.Number(1) + state.Number(2.5), type(Sub(1) + Sub(1)).__name__, state.made())
try:
    state.Number(-1)
except state.Error as error:
    print(type(error).__mro__[1].__name__, error)
spec = importlib.util.spec_from_file_location("state", state.__file__)
second = importlib.util.module_from_spec(spec)
spec.loader.exec_module(second)
print(second is state, second.made(), second.Number is state.Number)
del second
gc.collect()
"""
    assert printed(chain.python_in(tmp_path, code)).splitlines() == [
        "Number(3.5) Sub 6",
        "ArithmeticError negative",
        "False 0 False",
    ]


SYMBOLS = r"""
static PyObject *table[] = {(PyObject *)&PyType_Type, Py_None, Py_True, (PyObject *)&PyBaseObject_Type};
static getattrofunc functions[] = {PyObject_GenericGetAttr, NULL};
static PyTypeObject Static = {PyVarObject_HEAD_INIT(&PyType_Type, 0).tp_name = "symbols.Static",
    .tp_basicsize = sizeof(PyObject), .tp_flags = Py_TPFLAGS_DEFAULT, .tp_getattro = PyObject_GenericGetAttr};
static PyObject *data(PyObject *module, PyObject *none)
{
    return Py_BuildValue("OOOOOO", table[0], table[1], table[2], table[3], PyExc_KeyError, PyExc_StopIteration);
}
static PyObject *identities(PyObject *module, PyObject *object)
{
    return Py_BuildValue("iiii", Py_TYPE(object)->tp_getattro == PyObject_GenericGetAttr,
        Py_TYPE(object)->tp_getattro == functions[0], PyBaseObject_Type.tp_getattro == functions[0],
        PyType_Ready(&Static) == 0 && Static.tp_setattro == PyObject_GenericSetAttr);
}
static PyObject *address(PyObject *module, PyObject *none) { return PyLong_FromVoidPtr((void *)PyArg_UnpackTuple); }
EXTENSION(NAME, {"data", data, METH_NOARGS, NULL}, {"identities", identities, METH_O, NULL},
          {"address", address, METH_NOARGS, NULL})
"""


def test_data_symbols_and_the_identity_of_functions(chain: Chain, tmp_path: Path) -> None:
    for name in ("first", "second"):
        chain.extension(tmp_path, name, SYMBOLS.replace("(NAME", f"({name}"))
    code = """
import first, second
print(first.data() == (type, None, True, object, KeyError, StopIteration) == second.data())
print(first.identities(object()), second.identities(1), first.identities(type))
print(first.address() == second.address() != 0)
"""
    assert printed(chain.python_in(tmp_path, code)).splitlines() == [
        "True",
        "(1, 1, 1, 1) (1, 1, 1, 1) (0, 0, 1, 1)",
        "True",
    ]


PLUS = r"""
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>
struct Own : std::runtime_error { using runtime_error::runtime_error; };
struct Base { virtual ~Base() = default; virtual int id() const { return 1; } };
struct Left : virtual Base { int id() const override { return 2; } };
struct Right : virtual Base {};
struct Both : Left, Right {};
static std::vector<std::string> events{"constructed"};
struct Guard { ~Guard() { events.emplace_back("unwound"); } };
static std::map<std::string, std::function<void()>> failures{
    {"own", [] { Guard guard; throw Own("own"); }},
    {"library", [] { (void)std::stoi("no number"); }},
    {"range", [] { (void)std::vector<int>(3).at(5); }},
    {"memory", [] { static volatile size_t size = SIZE_MAX; ::operator delete(::operator new(size)); }},
    {"number", [] { throw 42; }},
    {"nested", [] { try { throw 1; } catch (...) { std::throw_with_nested(Own("outer")); } }},
};
static PyObject *run(PyObject *, PyObject *name)
{
    std::ostringstream out;
    try { failures.at(PyUnicode_AsUTF8(name))(); }
    catch (const Own &error) { out << "Own " << error.what(); }
    catch (const std::logic_error &error) { out << typeid(error).name() << ' ' << error.what(); }
    catch (const std::bad_alloc &) { out << "bad_alloc"; }
    catch (...) { out << "something"; }
    return PyUnicode_FromString(out.str().c_str());
}
static PyObject *types(PyObject *, PyObject *)
{
    std::unique_ptr<Base> object = std::make_unique<Both>();
    Right *right = dynamic_cast<Right *>(object.get());
    bool bad = false;
    try { Base base; (void)dynamic_cast<Both &>(base); } catch (const std::bad_cast &) { bad = true; }
    std::sort(events.begin(), events.end());
    std::cout << "from iostream " << std::boolalpha << true << std::endl;
    return Py_BuildValue("iiii", object->id(), typeid(*right) == typeid(Both), bad, (int)events.size());
}
EXTENSION(plus, {"run", run, METH_O, nullptr}, {"types", types, METH_NOARGS, nullptr})
"""


def test_cpp_with_exceptions_and_type_information(chain: Chain, tmp_path: Path) -> None:
    chain.extension(tmp_path, "plus", PLUS, language="cpp", link=("-std=c++17",))
    code = """
import plus
for name in ("own", "library", "range", "memory", "number", "nested", "unknown"):
    print(name, plus.run(name))
print(plus.types())
"""
    lines = printed(chain.python_in(tmp_path, code)).splitlines()
    lines.remove("from iostream true")  # the streams of C++ and of Python have buffers of their own
    assert lines[0] == "own Own own"
    assert lines[1] == "library St16invalid_argument stoi: no conversion"
    assert lines[2] == "range St12out_of_range vector"
    assert lines[3:6] == ["memory bad_alloc", "number something", "nested Own outer"]
    assert lines[6].startswith("unknown St12out_of_range")
    assert lines[7:] == ["(2, 1, 1, 2)"]


FAILURE_H = """
#include <stdexcept>
#include <string>
struct Failure : std::runtime_error { using runtime_error::runtime_error; int code = 7; };
void fail_in_other_module(int depth);
inline int &shared_counter() { static int counter = 0; return counter; }
"""
THROWER = r"""
#include "failure.h"
void fail_in_other_module(int depth)
{
    shared_counter()++;
    if (depth == 0) throw Failure("thrown elsewhere");
    if (depth == 1) throw std::string("text");
    fail_in_other_module(depth - 2);
}
static PyObject *noop(PyObject *, PyObject *) { Py_RETURN_NONE; }
EXTENSION(thrower, {"noop", noop, METH_NOARGS, nullptr})
"""
CATCHER = r"""
#include "failure.h"
static PyObject *run(PyObject *, PyObject *depth)
{
    try { fail_in_other_module((int)PyLong_AsLong(depth)); }
    catch (const Failure &error) { return Py_BuildValue("si", error.what(), error.code); }
    catch (const std::string &text) { return PyUnicode_FromString(text.c_str()); }
    Py_RETURN_NONE;
}
EXTENSION(catcher, {"run", run, METH_O, nullptr})
"""


def test_an_exception_from_one_side_module_is_caught_in_another_that_needs_it(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "failure.h").write_text(FAILURE_H)
    chain.extension(tmp_path, "thrower", THROWER, language="cpp")
    chain.extension(tmp_path, "catcher", CATCHER, language="cpp", link=("thrower.so",))
    code = "import catcher; print(catcher.run(0), catcher.run(3), catcher.run(4))"
    assert printed(chain.python_in(tmp_path, code)) == "('thrown elsewhere', 7) text ('thrown elsewhere', 7)"


def test_an_exception_between_side_modules_through_the_global_scope(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "failure.h").write_text(FAILURE_H)
    chain.extension(tmp_path, "thrower", THROWER, language="cpp")
    chain.extension(tmp_path, "catcher", CATCHER, language="cpp")
    alone = chain.python_in(tmp_path, "import catcher")
    assert alone.returncode == 1
    assert "ImportError: /modules/catcher.so: missing symbols: _Z20fail_in_other_modulei" in alone.stderr
    local = chain.python_in(tmp_path, "import thrower, catcher")
    assert "missing symbols: _Z20fail_in_other_modulei" in local.stderr
    code = """
import os, sys
sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
import thrower
sys.setdlopenflags(os.RTLD_NOW)
import catcher
print(catcher.run(0), catcher.run(1))
"""
    assert printed(chain.python_in(tmp_path, code)) == "('thrown elsewhere', 7) text"


JUMP = r"""
#include <setjmp.h>
static jmp_buf buffer;
static void leave(int depth) { if (depth) leave(depth - 1); else longjmp(buffer, 5); }
static PyObject *run(PyObject *module, PyObject *none)
{
    volatile int rounds = 0;
    int value = setjmp(buffer);
    if (value && ++rounds == 100)
        return Py_BuildValue("ii", value, rounds);
    leave(20);
    Py_RETURN_NONE;
}
static PyObject *through_python(PyObject *module, PyObject *function)
{
    if (setjmp(buffer))
        return PyUnicode_FromString("back");
    return PyObject_CallNoArgs(function);
}
static PyObject *jump(PyObject *module, PyObject *none) { longjmp(buffer, 1); }
EXTENSION(jump, {"run", run, METH_NOARGS, NULL}, {"through_python", through_python, METH_O, NULL},
          {"jump", jump, METH_NOARGS, NULL})
"""


def test_setjmp_and_longjmp(chain: Chain, tmp_path: Path) -> None:
    chain.extension(tmp_path, "jump", JUMP)
    code = "import jump; print(jump.run(), jump.through_python(jump.jump))"
    assert printed(chain.python_in(tmp_path, code)) == "(5, 100) back"


CONSTRUCTORS = r"""
static int order[3];
static volatile int count; /* volatile: the compiler must not run the constructors itself */
__attribute__((constructor(200))) static void second(void) { order[count++] = 2; }
__attribute__((constructor(101))) static void first(void) { order[count++] = 1; }
__attribute__((constructor)) static void third(void) { order[count++] = 3; }
static PyObject *run(PyObject *module, PyObject *none) { return Py_BuildValue("iii", order[0], order[1], order[2]); }
EXTENSION(constructors, {"run", run, METH_NOARGS, NULL})
"""


def test_constructors_run_in_their_order(chain: Chain, tmp_path: Path) -> None:
    chain.extension(tmp_path, "constructors", CONSTRUCTORS)
    assert printed(chain.python_in(tmp_path, "import constructors; print(constructors.run())")) == "(1, 2, 3)"


DESTRUCTOR = r"""
#include <cstdio>
struct Noisy { ~Noisy() { std::puts("destroyed at exit"); std::fflush(stdout); } };
static Noisy noisy;
static PyObject *run(PyObject *, PyObject *) { static Noisy local; Py_RETURN_NONE; }
EXTENSION(destructor, {"run", run, METH_NOARGS, nullptr})
"""


def test_destructors_of_static_objects_run_at_exit(chain: Chain, tmp_path: Path) -> None:
    chain.extension(tmp_path, "destructor", DESTRUCTOR, language="cpp")
    code = "import destructor; destructor.run(); print('imported', flush=True)"
    assert printed(chain.python_in(tmp_path, code)).splitlines() == ["imported", *["destroyed at exit"] * 2]


THREAD_LOCAL = r"""
static _Thread_local int counter = 40;
_Thread_local int exported = 1;
static PyObject *next(PyObject *module, PyObject *none) { return PyLong_FromLong(++counter + exported++); }
EXTENSION(local, {"next", next, METH_NOARGS, NULL})
"""
THREAD_LOCAL_CPP = r"""
#include <string>
static thread_local std::string text = "made";
static PyObject *next(PyObject *, PyObject *) { return PyUnicode_FromString((text += "!").c_str()); }
EXTENSION(local, {"next", next, METH_NOARGS, nullptr})
"""


@pytest.mark.parametrize(
    ("language", "source", "result"), [("c", THREAD_LOCAL, "42 44"), ("cpp", THREAD_LOCAL_CPP, "made! made!!")]
)
def test_thread_local_variables(chain: Chain, tmp_path: Path, language: str, source: str, result: str) -> None:
    chain.extension(tmp_path, "local", source, language=language)
    assert printed(chain.python_in(tmp_path, "import local; print(local.next(), local.next())")) == result


WEAK = r"""
__attribute__((weak)) int absent_function(int);
__attribute__((weak)) extern int absent_data;
__attribute__((weak)) PyObject *PyLong_FromLong(long);
__attribute__((weak)) int defined_here(void) { return 3; }
static PyObject *run(PyObject *module, PyObject *none)
{
    return Py_BuildValue("iiii", absent_function != 0, &absent_data != NULL, PyLong_FromLong != 0, defined_here());
}
static PyObject *call(PyObject *module, PyObject *none) { return PyLong_FromLong(absent_function(1)); }
EXTENSION(weak, {"run", run, METH_NOARGS, NULL}, {"call", call, METH_NOARGS, NULL})
"""


def test_weak_symbols(chain: Chain, tmp_path: Path) -> None:
    chain.extension(tmp_path, "weak", WEAK, link=("-Wno-pointer-bool-conversion", "-Wno-tautological-pointer-compare"))
    assert printed(chain.python_in(tmp_path, "import weak; print(weak.run())")) == "(0, 0, 1, 3)"
    ended = chain.python_in(tmp_path, "import weak\n\nweak.call()")
    assert ended.returncode == 134
    assert 'File "<string>", line 3 in <module>' in ended.stderr


FOR_PACKAGES = r"""
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
static int seen;
static void note(int number, siginfo_t *info, void *context) { seen = number + info->si_signo; }
static PyObject *ask(PyObject *module, PyObject *none)
{
    struct addrinfo *found;
    int error = getaddrinfo("localhost", "80", NULL, &found);
    return Py_BuildValue("sO", gai_strerror(error), socket(AF_INET, SOCK_STREAM, 0) == -1 ? Py_None : Py_True);
}
static PyObject *watch(PyObject *module, PyObject *number)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigset_t all, before;
    if (sigfillset(&all) || pthread_sigmask(SIG_BLOCK, &all, &before) || pthread_sigmask(SIG_SETMASK, &before, NULL))
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyLong_FromLong(sigaction(PyLong_AsLong(number), &action, NULL));
}
static PyObject *last(PyObject *module, PyObject *none) { return PyLong_FromLong(seen); }
EXTENSION(emulated, {"ask", ask, METH_NOARGS, NULL}, {"watch", watch, METH_O, NULL}, {"last", last, METH_NOARGS, NULL})
"""


def test_emulated_sockets_and_signals_are_the_interpreters(chain: Chain, tmp_path: Path) -> None:
    folder = chain.root / "build" / "toolchain" / "sysroot" / "lib" / "wasm32-wasip1"
    archives = [str(folder / f"libwasi-emulated-{name}.a") for name in ("posix", "signal", "process-clocks")]
    chain.extension(tmp_path, "emulated", FOR_PACKAGES, link=("-D_WASI_EMULATED_POSIX", *archives))
    code = """
import emulated, signal
print(emulated.ask(), emulated.watch(signal.SIGUSR1))
signal.raise_signal(signal.SIGUSR1)
print(emulated.last() == 2 * signal.SIGUSR1, hasattr(signal, "pthread_sigmask"))
"""
    assert printed(chain.python_in(tmp_path, code)).splitlines() == [
        "('Names cannot be looked up', None) 0",
        "True False",
    ]


LLHTTP = r"""
int wasm_on_url(void *parser, const char *text, size_t length);
int wasm_on_headers_complete(void *parser, int status, unsigned char upgrade, int keep_alive);
static int (*volatile url)(void *, const char *, size_t) = wasm_on_url;
static PyObject *call(PyObject *module, PyObject *none)
{
    return PyLong_FromLong(url(NULL, "/", 1) + wasm_on_headers_complete(NULL, 200, 0, 1));
}
EXTENSION(parser, {"call", call, METH_NOARGS, NULL})
"""


def test_what_llhttp_asks_of_javascript_is_in_the_side_module(chain: Chain, tmp_path: Path) -> None:
    module = WasmModule(chain.extension(tmp_path, "parser", LLHTTP).read_bytes())
    assert not [name for name in (*module.exports, *(wanted.name for wanted in module.imports)) if "wasm_on" in name]
    assert printed(chain.python_in(tmp_path, "import parser; print(parser.call())")) == "0"


def test_a_module_in_the_current_folder_and_in_a_package(chain: Chain, tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("from .jump import run\n")
    chain.extension(package, "jump", JUMP)
    (tmp_path / "script.py").write_text("import pack; print(pack.run())\n")
    assert printed(chain.python("script.py", cwd=tmp_path)) == "(5, 100)"
    assert printed(chain.python("--dir", ".:/w", "-c", "import pack; print(pack.run())", cwd=tmp_path)) == "(5, 100)"
