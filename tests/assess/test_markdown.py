"""Tables for a paper."""

from __future__ import annotations

from hilum.assess import WithinDistance, assess, compare, stratify
from hilum.assess.markdown import assessment_markdown, comparison_markdown, strata_markdown
from hilum.model.findings import Lesion, Mark

EXAMS = ["a", "b"]
LESIONS = [Lesion(exam, "1", (0.0, 0.0, 0.0), diameter_mm=12.0) for exam in EXAMS]
MARKS = [Mark("a", (1.0, 0.0, 0.0), 0.9), Mark("b", (40.0, 0.0, 0.0), 0.8)]


def test_an_assessment() -> None:
    result = assess(LESIONS, MARKS, EXAMS, hit=WithinDistance(5), bootstraps=20)
    text = assessment_markdown(result)
    lines = text.splitlines()
    assert lines[0].startswith("| False positives an exam | Sensitivity (95% CI) |")
    assert lines[2].startswith("| 0.125 | 0.500 (0.000 to 1.000) | 1 / 2 | 0 | 0.9 |")
    assert any(line.startswith("| 4* | ") for line in lines)
    assert "| CPM | 0.500 (0.000 to 1.000) | – | – | – |" in lines
    assert "2 exams of 2 participants, 2 lesions in 2 exams, 0 excluded findings, 2 marks." in text
    assert "beyond the last point" in text
    assert "Hit criterion: within 5 mm of the lesion's position (strictly)" in text


def test_what_is_undefined_has_a_dash() -> None:
    text = assessment_markdown(assess([], MARKS, EXAMS, hit=WithinDistance(5), bootstraps=0))
    assert "| CPM | – | – | – | – |" in text
    assert "nan" not in text.lower()
    assert "There are no lesions" in text or "there are no lesions" in text


def test_a_comparison_has_signs_and_p_values() -> None:
    first, second = (assess(LESIONS, marks, EXAMS, hit=WithinDistance(5), bootstraps=0) for marks in (MARKS, MARKS[1:]))
    text = comparison_markdown(compare({"worse|old": second, "new": first}, bootstraps=20, permutations=9))
    assert "| worse\\|old − new | CPM | −0.500 (" in text
    assert "| new | 0.500 (" in text
    assert "2 exams of 2 participants, 2 lesions." in text
    assert "Holm, for 3 differences" in text


def test_strata() -> None:
    result = assess(LESIONS, MARKS, EXAMS, hit=WithinDistance(5), bootstraps=0)
    text = strata_markdown(stratify(result, "kernel", exam_values={"kernel": {"a": "B30f"}}, rates=(1.0,)))
    assert text.splitlines() == [
        "| kernel | False positives an exam | Lesions hit | Sensitivity (CI) |",
        "| --- | --- | --- | --- |",
        "| B30f | 1 | 1 / 1 | 1.000 |",
        "| unknown | 1 | 0 / 1 | 0.000 |",
        "| all | 1 | 1 / 2 | 0.500 |",
    ]
