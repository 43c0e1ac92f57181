"""The prepared file: sent as it is, and cut."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.errors import ArchiveError
from hilum.serve.published.metadata import SeriesMetadata, metadata_path, write_metadata

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, texts: list[str]) -> SeriesMetadata:
    write_metadata(path, texts, study={"a": 1}, series={}, refused_files=1, refused_attributes=2)
    return SeriesMetadata.open(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(words=st.lists(st.text(max_size=200), max_size=70))
def test_whole_and_each_instance_are_as_written(words: list[str], tmp_path: Path) -> None:
    texts = [json.dumps({"word": word}, ensure_ascii=False) for word in words]
    found = write(tmp_path / "m", [text.encode(errors="replace").decode() for text in texts])
    expected = json.loads(b"[" + b",".join(text.encode(errors="replace") for text in texts) + b"]")
    assert json.loads(gzip.decompress(found.gzip())) == expected
    assert json.loads(found.text()) == expected
    assert found.instances() == found.text()[1:-1]
    assert [json.loads(found.instance(index)) for index in range(len(found))] == expected


def test_it_tells_what_was_refused_and_of_the_study(tmp_path: Path) -> None:
    found = write(tmp_path / "m", ["{}"])
    assert (found.refused_files, found.refused_attributes, found.study) == (1, 2, {"a": 1})


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 100])
def test_a_damaged_file_is_refused(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(damage)
    with pytest.raises(ArchiveError, match="publish again"):
        SeriesMetadata.open(tmp_path / "m")


def test_its_name_tells_no_identifier(tmp_path: Path) -> None:
    assert metadata_path(tmp_path, "nlst", "ab12").relative_to(tmp_path).parts == ("nlst", "ab", "ab12.hilum")
