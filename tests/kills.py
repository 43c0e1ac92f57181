"""Work that is killed at a moment of a test's choosing."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def is_killed_after(delay_s: float, work: Callable[[], bool]) -> bool:
    """Do work in a process of its own, killed after some seconds; whether it was still at work.

    An alarm without handler ends a process as SIGKILL does, at once and without a word to it, and needs nobody who
    waits. Work that ends in time must give True.
    """
    child = os.fork()
    if not child:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, max(delay_s, 1e-6))
            status = 0 if work() else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGALRM
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "the work failed, it was not killed"
    return False
