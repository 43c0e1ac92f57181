"""The JSON of results holds to its published schema, and the page on it to the schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from hilum.assess import WithinDistance, assess, stratify
from hilum.assess.assessment import FORMAT
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.assess import Assessment

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "assessment-1.schema.json").read_text())
LESIONS = [Lesion("a", "1", (0.0, 0.0, 0.0), diameter_mm=12.0), Lesion("b", "1", (0.0, 0.0, 0.0))]
MARKS = [Mark("a", (1.0, 0.0, 0.0), 0.9), Mark("b", (40.0, 0.0, 0.0), 0.8)]


def closed(schema: Any) -> Any:
    """The schema with no key allowed that it does not name, so that an undocumented one fails."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return found | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else found


def check(content: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(json.loads(json.dumps(content, allow_nan=False)))


def result(lesions: list[Lesion], marks: list[Mark], bootstraps: int) -> Assessment:
    return assess(lesions, marks, ["a", "b", "c"], hit=WithinDistance(5), bootstraps=bootstraps)


@pytest.mark.parametrize(
    ("lesions", "marks", "bootstraps"),
    [(LESIONS, MARKS, 10), (LESIONS, MARKS, 0), ([], MARKS, 10), (LESIONS, [], 10), ([], [], 0)],
    ids=["usual", "no draws", "no lesions", "no marks", "nothing"],
)
def test_results_hold_to_the_schema(lesions: list[Lesion], marks: list[Mark], bootstraps: int) -> None:
    one = result(lesions, marks, bootstraps)
    content = one.to_json()
    assert content["format"] == FORMAT == SCHEMA["title"]
    check(content | {"strata": [stratify(one, "size").to_json()]})


def test_strata_of_exams_and_refusals_hold_to_it() -> None:
    one = result(LESIONS, MARKS, 5)
    strata = stratify(one, "kernel", exam_values={"kernel": {"a": "B30f"}}).to_json()
    refusals = [{"item": "marks.csv:3", "check": "bad-value", "reason": "found 'x'"}]
    check(one.to_json() | {"strata": [strata], "refusals": refusals})


def test_the_schema_refuses_what_is_not_one() -> None:
    content = result(LESIONS, MARKS, 0).to_json()
    for broken in (
        {key: value for key, value in content.items() if key != "cpm"},
        content | {"format": "hilum assessment 2"},
        content | {"cpm": 1.5},
        content | {"unheard": 1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            check(broken)


def test_the_page_names_every_key_with_its_meaning() -> None:
    page = (DOCS / "assessment-json.md").read_text()
    for key, meaning in keys(SCHEMA):
        assert re.search(rf"\| `{key}` \|.*\| {re.escape(meaning)} \|", page), f"{key}: {meaning}"


def keys(schema: Any) -> Iterator[tuple[str, str]]:
    if isinstance(schema, list):
        for part in schema:
            yield from keys(part)
    elif isinstance(schema, dict):
        properties = schema.get("properties", {}) if schema.get("type") == "object" else {}
        yield from ((key, value["description"]) for key, value in properties.items())
        for value in schema.values():
            yield from keys(value)
