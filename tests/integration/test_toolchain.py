"""Programs in C and C++ through the drivers, as any build system would call them."""

from pathlib import Path

import pytest

from tests.integration.chain import Chain, run

C = r"""
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int count, char **words) {
    for (int i = 1; i < count; i++) printf("<%s>", words[i]);
    char *end;
    printf(" %.17g %Lg %.3f %s\n", strtod("0x1.8p1", &end), 2.5L, sin(1.0), strerror(ENOENT));
    FILE *file = fopen("some file", "w");
    fprintf(file, "%s\n", "written");
    return fclose(file) ? 1 : 7;
}
"""
CPP = r"""
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>
struct Shape { virtual ~Shape() = default; };
struct Round : virtual Shape { std::string name = "round"; };
struct Error : std::runtime_error { using runtime_error::runtime_error; int code = 5; };
struct Guard { ~Guard() { std::cout << "unwound "; } };
static std::vector<std::string> registered{"constructed before main"};
[[noreturn]] static void fail(const std::string &what) { Guard guard; throw Error(what); }
int main() {
    std::unique_ptr<Shape> shape = std::make_unique<Round>();
    const Shape &known = *shape;
    std::cout << dynamic_cast<Round &>(*shape).name << ' ' << (typeid(known) == typeid(Round)) << '\n';
    try { fail("a long text that does not fit into the string itself"); }
    catch (const std::logic_error &) { std::cout << "wrong\n"; }
    catch (const Error &error) { std::cout << error.what() << ' ' << error.code << '\n'; }
    try { (void)dynamic_cast<Round &>(static_cast<Shape &>(*std::make_unique<Shape>())); }
    catch (const std::bad_cast &) { std::cout << "bad cast\n"; }
    std::vector<double> numbers{3, 1, 2};
    std::sort(numbers.begin(), numbers.end());
    std::cout << registered[0] << ' ' << std::setprecision(3) << numbers[2] / 7 << ' ' << std::hex << 255 << '\n';
    std::cout << std::regex_replace(std::string("a-b"), std::regex("-"), "+") << std::endl;
    try { std::vector<int>().at(1); } catch (const std::exception &error) { std::cerr << error.what() << '\n'; }
}
"""
CPP_PRINTED = """\
round 1
unwound a long text that does not fit into the string itself 5
bad cast
constructed before main 0.429 ff
a+b
"""
SETJMP = r"""
#include <setjmp.h>
#include <stdio.h>
static jmp_buf outer, inner;
static void leave(jmp_buf *where, int depth) { if (depth) leave(where, depth - 1); else longjmp(*where, 3); }
int main(void) {
    volatile int visits = 0;
    if (setjmp(outer)) { printf("outer %d\n", visits); return 0; }
    for (;;) {
        if (setjmp(inner) == 0) leave(&inner, 5);
        if (++visits == 1000) leave(&outer, 50);
    }
}
"""
THREADS = r"""
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <thread>
template <class Mutex> static const char *lock_twice() {
    Mutex mutex;
    std::unique_lock<Mutex> first(mutex), second(mutex, std::try_to_lock);
    return second ? "locked " : "busy ";
}
int main() {
    int calls = 0;
    std::once_flag once;
    for (int i = 0; i < 2; i++) std::call_once(once, [&] { calls++; });
    std::cout << calls << ' ' << std::async(std::launch::deferred, [] { return 5; }).get() << ' ';
    std::cout << lock_twice<std::mutex>() << lock_twice<std::recursive_mutex>() << lock_twice<std::shared_mutex>();
    thread_local int own = 7;
    try { std::thread([] {}).join(); }
    catch (const std::system_error &error) {
        std::cout << (error.code() == std::errc::resource_unavailable_try_again) << own;
    }
}
"""
HEADERS = [
    "dirent",
    "fcntl",
    "grp",
    "poll",
    "pwd",
    "stdio",
    "stdlib",
    "unistd",
    "sys/file",
    "sys/mman",
    "sys/resource",
    "sys/select",
    "sys/socket",
    "sys/stat",
    "sys/times",
    "sys/un",
]
# The functions that the headers of WASI hide, called once: a wrong type is an error of the linker or a trap.
ADDITIONS = (
    "\n".join(f"#include <{name}.h>" for name in HEADERS)
    + r"""
int main() {
    int ends[2], pair[2];
    char name[] = "temporary.XXXXXX";
    if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || dup2(ends[0], 20) != 20) return 1;
    struct rlimit limit;
    struct sockaddr_un address;
    socklen_t size = sizeof address;
    if (getrlimit(RLIMIT_NOFILE, &limit) || getsockname(pair[0], (struct sockaddr *)&address, &size)) return 2;
    int file = mkstemp(name);
    if (chmod(name, 0600) || chown(name, 1, 1) || fchmod(file, 0640) || flock(file, LOCK_EX)) return 3;
    if (unlink(name) || umask(077) != 022 || !getpwuid(getuid()) || !getgrgid(getgid())) return 4;
    void *memory = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED || munmap(memory, 1) || sysconf(_SC_OPEN_MAX) < 1000;
}
"""
)
# What only packages are told of, each function by the error or the result that it has to have.
FOR_PACKAGES = r"""
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#define FAILS(call, error) (errno = 0, (call) == -1 && errno == (error))
#define HOLDS(what) do { if (!(what)) { printf("%d: %s\n", __LINE__, #what); failed = 1; } } while (0)
static int failed, last, count;
static void note(int number) { last = number; count++; }
static void note_more(int number, siginfo_t *info, void *context) {
    last = info->si_signo * 100 + number;
    count += context == NULL;
}
static void sets(void) {
    sigset_t set, before;
    HOLDS(!sigemptyset(&set) && !sigismember(&set, 64) && !sigaddset(&set, 64) && sigismember(&set, 64) == 1);
    HOLDS(sigismember(&set, 63) == 0 && sigismember(&set, 32) == 0 && !sigdelset(&set, 64) && !sigismember(&set, 64));
    HOLDS(FAILS(sigaddset(&set, 0), EINVAL) && FAILS(sigdelset(&set, 65), EINVAL));
    HOLDS(FAILS(sigismember(&set, -1), EINVAL));
    HOLDS(!sigfillset(&set) && sigismember(&set, 1) && sigismember(&set, 33) && sigismember(&set, 64));
    HOLDS(!pthread_sigmask(SIG_BLOCK, &set, &before) && !sigismember(&before, SIGINT));
    HOLDS(!sigemptyset(&set) && !sigaddset(&set, SIGINT) && !sigprocmask(SIG_UNBLOCK, &set, &before));
    HOLDS(sigismember(&before, SIGINT) && sigismember(&before, SIGUSR2) && !sigismember(&before, SIGKILL));
    HOLDS(!sigprocmask(SIG_SETMASK, &set, &before) && !sigismember(&before, SIGINT) && sigismember(&before, SIGUSR2));
    HOLDS(!sigprocmask(99, NULL, &before) && sigismember(&before, SIGINT) && !sigismember(&before, SIGUSR2));
    HOLDS(pthread_sigmask(99, &set, NULL) == EINVAL && FAILS(sigprocmask(99, &set, NULL), EINVAL));
    HOLDS(!sigpending(&set) && !sigismember(&set, SIGINT));
}
static void actions(void) {
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    action.sa_flags = SA_RESTART;
    HOLDS(!sigaction(SIGUSR1, &action, &before) && before.sa_handler == SIG_DFL && before.sa_flags == 0);
    HOLDS(!kill(getpid(), SIGUSR1) && last == SIGUSR1 && count == 1);
    HOLDS(!sigaction(SIGUSR1, NULL, &before) && before.sa_handler == note && before.sa_flags == SA_RESTART);
    action.sa_sigaction = note_more;
    action.sa_flags = SA_SIGINFO;
    HOLDS(!sigaction(SIGUSR1, &action, &before) && before.sa_handler == note);
    HOLDS(!raise(SIGUSR1) && last == SIGUSR1 * 101 && count == 2 && !raise(SIGUSR1) && count == 3);
    HOLDS(!sigaction(SIGUSR1, NULL, &before) && before.sa_sigaction == note_more && before.sa_flags == SA_SIGINFO);
    HOLDS(signal(SIGUSR1, SIG_IGN) != SIG_ERR && !sigaction(SIGUSR1, NULL, &before) && before.sa_handler == SIG_IGN);
    action.sa_flags |= (int)SA_RESETHAND;
    HOLDS(!sigaction(SIGUSR1, &action, NULL) && !raise(SIGUSR1) && count == 4);
    HOLDS(!sigaction(SIGUSR1, NULL, &before) && before.sa_handler == SIG_DFL && before.sa_flags == 0);
    HOLDS(FAILS(sigaction(SIGKILL, &action, NULL), EINVAL) && FAILS(sigaction(65, &action, NULL), EINVAL));
    HOLDS(FAILS(kill(getpid() + 1, SIGUSR1), ESRCH) && !kill(0, 0) && FAILS(kill(0, 99), EINVAL));
}
static void names(void) {
    struct addrinfo hints, *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    HOLDS(getaddrinfo("localhost", "80", &hints, &found) == EAI_FAIL && getaddrinfo(0, 0, 0, &found) == EAI_NONAME);
    freeaddrinfo(found);
    HOLDS(!strcmp(gai_strerror(EAI_FAIL), "Names cannot be looked up") && !strcmp(gai_strerror(-9), "Unknown error"));
    HOLDS(!strcmp(gai_strerror(1), "Unknown error") && !strcmp(gai_strerror(-99), "Unknown error"));
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    HOLDS(getnameinfo((struct sockaddr *)&address, sizeof address, 0, 0, 0, 0, NI_NUMERICHOST) == EAI_FAIL);
    HOLDS(!gethostbyname("localhost") && h_errno == NO_RECOVERY);
    h_errno = 0;
    HOLDS(!gethostbyaddr(&address.sin_addr, 4, AF_INET) && !strcmp(hstrerror(h_errno), "Hosts cannot be looked up"));
    HOLDS(!getservbyname("http", "tcp") && !getservbyport(80, 0) && !getprotobyname("tcp") && !getprotobynumber(6));
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    HOLDS(address.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && inet_addr("nowhere") == INADDR_NONE);
    HOLDS(!strcmp(inet_ntoa(address.sin_addr), "127.0.0.1"));
}
static void sockets(void) {
    int pair[2], yes = 1, file[2];
    struct sockaddr_in address;
    struct sockaddr *where = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    char text[8] = "", one[] = "on", two[] = "e!";
    struct iovec out[] = {{one, 2}, {two, 2}}, in[] = {{text, 1}, {text + 1, 6}};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    memset(&address, 0, sizeof address);
    HOLDS(FAILS(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT) && FAILS(socket(AF_LOCAL, SOCK_DGRAM, 0), EAFNOSUPPORT));
    HOLDS(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !pipe(file));
    HOLDS(FAILS(connect(pair[0], where, size), EISCONN) && FAILS(connect(99, where, size), EBADF));
    HOLDS(FAILS(bind(pair[0], where, size), EINVAL) && FAILS(bind(file[0], where, size), ENOTSOCK));
    HOLDS(FAILS(listen(pair[0], SOMAXCONN), EOPNOTSUPP) && FAILS(listen(99, 1), EBADF));
    HOLDS(FAILS(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), ENOPROTOOPT));
    HOLDS(FAILS(setsockopt(pair[0], SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes), ENOPROTOOPT));
    HOLDS(FAILS(sendto(pair[0], "ab", 2, 0, where, size), EISCONN) && sendto(pair[0], "ab", 2, 0, NULL, 0) == 2);
    HOLDS(recvfrom(pair[1], text, 8, 0, where, &size) == 2 && size == 0 && !strcmp(text, "ab"));
    message.msg_iov = out;
    message.msg_iovlen = 2;
    HOLDS(sendmsg(pair[1], &message, 0) == 4 && FAILS(sendmsg(pair[1], &message, MSG_DONTWAIT), EOPNOTSUPP));
    HOLDS(FAILS(sendmsg(file[1], &message, 0), ENOTSOCK) && FAILS(recvmsg(file[0], &message, 0), ENOTSOCK));
    message.msg_iov = in;
    message.msg_name = where;
    message.msg_namelen = sizeof address;
    HOLDS(recvmsg(pair[0], &message, 0) == 4 && message.msg_namelen == 0 && !strcmp(text, "one!"));
    HOLDS(FAILS(recvmsg(pair[0], &message, MSG_DONTWAIT), EOPNOTSUPP));
}
static void count_up(void) { count++; }
static void processes(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    count = 0;
    HOLDS(!pthread_once(&once, count_up) && !pthread_once(&once, count_up) && count == 1);
    HOLDS(!pthread_atfork(count_up, count_up, count_up) && count == 1);
    HOLDS(system(NULL) == 0 && FAILS(system("true"), ENOSYS));
}
int main(void) {
    sets();
    actions();
    names();
    sockets();
    struct ifaddrs *interfaces;
    HOLDS(FAILS(getifaddrs(&interfaces), ENOSYS) && interfaces == NULL);
    freeifaddrs(interfaces);
    processes();
    tzset();
    HOLDS(timezone == 0 && daylight == 0 && !strcmp(tzname[0], "UTC") && !strcmp(tzname[1], "UTC"));
    return failed;
}
"""
MAP_AND_END = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int count, char **words) {
    int file = open("mapped", O_RDWR);
    char *start = mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    memcpy(start, words[1], 5);
    if (strcmp(words[1], "_exit") == 0) _exit(3);
    if (strcmp(words[1], "exit!") == 0) exit(3);
    return count - 2;
}
"""
STREAMS = r"""
#include <stdio.h>
#include <unistd.h>
int main(void) {
    char first[4] = "", second[4] = "";
    int in = dup(0), out = dup(1);
    close(0);
    if (read(in, first, 3) != 3 || dup2(in, 0) != 0 || read(0, second, 3) != 3) return 1;
    dprintf(out, "%s %s\n", first, second);
    return close(1) || dprintf(out, "still open\n") < 0 || close(out);
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name a careless shell script would take apart."""
    made = tmp_path / "a folder with 'quotes' & blanks"
    made.mkdir()
    return made


@pytest.mark.parametrize("flags", [["-O2"], ["-O0", "-g"], ["-Oz"], ["-std=c99", "-O2"]], ids=" ".join)
def test_a_c_program(chain: Chain, folder: Path, flags: list[str]) -> None:
    (folder / "a program.c").write_text(C)
    chain.compile(*flags, "-Wall", "-Werror", "a program.c", "-o", "a program.wasm", "-lm", cwd=folder)
    ended = chain.run_program("a program.wasm", "one word", "", "ä*", cwd=folder)
    assert ended.stdout == "<one word><><ä*> 3 2.5 0.841 No such file or directory\n"
    assert (ended.returncode, ended.stderr) == (7, "")
    assert (folder / "some file").read_text() == "written\n"


def test_threads_compile_and_cannot_be_started(chain: Chain, folder: Path) -> None:
    (folder / "p.cpp").write_text(THREADS)
    chain.compile("-std=c++20", "-pthread", "-Wall", "p.cpp", "-o", "p.wasm", cwd=folder, language="cpp")
    assert chain.run_program(folder / "p.wasm", cwd=folder).stdout == "1 5 busy locked busy 17"


@pytest.mark.parametrize("flags", [["-O2"], ["-O0", "-g"]], ids=" ".join)
def test_a_cpp_program(chain: Chain, folder: Path, flags: list[str]) -> None:
    (folder / "p.cpp").write_text(CPP)
    # From elsewhere, by absolute paths, in two steps.
    chain.compile(*flags, "-Wall", "-c", folder / "p.cpp", "-o", folder / "p.o", cwd=folder.parent, language="cpp")
    chain.compile(folder / "p.o", "-o", folder / "p.wasm", cwd=folder.parent, language="cpp")
    ended = chain.run_program(folder / "p.wasm", cwd=folder.parent)
    assert (ended.returncode, ended.stdout) == (0, CPP_PRINTED)
    assert ended.stderr == "vector\n"


def test_setjmp_and_longjmp(chain: Chain, folder: Path) -> None:
    (folder / "p.c").write_text(SETJMP)
    chain.compile("-O2", "p.c", "-o", "p.wasm", cwd=folder)
    ended = chain.run_program("p.wasm", cwd=folder)
    assert (ended.returncode, ended.stdout) == (0, "outer 1000\n")


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_what_wasi_lacks_is_declared_and_there(chain: Chain, folder: Path, language: str) -> None:
    (folder / f"p.{language}").write_text(ADDITIONS)
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]
    chain.compile(*flags, f"p.{language}", "-o", "p.wasm", cwd=folder, language=language)
    ended = chain.run_program("p.wasm", cwd=folder)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_what_only_packages_are_told_of(chain: Chain, folder: Path, language: str) -> None:
    (folder / f"p.{language}").write_text(FOR_PACKAGES)
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-D_WASI_EMULATED_POSIX"]
    libraries = ["-lwasi-emulated-posix"]
    chain.compile(*flags, f"p.{language}", "-o", "p.wasm", *libraries, cwd=folder, language=language)
    ended = chain.run_program("p.wasm", cwd=folder)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


OPENMP = r"""
#include <omp.h>
int main(void) {
    double total = 0, begun = omp_get_wtime();
    int threads = 0, in_order = 1, last = -1;
    omp_lock_t lock;
    omp_init_lock(&lock);
    omp_set_num_threads(4);
    #pragma omp parallel for schedule(static) reduction(+:total)
    for (int i = 0; i < 1000; i++) {
        omp_set_lock(&lock);
        in_order &= i == last + 1;
        last = i;
        omp_unset_lock(&lock);
        total += i;
    }
    #pragma omp parallel
    {
        #pragma omp critical
        threads += omp_get_num_threads() - omp_get_thread_num();
    }
    if (!omp_test_lock(&lock) || omp_test_lock(&lock)) return 1;
    return !(_OPENMP && total == 499500 && in_order && threads == 1 && omp_get_wtime() >= begun);
}
"""


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_openmp_has_one_thread(chain: Chain, folder: Path, language: str) -> None:
    (folder / f"p.{language}").write_text(OPENMP)
    chain.compile("-fopenmp", f"p.{language}", "-o", "p.wasm", "-fopenmp", "-lgomp", cwd=folder, language=language)
    ended = chain.run_program("p.wasm", cwd=folder)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("header", ["netdb.h", "sys/socket.h", "signal.h", "arpa/inet.h", "time.h"])
def test_a_configure_script_does_not_find_it(chain: Chain, folder: Path, header: str) -> None:
    names = {
        "netdb.h": "",
        "sys/socket.h": "socket SO_ERROR",
        "signal.h": "sigaction kill",
        "arpa/inet.h": "inet_addr",
        "time.h": "tzset timezone",
    }
    declared = "".join(f"void *p{name} = &{name};\n" for name in names[header].split())
    (folder / "p.c").write_text(f"#include <{header}>\n{declared}\nint main(void) {{ return 0; }}\n")
    ended = chain.tool("clang", "-fsyntax-only", "p.c", cwd=folder)
    assert ended.stderr.count("error: use of undeclared identifier") == len(names[header].split())
    assert ("WASI has no names of hosts" in ended.stderr) == (header == "netdb.h")
    for name in ("socket", "getaddrinfo", "sigaction", "sigfillset", "pthread_sigmask", "kill", "tzset"):
        # As autoconf asks for a function.
        (folder / "p.c").write_text(f"char {name}(void); int main(void) {{ return {name}(); }}\n")
        ended = chain.tool("clang", "-fno-builtin", "p.c", "-o", "p.wasm", cwd=folder)
        assert f"undefined symbol: {name}" in ended.stderr


@pytest.mark.parametrize(("ending", "status"), [("_exit", 3), ("exit!", 3), ("leave", 0)])
def test_shared_maps_are_written_when_a_program_ends(chain: Chain, folder: Path, ending: str, status: int) -> None:
    (folder / "p.c").write_text(MAP_AND_END)
    (folder / "mapped").write_text("before, and more")
    chain.compile("-O1", "p.c", "-o", "p.wasm", cwd=folder)
    assert chain.run_program("p.wasm", ending, cwd=folder).returncode == status
    assert (folder / "mapped").read_text() == f"{ending}e, and more"


def test_duplicates_of_the_standard_streams(chain: Chain, folder: Path) -> None:
    (folder / "p.c").write_text(STREAMS)
    chain.compile("-O1", "p.c", "-o", "p.wasm", cwd=folder)
    ended = run([chain.root / "bin" / "wasm32-wasip1-run", "p.wasm"], cwd=folder, text="onetwo")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "one two\nstill open\n", "")


def test_a_static_library_and_the_other_tools(chain: Chain, folder: Path) -> None:
    (folder / "one.c").write_text("int one(void) { return 1; }\n")
    (folder / "main.c").write_text("int one(void); int main(void) { return one() + 1; }\n")
    chain.compile("-c", "one.c", "-o", "one.o", cwd=folder)
    for tool, arguments in (("ar", ["qc", "libone.a", "one.o"]), ("ranlib", ["libone.a"]), ("nm", ["one.o"])):
        ended = chain.tool(tool, *arguments, cwd=folder)
        assert ended.returncode == 0, ended.stderr
    assert " T one" in ended.stdout
    chain.compile("main.c", "-L.", "-lone", "-g", "-o", "main.wasm", cwd=folder)
    before = (folder / "main.wasm").stat().st_size
    assert chain.tool("strip", "main.wasm", cwd=folder).returncode == 0
    assert (folder / "main.wasm").stat().st_size < before
    assert chain.run_program("main.wasm", cwd=folder).returncode == 2


def test_an_exception_that_nobody_catches(chain: Chain, folder: Path) -> None:
    (folder / "p.cpp").write_text("int main() { throw 1; }\n")
    chain.compile("p.cpp", "-o", "p.wasm", cwd=folder, language="cpp")
    ended = chain.run_program("p.wasm", cwd=folder)
    assert ended.returncode == 134
    assert ended.stderr.splitlines()[-1].startswith("wasm32-wasip1-run: the guest trapped: ")
    assert "Traceback" not in ended.stderr


def test_an_error_of_the_compiler_is_its_own(chain: Chain, folder: Path) -> None:
    (folder / "p.c").write_text("int main(void) { return missing(); }\n")
    ended = chain.tool("clang", "p.c", "-o", "p.wasm", cwd=folder)
    assert ended.returncode == 1
    assert "call to undeclared function 'missing'" in ended.stderr


def test_a_file_that_is_no_program(chain: Chain, folder: Path) -> None:
    (folder / "p.wasm").write_bytes(b"\x7fELF" + bytes(60))
    ended = chain.run_program("p.wasm", cwd=folder)
    assert ended.returncode == 126
    assert ended.stderr.startswith("wasm32-wasip1-run: p.wasm: ")
    assert ended.stderr.count("\n") == 1
    gone = chain.run_program("gone.wasm", cwd=folder)
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1)
