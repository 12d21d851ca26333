"""The guest sees what it was given and nothing else of this machine."""

from pathlib import Path

import pytest

from tests.integration.chain import Chain, printed

ATTEMPT = """
import errno, os
def attempt(body):
    try:
        return repr(body())
    except OSError as error:
        return errno.errorcode[error.errno]
"""
CHANGES = (
    "open('/d/file', 'w')",
    "open('/d/file', 'a')",
    "open('/d/new', 'x')",
    "os.remove('/d/file')",
    "os.rename('/d/file', '/d/other')",
    "os.rename('/d/file', '/tmp/other')",
    "os.mkdir('/d/new')",
    "os.rmdir('/d/inner')",
    "os.truncate('/d/file', 0)",
    "os.utime('/d/file', (1, 1))",
    "os.symlink('file', '/d/link')",
    "os.link('/d/file', '/d/hard')",
)
"""What a read-only folder /d with `file` and `inner` refuses."""


def outcomes(chain: Chain, bodies: list[str], *options: str | Path, cwd: Path | None = None) -> list[str]:
    code = ATTEMPT + "".join(f"print(attempt(lambda: {body}))\n" for body in bodies)
    return printed(chain.python(*options, "-c", code, cwd=cwd)).splitlines()


def test_the_root(chain: Chain) -> None:
    code = "import os; print(sorted(os.listdir('/')), os.getcwd(), os.path.expanduser('~'))"
    assert printed(chain.python("-c", code)) == "['dev', 'etc', 'stamp.json', 'tmp', 'usr'] / /tmp"


def test_files_of_this_machine_are_not_there(chain: Chain) -> None:
    home = Path.home()
    bodies = [
        "os.listdir('/proc')",
        f"os.listdir({str(home)!r})",
        f"os.stat({str(chain.root)!r})",
        "open('/etc/shadow').read()",
        "open('/../../../../etc/hostname').read()",
        "open('/usr/lib/../../../../etc/hostname').read()",
        "open('/tmp/../../etc/hostname').read()",
    ]
    assert set(outcomes(chain, bodies)) == {"ENOENT"}
    beside = ["os.open('../hostname', os.O_RDONLY, dir_fd=os.open('/tmp', os.O_RDONLY))"]
    assert set(outcomes(chain, beside)) <= {"ENOENT", "EPERM"}
    assert printed(chain.python("-c", "print(open('/etc/passwd').read())")).startswith("root:x:0:0:")


def test_the_root_cannot_be_changed(chain: Chain) -> None:
    bodies = [
        "open('/usr/new', 'w')",
        "open('/etc/passwd', 'a')",
        "os.remove('/etc/passwd')",
        "os.mkdir('/new')",
        "os.rename('/etc', '/tmp/etc')",
        "os.symlink('passwd', '/etc/link')",
        "os.link('/etc/passwd', '/tmp/link')",
        "os.utime('/etc/passwd')",
        "os.truncate('/etc/passwd', 0)",
        "open('/tmp/../etc/passwd', 'a')",
        "os.remove('/dev/null')",
        "open('/dev/new', 'w')",
    ]
    assert set(outcomes(chain, bodies)) == {"EROFS"}


def test_paths_lead_from_one_folder_into_another(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    bodies = [
        "open('/tmp/../d/file').read()",
        "open('/d/../tmp/new', 'x').write('12')",
        "os.stat('/usr/../tmp/new').st_size",
        "os.path.realpath('/d/../tmp/new')",
        "sorted(os.listdir('/tmp/..')) == sorted(os.listdir('/'))",
        "(os.chdir('/tmp'), open('../d/file').read())[1]",
        "os.rename('/tmp/new', '/d/new')",
    ]
    found = outcomes(chain, bodies, "--dir", f"{tmp_path}:/d:ro")
    assert found == ["'content'", "2", "2", "'/tmp/new'", "True", "'content'", "EROFS"]


def test_a_private_tmp_that_is_removed(chain: Chain, tmp_path: Path) -> None:
    code = "import tempfile; f = tempfile.NamedTemporaryFile(delete=False); f.write(b'x'); print(f.name)"
    shown = chain.python("-c", code, environ={"TMPDIR": str(tmp_path)})
    assert printed(shown).startswith("/tmp/")
    assert list(tmp_path.iterdir()) == []
    assert printed(chain.python("-c", "import os; print(os.listdir('/tmp'))")) == "[]"


def test_a_read_only_folder(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "inner").mkdir()
    bodies = {
        "open('/d/file').read()": "'content'",
        "sorted(os.listdir('/d'))": "['file', 'inner']",
        **dict.fromkeys(CHANGES, "EROFS"),
        "open('/d/file', 'x')": "EEXIST",
        "os.mkdir('/d/inner')": "EEXIST",
        "os.remove('/d/gone')": "ENOENT",
        "os.rename('/d/gone', '/d/other')": "ENOENT",
    }
    assert outcomes(chain, list(bodies), "--dir", f"{tmp_path}:/d:ro") == list(bodies.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "inner"]
    assert (tmp_path / "file").read_text() == "content"
    assert (tmp_path / "file").stat().st_mtime > 1000


def test_a_folder_to_write_in(chain: Chain, tmp_path: Path) -> None:
    code = """
import os, pathlib, shutil
os.makedirs("a/b")
pathlib.Path("a/b/c").write_text("x" * 100000)
os.rename("a/b/c", "a/d")
os.rmdir("a/b")
shutil.copy("a/d", "e")
os.truncate("e", 5)
print(os.getcwd(), sorted(os.listdir(".")), os.stat("e").st_size, pathlib.Path("e").resolve())
"""
    assert printed(chain.python("--dir", ".", "-c", code, cwd=tmp_path)) == f"{tmp_path} ['a', 'e'] 5 {tmp_path}/e"
    assert (tmp_path / "a" / "d").stat().st_size == 100000


def test_the_working_directory_within_a_folder(chain: Chain, tmp_path: Path) -> None:
    inner = tmp_path / "one" / "two"
    inner.mkdir(parents=True)
    (tmp_path / "one" / "file").write_text("up")
    code = "import os; print(os.getcwd(), open('../file').read(), 'PYWASM_CWD' in os.environ)"
    assert printed(chain.python("--dir", f"{tmp_path}:/w", "-c", code, cwd=inner)) == "/w/one/two up False"


def test_links_do_not_lead_out(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "file").write_text("fine")
    for name, target in (("in", "file"), ("up", "../secret"), ("absolute", tmp_path / "secret"), ("folder", "..")):
        (shown / name).symlink_to(target)
    bodies = [
        "open('/d/in').read()",
        "open('/d/up').read()",
        "open('/d/absolute').read()",
        "open('/d/folder/secret').read()",
        "os.symlink('/etc/hostname', '/d/new')",
        "open('/d/new').read()",
        "open('/d/../secret').read()",
    ]
    found = outcomes(chain, bodies, "--dir", f"{shown}:/d")
    assert found[0] == "'fine'"
    assert set(found[1:4] + found[5:]) <= {"EPERM", "EROFS", "ENOENT"}


def test_the_environment(chain: Chain) -> None:
    code = "import os; print(sorted(os.environ.items()))"
    theirs = {"SECRET": "s", "WANTED": "w", "PYTHONPATH": "/nowhere", "PYTHONSTARTUP": "/nowhere"}
    plain = [("HOME", "/tmp"), ("LANG", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1")]
    assert printed(chain.python("-c", code, environ=theirs)) == str(plain)
    ended = chain.python("--env", "WANTED", "--env", "UNSET", "--env=A=b=ä", "-c", code, environ=theirs)
    assert printed(ended) == str([("A", "b=ä"), *plain, ("WANTED", "w")])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("/no/such/folder", "No such file or directory"),
        ("/etc/passwd", "is not a folder"),
        (".:relative", "must begin with '/'"),
        ("", "no folder given"),
    ],
)
def test_a_folder_that_cannot_be_shown(chain: Chain, option: str, message: str) -> None:
    ended = chain.python("--dir", option, "-c", "1")
    assert ended.returncode == 2
    assert ended.stderr.startswith("python-wasm: ")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_no_network_and_no_processes(chain: Chain) -> None:
    code = """
import os, socket, subprocess, threading
for body in (lambda: subprocess.run(["/bin/true"]), lambda: socket.create_connection(("127.0.0.1", 1)),
             lambda: os.system("true"), lambda: os.fork(), lambda: threading.Thread(target=print).start()):
    try:
        print(body())
    except (OSError, AttributeError, RuntimeError):
        print("refused")
"""
    assert printed(chain.python("-c", code)).splitlines() == ["refused"] * 5


def test_two_guests_do_not_share_memory_or_tmp(chain: Chain) -> None:
    code = "import os, time; open('/tmp/x', 'x').write('1'); time.sleep(0.3); print(os.listdir('/tmp'))"
    assert [printed(chain.python("-c", code)) for _ in range(2)] == ["['x']"] * 2
