"""``hilum demo``: the whole way once, from files to a FROC curve, on phantoms."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from hilum import __version__
from hilum.errors import ConfigError, HilumError

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = "hilum-demo.json"
PHANTOM, ARCHIVE, LINKS, REPORT = "phantom", "archive", "links.csv", "report.html"
MADE = (PHANTOM, ARCHIVE, LINKS, REPORT)
"""What the demo makes in its folder, and clears away when it is run again."""

COLLECTION = "phantom_lymph_nodes"
REAL_COLLECTIONS = ("ct_lymph_nodes", "nlst")
FOLDS = 4
SPLIT = "by-person"
CAVEAT = (
    "Everything above but the last two tables was computed from phantoms: its figures show that the way is whole, "
    "and are no result on patients."
)


@dataclass(frozen=True, slots=True)
class Step:
    """A heading, and the words of the command that does it."""

    heading: str
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command as one types it."""
        return " ".join(quote(word) for word in ("hilum", *self.words))


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder to work in; made if absent.")] = Path("demo"),
    participants: Annotated[int, typer.Option(min=6, max=998, help="Phantom participants.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal phantoms.")] = 1,
) -> None:
    """Go the whole way once: phantoms, index, catalog, cohort, detector, assessment, report; without network.

    Each step is a command of hilum, printed before it runs, so that it can be run again by hand. In a folder of an
    earlier demo everything is made anew.
    """
    _prepare(folder, participants, seed)
    started = perf_counter()
    for number, step in enumerate(steps(folder, participants, seed), start=1):
        _say(f"\n{number}. {step.heading}\n   $ {step.command}\n")
        seconds = _run(context, step)
        _say(f"\n   {seconds:.1f} s")
    _say(f"\n{CAVEAT}\n\nDone in {perf_counter() - started:.0f} s. Open the report: {(folder / REPORT).resolve()}")
    _say(f"Open the site: hilum viewer install; hilum serve --archive {quote(str(folder / ARCHIVE))}")


def steps(folder: Path, participants: int, seed: int) -> Iterator[Step]:
    """Give the steps of the demo in `folder`, in order."""
    archive = ("--archive", str(folder / ARCHIVE))
    links, nodes = str(folder / LINKS), str(folder / PHANTOM / "MED_ABD_LYMPH_ANNOTATIONS")
    size = ("--participants", str(participants), "--seed", str(seed))
    chosen = ("--collection", COLLECTION, "--volume-only")
    yield Step("Make phantoms in the form of CT Lymph Nodes", ("phantom", str(folder / PHANTOM), *size))
    yield Step("Index the files where they lie", ("index", str(folder / PHANTOM), "--collection", COLLECTION, *archive))
    yield Step("See what the catalog holds", ("collections", COLLECTION, *archive))
    yield Step("Freeze a cohort", ("cohort", "new", "volumes", *chosen, *archive))
    yield Step("Find scans under two identifiers", ("cohort", "links", "volumes", "--pixels", "--out", links, *archive))
    yield Step("Freeze it again, by person", ("cohort", "new", "persons", *chosen, "--links", links, *archive))
    yield Step("Split by person", ("cohort", "split", "persons", "--folds", str(FOLDS), "--name", SPLIT, *archive))
    trained = ("--cohort", "persons", "--lesions", nodes, "--split", SPLIT)
    counted = ("--min-short-axis", "10", "--same-scan", "--run", "classic")
    yield Step(
        "Cross-validate the detector; nodes under 10 mm count neither way", ("train", *trained, *counted, *archive)
    )
    yield Step("Assess the marks", ("assess", "classic", "--hit", "within-distance:15", *archive))
    yield Step("Write the report", ("report", "classic", "--out", str(folder / REPORT), *archive))
    version = ("release", COLLECTION, "1", "--notes", "made by the demo", "--pixels", "none", "--with-errors")
    yield Step("Release a version that never changes, although some scans stand twice", (*version, *archive))
    yield Step("Publish the collection on the site", ("site", "publish", COLLECTION, "--access", "public", *archive))
    yield Step("Publish the result on the site", ("site", "results", "publish", "classic", *archive))
    wanted = (word for name in REAL_COLLECTIONS for word in ("--collection", name))
    yield Step("Import the index of the real collections", ("catalog", "import-idc", *wanted, *archive))
    for name in REAL_COLLECTIONS:
        yield Step(f"See what {name} holds", ("collections", name, *archive))


def _prepare(folder: Path, participants: int, seed: int) -> None:
    """Take an empty folder, or clear that of an earlier demo."""
    marker = folder / MARKER
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; name a folder for the demo")
    if folder.is_dir() and any(folder.iterdir()) and not marker.is_file():
        raise ConfigError(f"{folder} is not empty and holds no demo; name an empty or new folder: nothing was changed")
    folder.mkdir(parents=True, exist_ok=True)
    record = {"made by": f"hilum demo, hilum {__version__}", "participants": participants, "seed": seed}
    marker.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for name in MADE:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _run(context: typer.Context, step: Step) -> float:
    """Run a command of hilum in this process; give the seconds it took."""
    started = perf_counter()
    root = context.find_root().command
    status = root.main(args=list(step.words), prog_name="hilum", standalone_mode=False)
    if status:
        raise HilumError(f"the demo ends here: {step.command!r} gave exit status {status}, expected 0")
    return perf_counter() - started


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()
