"""Write the table of checks into ``docs/check.md``: ``python docs/generate_checks.py``."""

from __future__ import annotations

from pathlib import Path

from hilum.check import markdown_table

PAGE = Path(__file__).with_name("check.md")

BEGIN, END = "<!-- table of checks: written by docs/generate_checks.py -->", "<!-- end of the table -->"


def page(text: str) -> str:
    """Give the page with a new table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{markdown_table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
