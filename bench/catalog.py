"""The whole public index as a catalog with every instance packed, and the cohort questions asked of it.

Takes the 1.04 million series of the real index, gives each series as many made-up instances as it has (58.8 million),
imports them, and measures time, size and memory; then asks the questions of a cohort of the archive, of DuckDB on the
package's own Parquet file, and of SQLite with an index on each column that is asked for.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sqlite3
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import idc_index_data
import numpy as np
import pyarrow as pa

from hilum.catalog import Archive
from hilum.catalog.idc import import_idc
from hilum.model.instances import Instances
from hilum.model.tables import SERIES
from measure import Row, best_of, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT_S = 0.5
LIMIT_GIB = 4.0
INSTANCES_PER_BATCH = 100_000
UID_ROOT = "1.2.840.113654.2.55."
SCAN_NS = 1_700_000_000_000_000_000

QUESTIONS = {
    "regex on the description": """
        SELECT count(*) AS n FROM series WHERE regexp_matches(SeriesDescription, 'B[3-4]0f|STANDARD')""",
    "T0 and T2 both imaged": """
        SELECT count(*) AS n FROM (
            SELECT PatientID FROM series WHERE collection_id = 'nlst' AND Modality = 'CT'
            AND StudyDate BETWEEN '1999-01-01' AND '2001-12-31'
            GROUP BY PatientID HAVING min(StudyDate) < '2000-01-01' AND max(StudyDate) > '2001-01-01')""",
    "best series of each study": """
        SELECT count(*) AS n FROM (
            SELECT row_number() OVER (PARTITION BY StudyInstanceUID ORDER BY {count} DESC, SeriesInstanceUID) AS place
            FROM series WHERE collection_id = 'nlst' AND Modality = 'CT') WHERE place = 1""",
    "distinct counts a collection": """
        SELECT collection_id, count(DISTINCT PatientID) AS participants, count(DISTINCT StudyInstanceUID) AS studies,
            count(*) AS series, sum({count}) AS instances
        FROM series GROUP BY collection_id ORDER BY series DESC""",
}
"""The cohort questions of the measured floors; {count} is the column with the number of instances."""


def packed(task: tuple[int, list[int]]) -> list[bytes]:
    """Pack made-up instances for series of the given counts."""
    seed, counts = task
    generator = np.random.default_rng(seed)
    return [made_up(generator, count).pack() for count in counts]


def made_up(generator: np.random.Generator, count: int) -> Instances:
    """Instances as a CT has them: random digits where files have them, equal values where files have those."""
    study, first_z, size = (int(value) for value in generator.integers((0, -4000, 525_000), (10**8, 0, 528_000)))
    spacing = float(generator.choice((0.75, 1.25, 1.8, 2.0, 2.5)))
    digits = generator.integers(10**18, 9 * 10**18, (count, 2)).tolist()
    odd = generator.integers(0, 2, count)
    return Instances(
        {
            "SOPInstanceUID": [f"{UID_ROOT}{first}{second}" for first, second in digits],
            "InstanceNumber": list(range(1, count + 1)),
            "ImagePositionPatient": [(-170.5, -160.25, round(first_z / 10 + i * spacing, 3)) for i in range(count)],
            "ImageOrientationPatient": [(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)] * count,
            "PixelSpacing": [(0.664062, 0.664062)] * count,
            "RescaleSlope": [1.0] * count,
            "RescaleIntercept": [-1024.0] * count,
            "TransferSyntaxUID": ["1.2.840.10008.1.2.1"] * count,
            "root": ["/data/idc"] * count,
            "path": [f"{study:08d}/1-{i + 1:04d}.dcm" for i in range(count)],
            "size_bytes": (size + 2 * odd).tolist(),
            "modified_ns": (SCAN_NS + generator.integers(0, 10**12, count)).tolist(),
            "pixel_offset": (1500 + 2 * odd).tolist(),
            "pixel_length": [524_288] * count,
        }
    )


def in_batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Cut rows into batches of about as many instances."""
    counts = np.cumsum(table.column("instance_count").to_numpy())
    cuts = np.flatnonzero(np.diff(counts // INSTANCES_PER_BATCH)) + 1
    for first, last in pairwise([0, *cuts.tolist(), table.num_rows]):
        yield from table.slice(first, last - first).combine_chunks().to_batches()


def expand(source: Archive, target: Archive, fraction: float, workers: int) -> tuple[int, int, float]:
    """Commit the series of `source` with instances to `target`, a collection at a time.

    Give series, instances, and the peak memory of all workers in GiB.
    """
    snapshot = source.snapshot()
    totals = [0, 0]

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:

        def rows(collection_id: str) -> Iterator[pa.RecordBatch]:
            table = snapshot.table("series", collection_id)
            table = table.slice(0, max(1, round(table.num_rows * fraction)))
            batches = list(in_batches(table))
            tasks = [(totals[0] + i, batch.column("instance_count").to_pylist()) for i, batch in enumerate(batches)]
            column = SERIES.column_names.index("instances")
            # map gives the results in order while both cores work ahead; chunks bound what waits.
            for start in range(0, len(tasks), 4 * workers):
                here = slice(start, start + 4 * workers)
                for batch, instances in zip(batches[here], pool.map(packed, tasks[here]), strict=True):
                    totals[0] += batch.num_rows
                    totals[1] += sum(batch.column("instance_count").to_pylist())
                    yield batch.set_column(column, "instances", pa.array(instances, pa.binary()))

        names = snapshot.collection_ids
        target.update_all(lambda _: ((name, {"series": rows(name)}) for name in names), note="expanded")
        memory = workers * max(pool.map(peak_gib, range(8 * workers)))
    return totals[0], totals[1], memory


def sqlite_of(index: Path, path: Path) -> sqlite3.Connection:
    """Give a SQLite table of the raw index, with an index on what the questions filter by."""
    names = (
        "collection_id, PatientID, StudyInstanceUID, SeriesInstanceUID, StudyDate, SeriesDescription, Modality, "
        "instanceCount"
    )
    reader = duckdb.connect().execute(f"SELECT {names} FROM read_parquet(?)", [str(index)])
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE series ({names})")
    while rows := reader.fetchmany(50_000):
        connection.executemany(f"INSERT INTO series VALUES ({', '.join('?' * 8)})", rows)
    for name in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID", "collection_id"):
        connection.execute(f"CREATE INDEX by_{name} ON series ({name})")
    connection.create_function("regexp_matches", 2, _regexp, deterministic=True)
    connection.commit()
    connection.execute("ANALYZE")
    return connection


def _regexp(text: str | None, pattern: str) -> bool:
    return text is not None and re.search(pattern, text) is not None


def ask(archive: Archive, index: Path, folder: Path) -> list[Row]:
    """Time every question, asked of hilum, plain DuckDB and SQLite in turn."""
    plain = duckdb.connect()
    plain.execute(f"CREATE VIEW series AS SELECT * FROM read_parquet('{index}')")
    sqlite = sqlite_of(index, folder / "index.sqlite")
    rows = []
    for name, sql in QUESTIONS.items():
        ours, theirs = sql.format(count="instance_count"), sql.format(count="instanceCount")
        ways: dict[str, Callable[[], object]] = {
            "hilum": lambda sql=ours: archive.query(sql),  # type: ignore[misc]
            "DuckDB, raw index": lambda sql=theirs: plain.sql(sql).to_arrow_table(),  # type: ignore[misc]
            "SQLite": lambda sql=theirs: sqlite.execute(sql).fetchall(),  # type: ignore[misc]
        }
        rows += [Row(name, way, seconds, 1, "question") for way, seconds in best_of(ways, rounds=3).items()]
    uid = archive.query("SELECT SeriesInstanceUID AS uid FROM series WHERE instance_count > 100 LIMIT 1")
    one = uid.column("uid")[0].as_py()
    best = best_of({"hilum": lambda: len(archive.series(one).instances)}, rounds=3)
    rows += [Row("one series with its instances", way, seconds, 1, "question") for way, seconds in best.items()]
    return rows


def peak_gib(_: int = 0) -> float:
    """Largest resident memory of this process until now."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 2**20 if found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fraction", type=float, default=1.0, help="part of each collection's series to take")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hilum-bench-"))
    try:
        measure(folder, options.fraction)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, fraction: float) -> None:
    workers = len(os.sched_getaffinity(0))
    source, target = Archive.create(folder / "index"), Archive.create(folder / "expanded")
    start = time.perf_counter()
    imported = import_idc(source)
    import_s = time.perf_counter() - start
    start = time.perf_counter()
    series, instances, memory = expand(source, target, fraction, workers)
    expand_s = time.perf_counter() - start
    memory += peak_gib()
    size = sum(path.stat().st_size for path in target.path.rglob("*.parquet"))

    rows: list[Row] = [
        Row("import-idc --all", "hilum", import_s, sum(imported.series_by_collection.values()), "series"),
        Row("make, pack and commit instances", "hilum", expand_s, instances, "instances"),
        *ask(target, Path(str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH)), folder),
    ]
    slowest = max(row.seconds for row in rows if row.way == "hilum" and row.task in QUESTIONS)
    claims = [
        f"{series:,} series, {instances:,} instances, {size / 1e9:.2f} GB: {size / instances:.1f} bytes an instance",
        f"memory under {LIMIT_GIB:g} GiB: {memory:.2f} GiB (peaks of this process and of {workers} workers)",
        f"cohort questions under {LIMIT_S:g} s each: slowest {slowest:.3f} s",
    ]
    report("catalog", rows, ours="hilum", claims=claims)


if __name__ == "__main__":
    main()
