"""The standard library as a function author takes it for granted."""

import zlib

import pytest

from tests.integration.chain import SOURCES, Chain, printed

COMPRESSION = """
import bz2, gzip, io, lzma, tarfile, zipfile, zlib
data = b"pywasm " * 10_000
for module in (zlib, bz2, lzma, gzip):
    small = module.compress(data)
    assert len(small) < 500 and module.decompress(small) == data, module
for mode in ("gz", "bz2", "xz"):
    box = io.BytesIO()
    with tarfile.open(fileobj=box, mode=f"w:{mode}") as archive:
        member = tarfile.TarInfo("a")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    box.seek(0)
    with tarfile.open(fileobj=box) as archive:
        assert archive.extractfile("a").read() == data
box = io.BytesIO()
with zipfile.ZipFile(box, "w", zipfile.ZIP_LZMA) as archive:
    archive.writestr("a", data)
assert zipfile.ZipFile(box).read("a") == data
print(zlib.crc32(data), zlib.adler32(data))
"""

SQLITE = """
import math, os, sqlite3, tempfile
folder = tempfile.mkdtemp()
path = os.path.join(folder, "a.db")
first, second = sqlite3.connect(path), sqlite3.connect(path, timeout=0.1)
first.execute("create table t (n integer primary key, text)")
with first:
    first.executemany("insert into t (text) values (?)", [(str(n),) for n in range(1000)])
assert second.execute("select count(*), sum(text) from t").fetchone() == (1000, 499500)
first.execute("begin immediate")
try:
    second.execute("insert into t (text) values ('x')")
except sqlite3.OperationalError as error:
    print(error)
first.rollback()
memory = sqlite3.connect(":memory:")
memory.execute("create virtual table f using fts5(body)")
memory.execute("insert into f values ('the quick brown fox')")
assert memory.execute("select count(*) from f where f match 'quick'").fetchone() == (1,)
memory.execute("create virtual table r using rtree(id, a, b)")
memory.execute("insert into r values (1, 0.5, 2.5)")
assert memory.execute("select id from r where a < 1").fetchall() == [(1,)]
assert memory.execute("select json_extract('{\\"a\\": [1, 2]}', '$.a[1]')").fetchone() == (2,)
assert math.isclose(memory.execute("select sin(1) + pow(2, 0.5)").fetchone()[0], math.sin(1) + 2**0.5)
memory.create_function("twice", 1, lambda n: 2 * n)
assert memory.execute("select twice(21)").fetchone() == (42,)
copy = sqlite3.connect(":memory:")
first.backup(copy)
assert copy.execute("select max(n) from t").fetchone() == (1000,)
first.execute("vacuum")
"""

TLS = """
import hashlib, ssl
print(ssl.OPENSSL_VERSION.split()[0], ssl.HAS_TLSv1_3)
for name in ("md5", "sha1", "sha256", "sha3_512", "blake2b", "shake_128", "ripemd160"):
    hashlib.new(name)
assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
assert hashlib.scrypt(b"p", salt=b"s", n=16, r=8, p=1, dklen=4)
assert len(hashlib.pbkdf2_hmac("sha256", b"p", b"s", 1000)) == 32
server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_context.load_cert_chain("certificate.pem")
def connect(context):
    client_in, client_out, server_in, server_out = (ssl.MemoryBIO() for _ in range(4))
    client = context.wrap_bio(client_in, client_out, server_hostname="localhost")
    server = server_context.wrap_bio(server_in, server_out, server_side=True)
    done = set()
    while len(done) < 2:
        for end in (client, server):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass
            server_in.write(client_out.read())
            client_in.write(server_out.read())
    client.write(b"hello")
    server_in.write(client_out.read())
    return client.version(), client.getpeercert()["subject"], server.read()
print(connect(ssl.create_default_context(cafile="certificate.pem")))
try:
    connect(ssl.create_default_context())
except ssl.SSLCertVerificationError as error:
    print(error.verify_message)
"""

ASYNCIO = """
import asyncio, concurrent.futures
async def later(n):
    await asyncio.sleep(n / 100)
    return n
async def main():
    print(await asyncio.gather(*(later(n) for n in (3, 1, 2))))
    queue = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        group.create_task(queue.put("item"))
        print(await queue.get())
    try:
        async with asyncio.timeout(0.02):
            await asyncio.sleep(10)
    except TimeoutError:
        print("timed out")
    print(await asyncio.to_thread(sum, [1, 2]), await asyncio.get_running_loop().run_in_executor(None, int, "4"))
asyncio.run(main())
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    print(list(pool.map(abs, [-1, -2])), repr(pool.submit(int, "x").exception()))
"""


def test_compression(chain: Chain) -> None:
    data = b"pywasm " * 10_000
    assert printed(chain.python("-c", COMPRESSION)) == f"{zlib.crc32(data)} {zlib.adler32(data)}"


def test_sqlite(chain: Chain) -> None:
    assert printed(chain.python("-c", SQLITE)) == "database is locked"


def test_tls_through_memory(chain: Chain) -> None:
    ended = chain.python("--dir", SOURCES, "-c", TLS.replace("certificate.pem", str(SOURCES / "certificate.pem")))
    version, session, refusal = printed(ended).splitlines()
    assert version == "OpenSSL True" and session.startswith("('TLSv1.3', ") and session.endswith(", b'hello')")
    assert refusal == "self-signed certificate"


def test_asyncio_and_executors(chain: Chain) -> None:
    expected = "[3, 1, 2]\nitem\ntimed out\n3 4\n[1, 2] ValueError(\"invalid literal for int() with base 10: 'x'\")"
    assert printed(chain.python("-c", ASYNCIO)) == expected


def test_time_zones(chain: Chain) -> None:
    code = """if 1:
        import zoneinfo, datetime
        zone = zoneinfo.ZoneInfo("Europe/Vienna")
        print(datetime.datetime(2025, 7, 1, 12, tzinfo=zone).utcoffset(), len(zoneinfo.available_timezones()) > 400)
    """
    assert printed(chain.python("-c", code)) == "2:00:00 True"


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("import curses", "ModuleNotFoundError", "WASI has no"),
        ("import tkinter", "ModuleNotFoundError", "WASI has no windows"),
        ("import readline", "ModuleNotFoundError", "line editing"),
        ("import tty", "ModuleNotFoundError", "'termios': WASI has no terminal"),
        ("import resource", "ModuleNotFoundError", "WASI has no limits"),
        ("import threading; threading.Thread(target=print).start()", "RuntimeError", "WASI has none"),
        ("import subprocess; subprocess.run(['ls'])", "OSError", "wasi does not support processes"),
        ("import multiprocessing as m; m.Process(target=print).start()", "OSError", "WASI has no processes"),
        ("import socket; socket.create_connection(('localhost', 80))", "OSError", "WASI has no network"),
        ("import socket; socket.socket()", "OSError", "WASI has no network"),
        ("import threading; threading.Event().wait()", "RuntimeError", "deadlock"),
        ("import queue; queue.SimpleQueue().get()", "RuntimeError", "deadlock"),
    ],
)
def test_what_wasi_has_not_is_said_in_words(chain: Chain, code: str, error: str, words: str) -> None:
    ended = chain.python("-c", code)
    last = ended.stderr.splitlines()[-1]
    assert ended.returncode == 1 and last.startswith(error) and words in last, ended.stderr


def test_a_module_that_is_not_there_is_not_found_by_name_either(chain: Chain) -> None:
    code = "from importlib.util import find_spec; print(find_spec('tkinter'), find_spec('termios'))"
    assert printed(chain.python("-c", code)) == "None None"


def test_a_lock_times_out(chain: Chain) -> None:
    code = """if 1:
        import threading, queue, time
        begin = time.monotonic()
        lock = threading.Lock()
        lock.acquire()
        print(lock.acquire(timeout=0.05), threading.Event().wait(0.05))
        try:
            queue.Queue().get(timeout=0.05)
        except queue.Empty:
            print(0.15 <= time.monotonic() - begin < 5)
    """
    assert printed(chain.python("-c", code)) == "False False\nTrue"


SHARED_MAPS = """
import mmap, os
with open("/tmp/map", "w+b") as file:
    file.write(b"a" * 200_000)
    file.flush()
    shared = mmap.mmap(file.fileno(), 0)
    file.seek(100_000)
    file.write(b"later")
    file.flush()
    shared[:5] = b"first"
    shared.close()
    file.seek(0)
    content = file.read()
    print(content[:6], content[100_000:100_006], len(content))
with open("/tmp/map", "a+b") as file:
    appending = mmap.mmap(file.fileno(), 0)
    appending[1:2] = b"F"
    appending.close()
    print(os.path.getsize("/tmp/map"))
with open("/tmp/large", "wb") as file:
    print(file.write(bytes(200 << 20)))
with open("/tmp/large", "rb") as file:
    print(len(file.read()))
os.chdir("/usr")
print(open("../tmp/map", "rb").read(2), os.path.exists("/tmp/../etc/passwd"))
"""


def test_files_and_maps_of_them(chain: Chain) -> None:
    expected = "b'firsta' b'latera' 200000\n200000\n209715200\n209715200\nb'fF' True"
    assert printed(chain.python("-c", SHARED_MAPS)) == expected


def test_a_callback_that_is_freed_while_it_runs(chain: Chain) -> None:
    code = """if 1:
        import ctypes, gc
        library = ctypes.CDLL(None)
        Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        holder = []
        def compare(one, other):
            holder.clear()
            gc.collect()
            return 0
        holder.append(Compare(compare))
        numbers = (ctypes.c_int * 1)(7)
        found = library.bsearch
        found.restype = ctypes.c_void_p
        found.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)
        address = ctypes.cast(holder[0], ctypes.c_void_p).value
        print(found(ctypes.addressof(numbers), ctypes.addressof(numbers), 1, 4, address) == ctypes.addressof(numbers))
        many = [Compare(compare) for _ in range(5_000)]
        print(len({ctypes.cast(one, ctypes.c_void_p).value for one in many}))
    """
    assert printed(chain.python("-c", code)) == "True\n5000"
