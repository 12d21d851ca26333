from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from pywasm_build.command import (
    SubprocessRunner,
    apply_changes,
    clean_environment,
    in_parallel,
    shell_line,
)
from pywasm_build.errors import CommandFailed, MachineError
from tests.unit.fakes import FakeRunner

PATH = os.environ["PATH"]


@pytest.fixture
def runner() -> SubprocessRunner:
    return SubprocessRunner({"PATH": PATH, "CFLAGS": "-Dleak", "LC_ALL": "C"}, stream=io.StringIO())


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            # A zombie that its new parent has not collected yet counts as ended.
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_capture_gives_stdout_and_the_log_gets_both(runner: SubprocessRunner, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    done = runner.run(python(code), cwd=tmp_path, log=log, capture=True)
    assert done.stdout == "out\n"
    text = log.read_text()
    assert "out\n" in text
    assert "err\n" in text
    assert text.startswith(f"+ (cd {tmp_path} && ")


def test_the_environment_is_clean_but_for_the_changes(runner: SubprocessRunner, tmp_path: Path) -> None:
    code = "import os; print(os.environ.get('CFLAGS'), os.environ.get('LC_ALL'), os.environ['NEW'])"
    done = runner.run(python(code), cwd=tmp_path, env={"NEW": "a b", "LC_ALL": None}, capture=True)
    assert done.stdout == "None None a b\n"


def test_arguments_never_meet_a_shell(runner: SubprocessRunner, tmp_path: Path) -> None:
    nasty = "$(touch owned); `touch owned` *"
    done = runner.run([*python("import sys; print(sys.argv[1])"), nasty], cwd=tmp_path, capture=True)
    assert done.stdout == nasty + "\n"
    assert not (tmp_path / "owned").exists()


def test_failure_shows_the_last_lines_and_the_log(runner: SubprocessRunner, tmp_path: Path) -> None:
    code = "for n in range(100): print('line', n)\nraise SystemExit(3)"
    with pytest.raises(CommandFailed) as caught:
        runner.run(python(code), cwd=tmp_path, log=tmp_path / "x.log")
    error = caught.value
    assert error.returncode == 3
    assert len(error.tail) == 20
    assert error.tail[-1] == "line 99"
    assert f"the full log is {tmp_path / 'x.log'}" in str(error)
    assert "exit code 3" in str(error)
    assert (tmp_path / "x.log").read_text().count("\nline ") == 100


def test_a_signal_is_named(runner: SubprocessRunner, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="signal SIGKILL"):
        runner.run(python("import os; os.kill(os.getpid(), 9)"), cwd=tmp_path)


def test_check_can_be_left_to_the_caller(runner: SubprocessRunner, tmp_path: Path) -> None:
    assert runner.run(python("raise SystemExit(7)"), cwd=tmp_path, check=False).returncode == 7


def test_a_missing_program_is_named_with_the_doctor(runner: SubprocessRunner, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"no-such-program.*bin/inv doctor"):
        runner.run(["no-such-program"], cwd=tmp_path)


def test_a_missing_folder_is_an_error_of_ours(runner: SubprocessRunner, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="nowhere"):
        runner.run(python("pass"), cwd=tmp_path / "nowhere")


def test_a_relative_program_is_searched_from_the_folder(runner: SubprocessRunner, tmp_path: Path) -> None:
    script = tmp_path / "configure"
    script.write_text("#!/bin/sh\necho configured\n")
    script.chmod(0o755)
    assert runner.run(["./configure"], cwd=tmp_path, capture=True).stdout == "configured\n"


def test_timeout_ends_the_command_and_its_children(runner: SubprocessRunner, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True);time.sleep(60)"
    )
    with pytest.raises(CommandFailed, match="longer than 1 s") as caught:
        runner.run(python(code), cwd=tmp_path, timeout=1)
    assert caught.value.returncode is None
    assert gone(int(caught.value.tail[0]))


def test_a_daemon_that_keeps_the_pipe_does_not_hang_the_build(runner: SubprocessRunner, tmp_path: Path) -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '30']).pid)"
    started = time.monotonic()
    done = runner.run(python(code), cwd=tmp_path, capture=True)
    os.kill(int(done.stdout), signal.SIGKILL)
    assert time.monotonic() - started < 10


def test_the_terminal_gets_one_line_and_the_command(tmp_path: Path) -> None:
    stream = io.StringIO()
    SubprocessRunner({"PATH": PATH}, stream=stream).run(["true"], cwd=tmp_path, title="say yes")
    assert stream.getvalue().splitlines() == [f"+ (cd {tmp_path} && true)", "say yes ..."]


def test_shell_line_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "with blank"
    folder.mkdir()
    line = shell_line(["sh", "-c", 'echo "$A|$B|$1"; pwd', "x", "it's"], cwd=folder, env={"A": "1 $2", "B": None})
    done = subprocess.run(["sh", "-c", line], env={"PATH": PATH, "B": "b"}, capture_output=True, text=True)
    assert done.stdout == f"1 $2||it's\n{folder}\n"


def test_changes_to_none_remove() -> None:
    assert apply_changes({"A": "1", "B": "2"}, {"A": None, "C": "3"}) == {"B": "2", "C": "3"}


@pytest.mark.parametrize("name", ["PATH", "https_proxy", "PIP_INDEX_URL", "SSL_CERT_FILE", "LC_ALL"])
def test_what_reaches_commands(name: str) -> None:
    assert clean_environment({name: "x"}) == {name: "x"}


@pytest.mark.parametrize("name", ["CC", "CFLAGS", "PYTHONPATH", "PKG_CONFIG_PATH", "MAKEFLAGS", "VIRTUAL_ENV"])
def test_what_does_not(name: str) -> None:
    assert clean_environment({name: "x"}) == {}


PARENT = """
import os, sys
from pathlib import Path
from pywasm_build.command import SubprocessRunner
try:
    SubprocessRunner(os.environ).run(
        [sys.executable, "-c",
         "import os, subprocess, time; p = subprocess.Popen(['sleep', '60']);"
         "print(os.getpid(), p.pid, file=open('pids.new', 'w'), flush=True); os.rename('pids.new', 'pids');"
         "time.sleep(60)"],
        cwd=Path.cwd())
except KeyboardInterrupt:
    sys.exit(77)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 77), (signal.SIGTERM, 143)])
def test_interruption_ends_the_whole_group_and_propagates(tmp_path: Path, number: signal.Signals, code: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=tmp_path, env=environment) as parent:
        for _ in range(200):
            if (tmp_path / "pids").exists():
                break
            time.sleep(0.05)
        parent.send_signal(number)
        assert parent.wait(20) == code
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_in_parallel_keeps_the_order() -> None:
    def call(number: int) -> int:
        time.sleep(0.01 * (5 - number))
        return number

    calls = [partial(call, number) for number in range(5)]
    assert in_parallel(FakeRunner(), calls, jobs=5) == [0, 1, 2, 3, 4]


def test_in_parallel_stops_the_others_at_the_first_failure(runner: SubprocessRunner, tmp_path: Path) -> None:
    def slow() -> None:
        runner.run(["sleep", "60"], cwd=tmp_path)

    def bad() -> None:
        time.sleep(0.3)
        runner.run(["false"], cwd=tmp_path)

    started = time.monotonic()
    with pytest.raises(CommandFailed, match="false"):
        in_parallel(runner, [slow, bad, slow], jobs=2)
    assert time.monotonic() - started < 20


def test_terminate_ends_what_another_thread_runs(runner: SubprocessRunner, tmp_path: Path) -> None:
    errors: list[CommandFailed] = []

    def work() -> None:
        try:
            runner.run(["sleep", "60"], cwd=tmp_path)
        except CommandFailed as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        runner.terminate()
        thread.join(0.05)
    assert errors[0].returncode == -signal.SIGTERM
