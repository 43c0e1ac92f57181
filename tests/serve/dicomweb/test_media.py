"""What a client accepts."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from hilum.serve.dicomweb.media import accepted, choose, content_type
from hilum.serve.dicomweb.problem import ProblemError


def ranges(text: str) -> list[tuple[str, str, str]]:
    found = accepted(RequestFactory().get("/", headers={"Accept": text}))
    return [(each.name, each.part, each.transfer_syntax) for each in found]


def test_parameters_are_read_with_and_without_quotes_and_ordered_by_quality() -> None:
    text = 'image/png;q=0.5, multipart/related; type="application/octet-stream"; transfer-syntax=*, text/html;q=0'
    assert ranges(text) == [
        ("multipart/related", "application/octet-stream", "*"),
        ("image/png", "*", ""),
    ]
    assert ranges("multipart/related; type=application/dicom") == [("multipart/related", "application/dicom", "")]


def test_the_query_parameter_wins() -> None:
    request = RequestFactory().get("/", {"accept": "image/png"}, headers={"Accept": "image/jpeg"})
    assert choose(accepted(request), ("image/jpeg", "image/png")) == "image/png"


def test_the_most_wanted_offer_is_chosen_and_none_is_refused() -> None:
    request = RequestFactory().get("/", headers={"Accept": "application/json, */*;q=0.1"})
    assert choose(accepted(request), ("application/dicom+json", "application/json")) == "application/json"
    with pytest.raises(ProblemError) as refused:
        choose(accepted(RequestFactory().get("/", headers={"Accept": "text/html"})), ("image/png",))
    assert refused.value.status == 406


@given(text=st.text(max_size=200))
def test_nonsense_is_read_or_refused(text: str) -> None:
    with suppress(ProblemError):
        found = content_type(text)
        assert 0 <= found.quality <= 1
