"""The description of the API: of every path that programs ask, and kept by every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hilum.serve.downloads.api_table import OPERATIONS
from hilum.serve.downloads.openapi import describe
from serve.conftest import series_uid, study_uid
from serve.test_matrix import site_patterns

if TYPE_CHECKING:
    from serve.downloads.conftest import Served

REAL: dict[str, list[str]] = {
    "StudyInstanceUID": [study_uid("open_ct"), "1.2.3"],
    "SeriesInstanceUID": [series_uid("open_ct"), series_uid("closed_ct"), "1.2.3"],
    "SOPInstanceUID": [f"{series_uid('open_ct')}.1", "1.2.3"],
    "Collection": ["open_ct", "closed_ct", "other"],
    "Modality": ["CT", "MR"],
    "name": ["open_ct", "closed_ct", "other"],
    "study_uid": [study_uid("open_ct"), study_uid("closed_ct"), "1.2.3"],
    "series_uid": [series_uid("open_ct"), series_uid("closed_ct"), "1.2.3"],
    "sop_uid": [f"{series_uid('open_ct')}.1", "1.2.3"],
}
"""Values that are there, and such that are not, so that answers hold something."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 3
"""Of each operation."""


def described(url: str) -> dict[str, Any]:
    """Give the description as the server does, with real values for what names things."""
    found: dict[str, Any] = httpx.get(f"{url}/api/openapi.json", verify=False).json()
    for path in found["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in REAL:
                    parameter["schema"] = {"enum": REAL[parameter["name"]]}
    return found


def test_it_is_of_every_path_that_programs_ask() -> None:
    told = {operation.path for operation in OPERATIONS}
    of_programs = {path for path in site_patterns() if path.startswith(("nbia-api/", "download/", "api/"))}
    searches = {path for path in site_patterns() if path.startswith("dicom-web/") and path.endswith("metadata")}
    searches |= {path for path in told if path.startswith("dicom-web/")}

    assert told == of_programs | searches
    assert told <= site_patterns()
    assert len(told) == len(OPERATIONS)


def test_it_is_valid() -> None:
    schema = schemathesis.openapi.from_dict(describe("hilum", "http://127.0.0.1"))

    schema.validate()
    assert len(list(schema.get_all_operations())) == len(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_answer_is_a_failure_and_each_is_as_described(mode: GenerationMode, served: Served) -> None:
    """Ask every operation with values it expects, then with such as it does not; some hundred in all."""
    schema = schemathesis.openapi.from_dict(described(served.site.url))
    operations: list[Any] = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    if mode is GenerationMode.NEGATIVE:
        # Where there is nothing to say nothing can be said wrongly.
        operations = [one for one in operations if list(one.iter_parameters()) or one.body]
    answered = {one.label: asked(one, mode, served) for one in operations}

    if mode is GenerationMode.POSITIVE:
        given_something = [label for label, statuses in answered.items() if 200 in statuses]
        assert len(given_something) > len(OPERATIONS) / 2, answered


def asked(operation: Any, mode: GenerationMode, served: Served) -> list[int]:
    """Ask an operation some times; give the statuses of its answers."""
    statuses: list[int] = []
    checks = CHECKS if mode is GenerationMode.POSITIVE else [not_a_server_error]

    @seed(5)
    @settings(max_examples=EXAMPLES, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call(base_url=served.site.url, headers={"Authorization": f"Bearer {served.token}"}, timeout=30)
        statuses.append(response.status_code)
        case.validate_response(response, checks=checks)

    ask()
    return statuses
