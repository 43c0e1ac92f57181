from __future__ import annotations

from pathlib import Path

import hilum.index
from hilum.index.checks import BY_NAME, CHECKS, Failure, Severity, first_error, markdown_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "index-in-place.md"


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(CHECKS)


def test_the_first_error_is_that_of_the_table() -> None:
    failures = [Failure("gantry-tilt", ""), Failure("inconsistent-attribute", ""), Failure("mixed-size", "")]
    assert first_error(failures) == "mixed-size"
    assert first_error(failures[1:2]) is None
    assert first_error([]) is None


def test_the_page_holds_the_table() -> None:
    assert markdown_table() in PAGE.read_text()


def test_every_check_is_used_and_every_used_check_is_in_the_table() -> None:
    folder = Path(hilum.index.__file__).parent
    sources = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "checks.py")
    for check in CHECKS:
        built = check.name.startswith("no-") and 'f"no-{name}"' in sources
        assert f'"{check.name}"' in sources or built, check.name


def test_errors_come_between_refusals_and_warnings() -> None:
    order = [list(Severity).index(check.severity) for check in CHECKS]
    assert order == sorted(order)
