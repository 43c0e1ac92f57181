from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from hilum.catalog import Archive
from hilum.errors import QueryError

if TYPE_CHECKING:
    from pathlib import Path

Put = Callable[..., None]

secret = pa.table({"a": [1]})


@pytest.fixture(autouse=True)
def rows(put: Put) -> None:
    put({"SeriesInstanceUID": "1.1", "size_bytes": 2**40, "instances": b"abc"}, {"SeriesInstanceUID": "1.2"})


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM series",
        "INSERT INTO series SELECT * FROM series",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW series",
        "COPY (SELECT 1) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
        "ATTACH '{file}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "PRAGMA enable_progress_bar",
        "CALL pragma_version()",
        "EXPLAIN ANALYZE SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW series",
        "",
        "   -- nothing",
    ],
)
def test_anything_but_one_select_is_refused(archive: Archive, statement: str) -> None:
    file = next(archive.path.rglob("*.parquet"))
    content = file.read_bytes()
    with pytest.raises(QueryError, match="one SELECT statement"):
        archive.query(statement.format(file=file))
    assert file.read_bytes() == content
    assert archive.query("SELECT count(*) AS n FROM series").to_pylist() == [{"n": 2}]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM '{other}'",
        "SELECT * FROM read_csv('{other}')",
        "SELECT * FROM read_text('{other}')",
        "SELECT * FROM read_blob('/etc/hostname')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_parquet('https://example.org/a.parquet')",
        "SELECT * FROM secret",
        "SELECT getenv('HOME')",
    ],
)
def test_nothing_but_the_catalog_can_be_read(archive: Archive, tmp_path: Path, statement: str) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a\n1\n")
    with pytest.raises(QueryError):
        archive.query(statement.format(other=other))


@pytest.mark.parametrize(
    ("statement", "parameters", "message"),
    [
        ("SELEC 1", (), "syntax error"),
        ("SELECT nothing FROM series", (), "nothing"),
        ("SELECT * FROM serie", (), "series"),
        ("SELECT ? AS a", (), "parameter"),
        ("SELECT 1 AS a", ("x",), "[Pp]arameter"),
        ("SELECT CAST('x' AS INT) AS a", (), "x"),
        ("SELECT 1 AS a, 2 AS a", (), "two columns are called 'a'"),
    ],
)
def test_a_wrong_statement_is_told(archive: Archive, statement: str, parameters: tuple[str, ...], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        archive.query(statement, parameters)


def test_values_are_bound_by_place_and_by_name(archive: Archive) -> None:
    assert archive.query("SELECT ? AS a, ? AS b", ["'; --", 2]).to_pylist() == [{"a": "'; --", "b": 2}]
    assert archive.query("SELECT $x AS a", {"x": None}).to_pylist() == [{"a": None}]


def test_sums_are_whole_numbers(archive: Archive) -> None:
    total = archive.query("SELECT sum(size_bytes) AS n FROM series").to_pylist()[0]["n"]
    assert (total, type(total)) == (2**40 + 1000, int)
    beyond = archive.query("SELECT sum(9223372036854775807) AS n FROM series").to_pylist()[0]["n"]
    assert int(beyond) == 2 * 9223372036854775807


def test_a_path_with_quotes_is_read(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / 'it\'s "here" [1]*?')
    source = Archive.open(tmp_path / "archive").snapshot().table("series")
    archive.update("c", lambda _: {"series": source}, note="copy")
    assert archive.query("SELECT count(*) AS n FROM series").to_pylist() == [{"n": 2}]


def test_threads_share_an_archive(archive: Archive) -> None:
    found: list[int] = []

    def ask() -> None:
        answers = [archive.query("SELECT count(*) AS n FROM series").to_pylist() for _ in range(10)]
        found.extend(answer[0]["n"] for answer in answers)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2] * 40
