"""How much memory a program took at most, told by the program itself."""

from __future__ import annotations

PEAK_KB = """
def peak_kb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
"""
"""Put before the code of a program. What ``getrusage`` tells begins with the memory of whoever started the program."""
