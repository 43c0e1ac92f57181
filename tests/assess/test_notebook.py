"""The five lines of docs/comparison.md, as a notebook runs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.assess import stratify
from hilum.findings.tables import write_lesion_table, write_mark_table
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "comparison.md"


def test_the_five_lines_of_the_page_show_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("exams.csv").write_text("exam_id,participant_id\na,p\nb,<q>\n")
    write_lesion_table(Path("lesions.csv"), [Lesion(exam, "1", (0.0, 0.0, 0.0), diameter_mm=12.0) for exam in "ab"])
    marks = [Mark(exam, (1.0, 0.0, 0.0), 0.9) for exam in "ab"]
    write_mark_table(Path("good.csv"), marks)
    write_mark_table(Path("poor.csv"), marks[:1])
    section = PAGE.read_text(encoding="utf-8").split("## In a notebook")[1]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    *lines, last = found[1].strip().splitlines()
    assert sum(not line.startswith(("from", "import")) and bool(line) for line in (*lines, last)) <= 5
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    shown = eval(last, names)._repr_html_()
    assert "good − poor" in shown
    assert "+0.500" in shown
    assert "CPM 1.000" in names["results"]["good"]._repr_html_()
    assert "10 to under 15 mm" in stratify(names["results"]["good"], "size")._repr_html_()
