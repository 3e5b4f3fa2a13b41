"""What the tests rely on: a process that a test leaves behind is found, however it was started."""

import subprocess
import sys

from tests.support import leftovers

LASTING = "import time; time.sleep(60)"


def test_a_process_that_stays_is_found_and_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", LASTING], env={})
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {LASTING!r}])"
    subprocess.run([sys.executable, "-c", start], check=True)  # ends, and leaves another
    found = [one for one in leftovers.leftovers() if one.cmdline()[-1:] == [LASTING]]
    assert len(found) == 2 and child.pid in [one.pid for one in found]
    lines = leftovers.end(found)
    assert len(lines) == 2 and all(LASTING in line for line in lines)
    child.wait()
    assert not [one for one in found if one.is_running() and one.status() != "zombie"]
