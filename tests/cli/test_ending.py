"""Whatever ends a command, its children end too, and what it wrote does not stop the next run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from collegium.chain import engines

GRACE = 12.0  # seconds; a worker that imports torch notices late on a busy machine


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python in a session of its own, with the signals' default dispositions."""
    ours = {n: signal.signal(n, signal.SIG_DFL) for n in (signal.SIGTERM, signal.SIGHUP)}
    ours[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
    with process:
        try:
            yield process
        finally:
            process.kill()


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Descendants that do not belong to multiprocessing itself."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return [p for p in below if "resource_tracker" not in " ".join(p.cmdline())]
    except psutil.NoSuchProcess:
        return []


def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def has_workers(process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, process.communicate()[1]
    return len(workers(process)) == 2


def all_end(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=GRACE)[1]


def demo(out: Path) -> tuple[str, ...]:
    return ("-m", "collegium.cli", "demo", "--out", str(out), "--rounds", "1", "--workers", "2")


@pytest.mark.parametrize(
    ("number", "later"),
    [
        (signal.SIGTERM, 0.0),  # while workers start
        (signal.SIGINT, 0.0),
        (signal.SIGHUP, 4.0),  # while they work
        (signal.SIGINT, 4.0),
        (signal.SIGKILL, 4.0),
    ],
)
def test_workers_end_with_their_demonstration(
    number: signal.Signals, later: float, tmp_path: Path
) -> None:
    with command(*demo(tmp_path / "out")) as process:
        wait(partial(has_workers, process))
        time.sleep(later)
        started = workers(process)
        if number == signal.SIGINT:  # as a terminal does, and again and again
            for _ in range(10):
                os.killpg(process.pid, number)
                time.sleep(0.1)
                if process.poll() is not None:
                    break
        else:
            process.send_signal(number)
        _, told = process.communicate(timeout=GRACE)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert "Traceback" not in told
    assert ("Run the same command again" in told) == (number != signal.SIGKILL)
    assert all_end(started)


def test_a_demonstration_starts_again_after_it_was_killed(tmp_path: Path) -> None:
    """The second goes as far as the first: data, chain, contracts, members, workers."""
    for _ in range(2):
        with command(*demo(tmp_path / "out")) as process:
            wait(partial(has_workers, process))
            started = workers(process)
            process.kill()
        assert all_end(started)


def test_a_signal_that_the_caller_ignores_stays_ignored(tmp_path: Path) -> None:
    code = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from collegium.cli.ending import ended_by_signals\n"
        "with ended_by_signals() as ending:\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "print(ending.signal)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


def test_a_server_started_for_a_connection_ends_with_its_command(tmp_path: Path) -> None:
    """Killed without a chance to clean up; the shell stands for npx, and has a child."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from collegium.chain import processes\n"
        "program = ('sh', '-c', 'sleep 300 & wait')\n"
        "processes.spawn(program, Path(sys.argv[1]), None, {}, leashed=True)\n"
        "time.sleep(300)\n"
    )
    with command("-c", code, str(tmp_path / "log")) as process:
        wait(lambda: len(workers(process)) == 3)  # leash, shell, sleep
        started = workers(process)
        process.kill()
    assert all_end(started)


def test_a_server_of_its_own_outlives_its_command(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from collegium.chain import engines\n"
        "engines.start('embedded', Path(sys.argv[1]), port=0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert engines.status(tmp_path) is not None
    assert engines.stop(tmp_path) is not None
