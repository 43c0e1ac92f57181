"""Values as readers see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.conf import settings
from django.utils.http import urlencode

from hilum.disk import size_text
from hilum.serve.viewer.links import slide_link, study_link

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hilum.serve.published.models import Series

register = template.Library()

WITHOUT_PIXELS = frozenset({"ANN", "KO", "PLAN", "PR", "REG", "RTPLAN", "RTRECORD", "RTSTRUCT", "RWV", "SR"})
"""Modalities whose objects hold no image (DICOM PS3.3 C.7.3.1.1.1)."""

ACCESS_WORDS = {"public": "open", "registered": "with an account", "approved": "by request"}


@register.filter
def size(size_bytes: int | None) -> str:
    """Bytes in the unit that fits; nothing where the size is not known."""
    return "" if size_bytes is None else size_text(size_bytes)


@register.filter
def access_words(access: str) -> str:
    """Who sees a collection, in a word or two."""
    return ACCESS_WORDS[access]


@register.filter
def are_here(series: Iterable[Series]) -> bool:
    """Whether the files of any of these series are on this machine."""
    return any(one.instances is not None for one in series)


@register.filter
def has_picture(series: Series) -> bool:
    """Whether a thumbnail can be made of a series."""
    return series.modality not in WITHOUT_PIXELS


@register.simple_tag
def site_name() -> str:
    """What the pages are headed with, where a page is made without the request."""
    return str(settings.OPTIONS.site_name)


@register.simple_tag
def viewer_link(study_uid: str, series_uid: str = "", modality: str = "") -> str:
    """Address that opens the viewer at a series; slides open in the microscope."""
    link = slide_link if modality == "SM" else study_link
    return link(study_uid, series_uid=series_uid)


@register.simple_tag
def with_page(query: str, number: int) -> str:
    """The address of another page of the same list; `query` is the encoded rest of it."""
    page = urlencode({"page": number})
    return f"?{query}&{page}" if query else f"?{page}"
