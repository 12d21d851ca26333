"""What programs expect of their operating system: descriptors, pipes, devices, files, users, clocks."""

import os
from pathlib import Path

import pytest

from pywasm_build.suite_packages import INNER, suite_packages
from tests.integration.chain import Chain, printed

REDIRECTING = """
import os, sys
print("before")
sys.stdout.flush()
kept = [os.dup(1), os.dup(2)]
file = os.open("both", os.O_CREAT | os.O_RDWR)
os.dup2(file, 1)
os.dup2(file, 2)
print("printed", flush=True)
print("an error", file=sys.stderr, flush=True)
os.write(1, b"written")
for number, copy in zip((1, 2), kept):
    os.dup2(copy, number)
    os.close(copy)
print("after")
assert open("both").read() == "printed\\nan error\\nwritten"
assert os.dup2(file, 100) == 100 and os.lseek(file, 3, os.SEEK_SET) == os.lseek(100, 0, os.SEEK_CUR)
os.close(file)
assert os.read(100, 4) == b"nted" and os.fstat(100).st_size == 24
assert not os.get_inheritable(os.dup(100))
try:
    os.dup(file)
except OSError as error:
    print(error.strerror)
"""

PIPES = """
import errno, os, select, selectors, time
def refused(body):
    try:
        return body()
    except OSError as error:
        return error.errno
reader, writer = os.pipe()
assert os.write(writer, b"abc") == 3 and os.read(reader, 2) == b"ab" and os.read(reader, 9) == b"c"
assert refused(lambda: os.read(reader, 1)) == errno.EDEADLK  # there is nobody who could write
assert refused(lambda: select.select([reader], [], [])) == errno.EDEADLK
os.set_blocking(reader, False)
assert refused(lambda: os.read(reader, 1)) == errno.EAGAIN
begin = time.monotonic()
assert select.select([reader], [], [], 0.05) == ([], [], [])
poll = select.poll()
poll.register(reader, select.POLLIN)
assert poll.poll(50) == []
assert 0.09 < time.monotonic() - begin < 5
with os.fdopen(os.dup(writer), "w") as stream:
    print("ä line", file=stream)
assert select.select([reader], [writer], [], 5) == ([reader], [writer], [])
assert poll.poll(5) == [(reader, select.POLLIN)]
with selectors.DefaultSelector() as selector:
    selector.register(reader, selectors.EVENT_READ, "data")
    assert [key.data for key, _ in selector.select(1)] == ["data"]
os.close(writer)
assert os.fdopen(reader, "r").read() == "ä line\\n"  # and then the end of the file
reader, writer = os.pipe()
os.close(reader)
assert refused(lambda: os.write(writer, b"x")) == errno.EPIPE
"""

SOCKET_PAIRS = """
import socket
one, other = socket.socketpair()
one.sendall(b"hello")
assert other.recv(10, socket.MSG_PEEK) == other.recv(10) == b"hello"
one.settimeout(0.05)
try:
    one.recv(1)
except TimeoutError as error:
    print(error)
with one.makefile("rwb") as stream:
    other.sendall(b"line\\nrest")
    assert stream.readline() == b"line\\n"
    stream.write(b"answer")
assert other.recv(10) == b"answer"
one.shutdown(socket.SHUT_WR)
assert other.recv(1) == b""
"""

DEVICES = """
import os, stat
for name in ("null", "zero", "full", "random", "urandom"):
    status = os.stat(f"/dev/{name}")
    assert stat.S_ISCHR(status.st_mode) and status.st_size == 0, name
    with open(f"/dev/{name}", "r+b", buffering=0) as device:
        assert stat.S_ISCHR(os.fstat(device.fileno()).st_mode), name
with open(os.devnull, "r+") as null:
    assert null.read() == "" and null.write("x") == 1
with open("/dev/zero", "rb") as zero, open("/dev/urandom", "rb") as random:
    assert zero.read(1000) == bytes(1000)
    assert len(set(random.read(1000))) > 100
try:
    with open("/dev/full", "w") as full:
        full.write("x")
except OSError as error:
    print(error.strerror, flush=True)
with open("/dev/stdout", "w") as same, open("/dev/fd/1", "w") as number:
    same.write("out ")
    same.flush()
    number.write("and out\\n")
"""

TEMPORARY = """
import os, tempfile
assert tempfile.gettempdir() == "/tmp"
with tempfile.TemporaryFile() as file, tempfile.SpooledTemporaryFile(max_size=2) as spooled:
    for one in (file, spooled):
        one.write(b"content")
        one.seek(0)
        assert one.read() == b"content" and one.fileno() > 2
assert os.listdir("/tmp") == []
with tempfile.NamedTemporaryFile("w+", suffix=".txt") as file:
    assert os.path.exists(file.name) and file.name.endswith(".txt")
with tempfile.TemporaryDirectory() as folder:
    os.makedirs(f"{folder}/a/b")
    open(f"{folder}/a/b/file", "w").close()
    os.symlink("file", f"{folder}/a/b/link")
    os.symlink("nowhere", f"{folder}/a/dangling")
    os.chmod(f"{folder}/a", 0o500)
assert os.listdir("/tmp") == []
"""

MAPS = """
import mmap
with mmap.mmap(-1, 100_000) as anonymous:
    assert anonymous[:] == bytes(100_000)
    anonymous[99_990:] = b"0123456789"
    assert anonymous.find(b"345") == 99_993
open("file", "wb").write(b"0123456789" * 20_000)
with open("file", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as shown:
    assert len(shown) == 200_000 and shown[199_998:] == b"89" and bytes(memoryview(shown)[3:6]) == b"345"
    try:
        shown[0] = 1
    except TypeError as error:
        print(error)
with open("file", "rb") as file, mmap.mmap(file.fileno(), 5, prot=mmap.PROT_READ, offset=mmap.PAGESIZE) as part:
    assert part[:] == b"67890"
with open("file", "r+b") as file, mmap.mmap(file.fileno(), 0) as shared:
    shared[0:2] = b"ab"
    shared.flush()
    assert open("file", "rb").read(4) == b"ab23"
    shared[199_999:] = b"z"
with open("file", "r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as private:
    private[0:4] = b"none"
left_open = open("file", "r+b")
at_the_end = mmap.mmap(left_open.fileno(), 0)
at_the_end[2:4] = b"cd"
"""

ATTRIBUTES = """
import fcntl, grp, os, pwd, time
user = pwd.getpwuid(os.getuid())
assert pwd.getpwnam(user.pw_name) == user and pwd.getpwall() == [user]
assert os.geteuid() == user.pw_uid and os.getgroups() == [os.getgid()]
assert grp.getgrgid(os.getgid()).gr_name == "root" and os.getlogin() == user.pw_name
file = os.open("file", os.O_CREAT | os.O_RDWR)
for mode in (0o751, 0o600, 0o000):
    os.chmod("file", mode)
    assert os.stat("file").st_mode & 0o7777 == os.fstat(file).st_mode & 0o7777 == mode
os.fchmod(file, 0o640)
os.rename("file", "moved")
assert os.stat("moved").st_mode & 0o7777 == 0o640
os.chown("moved", 5, 6)
assert (os.stat("moved").st_uid, os.stat("moved").st_gid) == (5, 6)
assert os.umask(0o077) == 0o022 and os.umask(0o022) == 0o077
os.utime("moved", ns=(1_000_000_001, 2_123_456_789))
assert (os.stat("moved").st_atime_ns, os.fstat(file).st_mtime_ns) == (1_000_000_001, 2_123_456_789)
os.utime(file, (5, 6.5))
assert os.path.getmtime("moved") == 6.5
os.utime("moved")
assert abs(os.path.getmtime("moved") - time.time()) < 10
fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.lockf(file, fcntl.LOCK_EX, 10)
fcntl.lockf(file, fcntl.LOCK_UN)
os.lockf(file, os.F_TEST, 0)
assert fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
assert fcntl.fcntl(file, fcntl.F_GETFD) == fcntl.FD_CLOEXEC
try:
    fcntl.flock(99, fcntl.LOCK_SH)
except OSError as error:
    print(error.strerror)
"""

PROCESS = """
import os, sys, time
assert os.path.isfile(sys.executable) and os.path.isdir(sys.prefix) and sys.orig_argv[0] == sys.executable
named = {name: getattr(sys.flags, name) for name in dir(sys.flags) if name[0] != "_"}
print([name for name, value in named.items() if value and not callable(value) and not name.startswith("n_")])
assert len(os.urandom(100_000)) == 100_000 and os.urandom(16) != os.urandom(16)
clocks = (time.monotonic, time.perf_counter, time.process_time, time.time)
begins = [clock() for clock in clocks]
time.sleep(0.02)
sum(range(100_000))
assert all(0 < clock() - begin < 5 for clock, begin in zip(clocks, begins))
assert time.monotonic_ns() - begins[0] * 1e9 > 15e6
assert sys.stdin.encoding == sys.stdout.encoding == sys.getfilesystemencoding() == "utf-8"
name = "ä日本😀"
with open(name, "w") as file:
    file.write(sys.stdin.read())
assert os.listdir() == [name] and os.listdir(b".") == [name.encode()]
print(open(name).read(), name, file=sys.stderr)
"""

FOLDERS = """
import os
os.makedirs("top/inner")
open("top/file", "w").write("abc")
top = os.open("top", os.O_RDONLY)
assert sorted(os.listdir(top)) == ["file", "inner"]
with os.scandir(top) as entries:
    assert {entry.name: entry.is_dir() for entry in entries} == {"file": False, "inner": True}
assert [step[:3] for step in os.fwalk("top")] == [("top", ["inner"], ["file"]), ("top/inner", [], [])]
assert os.read(os.open("file", os.O_RDONLY, dir_fd=top), 9) == b"abc"
assert os.stat("file", dir_fd=top).st_size == 3
os.mkdir("new", dir_fd=top)
os.rename("file", "new/file", src_dir_fd=top, dst_dir_fd=top)
os.symlink("new", "link", dir_fd=top)
assert os.readlink("link", dir_fd=top) == "new" and os.access("link/file", os.R_OK, dir_fd=top)
os.link("new/file", "hard", src_dir_fd=top, dst_dir_fd=top, follow_symlinks=False)
assert os.stat("top/hard").st_nlink == 2 and os.path.samefile("top/hard", "top/link/file")
os.unlink("hard", dir_fd=top)
os.unlink("new/file", dir_fd=top)
os.rmdir("new", dir_fd=top)
assert sorted(os.listdir("top")) == ["inner", "link"]
"""

TREES = """
import os, shutil
os.makedirs("from/inner")
open("from/inner/file", "w").write("x" * 100_000)
os.symlink("file", "from/inner/link")
os.chmod("from/inner/file", 0o640)
os.utime("from/inner/file", (10**9, 10**9))
def check(top):
    status = os.stat(f"{top}/inner/file")
    assert (status.st_size, status.st_mtime, status.st_mode & 0o7777) == (100_000, 10**9, 0o640), (top, status)
shutil.copytree("from", "to", symlinks=True)
check("to")
assert os.readlink("to/inner/link") == "file"
for kind, _ in shutil.get_archive_formats():
    shutil.unpack_archive(shutil.make_archive(f"archive-{kind}", kind, "from"), kind)
    assert os.path.getsize(f"{kind}/inner/link") == 100_000
    if kind != "zip":  # which keeps no permissions
        check(kind)
shutil.move("to", "moved")
check("moved")
assert shutil.rmtree.avoids_symlink_attacks
for top in ("from", "moved", *(kind for kind, _ in shutil.get_archive_formats())):
    shutil.rmtree(top)
print(sorted(os.listdir()))
"""

PYTEST = """
import os, sys, pytest
def test_descriptors(capfd):
    print("printed")
    os.write(2, b"written")
    assert capfd.readouterr() == ("printed\\n", "written")
def test_streams(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    print(len(list(tmp_path.iterdir())))
    assert capsys.readouterr().out == "0\\n"
def test_input():
    with pytest.raises(OSError, match="reading from stdin"):
        input()
def test_failing():
    os.write(1, b"written directly")
    print("to stderr", file=sys.stderr)
    assert 1 == 2
"""


def in_folder(chain: Chain, folder: Path, code: str) -> str:
    """Run code in the guest with a folder to write in, and return what it printed."""
    return printed(chain.python("--dir", ".", "-c", code, cwd=folder))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(REDIRECTING, "before\nafter\nBad file descriptor", id="redirecting"),
        pytest.param(PIPES, "", id="pipes"),
        pytest.param(SOCKET_PAIRS, "timed out", id="socket pairs"),
        pytest.param(DEVICES, "No space left on device\nout and out", id="devices"),
        pytest.param(TEMPORARY, "", id="temporary files"),
        pytest.param(ATTRIBUTES, "Bad file descriptor", id="attributes"),
        pytest.param(FOLDERS, "", id="folders"),
    ],
)
def test_the_surface(chain: Chain, tmp_path: Path, code: str, expected: str) -> None:
    assert in_folder(chain, tmp_path, code) == expected


def test_maps_are_written_back(chain: Chain, tmp_path: Path) -> None:
    assert in_folder(chain, tmp_path, MAPS) == "mmap can't modify a readonly memory map."
    content = (tmp_path / "file").read_bytes()
    assert (len(content), content[:6], content[-2:]) == (200_000, b"abcd45", b"8z")


def test_the_process_and_its_names(chain: Chain, tmp_path: Path) -> None:
    ended = chain.python("--dir", ".", "-c", PROCESS, cwd=tmp_path, text="€ in")
    assert (ended.returncode, ended.stderr) == (0, "€ in ä日本😀\n")
    # Nothing is set but what plain `python` sets, and that no bytecode is written to read-only folders.
    assert ended.stdout == "['dont_write_bytecode', 'gil', 'hash_randomization', 'int_max_str_digits']\n"
    assert (tmp_path / "ä日本😀").read_text("utf-8") == "€ in"


def test_trees_and_archives(chain: Chain, tmp_path: Path) -> None:
    left = in_folder(chain, tmp_path, TREES)
    names = [f"archive-{kind}" for kind in ("bztar.tar.bz2", "gztar.tar.gz", "tar.tar", "xztar.tar.xz", "zip.zip")]
    assert left == str(names)


def test_permissions_do_not_reach_this_machine(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o644)
    in_folder(chain, tmp_path, "import os; os.chmod('file', 0o4777); os.chown('file', 1, 1)")
    status = (tmp_path / "file").stat()
    assert (status.st_mode & 0o7777, status.st_uid) == (0o644, os.getuid())


def test_pytest_without_options(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(PYTEST, "utf-8")
    packages = suite_packages(chain.context, ())
    path = f"PYTHONPATH=/test-packages/{INNER.as_posix()}"
    mounts = ("--dir", f"{packages}:/test-packages:ro", "--dir", ".")
    ended = chain.python("--env", path, *mounts, "-m", "pytest", cwd=tmp_path)
    assert ended.returncode == 1, ended.stderr
    for words in ("1 failed, 3 passed", "Captured stdout call", "written directly", "Captured stderr call"):
        assert words in ended.stdout
    assert ended.stderr == ""
