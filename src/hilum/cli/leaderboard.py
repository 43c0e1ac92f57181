"""``hilum leaderboard``: runs of an archive ranked, those that may be held against each other together."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.inputs import RunArchiveOption, inputs_of_run, require_scores, tell_inputs
from hilum.cli.output import OK, REFUSED, ArchiveOption, JsonOption, show_json, show_table
from hilum.cli.rules import Rules, assess_inputs, with_rules
from hilum.errors import HilumError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hilum.assess import Assessment
    from hilum.assess.leaderboard import Board, Entry, Leaderboard

FILE = "leaderboard.json"
LOCK = ".leaderboard.lock"

RunArgument = Annotated[str, typer.Argument(help="Name of a run of the archive.", show_default=False)]

leaderboard_app = typer.Typer(name="leaderboard")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(leaderboard_app)


@leaderboard_app.callback(invoke_without_command=True)
def leaderboard(context: typer.Context, *, archive: RunArchiveOption = None, as_json: JsonOption = False) -> None:
    """Rank runs on the same exams, lesions and rules; without a further word the boards are shown."""
    if context.invoked_subcommand is None:
        if archive is None:
            raise typer.BadParameter("name the archive", param_hint="--archive")
        show(archive=archive, as_json=as_json)


@leaderboard_app.command("add")
@with_rules
def add(
    run: RunArgument,
    *,
    archive: ArchiveOption,
    rules: Rules,
    bootstraps: Annotated[int, typer.Option(min=0, help="Draws for the confidence interval; 0: none.")] = 1000,
    as_json: JsonOption = False,
) -> None:
    """Assess a run and put it on the leaderboard; on the same board it replaces its former entry."""
    from hilum.assess.leaderboard import Entry

    rules.require_valid()
    inputs = inputs_of_run(run, archive)
    require_scores(inputs, run)
    tell_inputs(inputs)
    result = rules.assess(inputs, bootstraps=bootstraps)
    entry = Entry.of(run, result, hit=rules.hit_words, about=_about(run, archive))
    found = _change(archive, lambda board: board.with_entry(entry))
    (own,) = [board for board in found.boards() if board.ground.ground == entry.ground]
    _show([own], [()], as_json=as_json)
    raise typer.Exit(OK if inputs.is_whole else REFUSED)


@leaderboard_app.command("show")
def show(*, archive: ArchiveOption, as_json: JsonOption = False) -> None:
    """Show every board, and say why the others are not comparable with the first."""
    boards = _read(archive).boards()
    reasons: list[tuple[str, ...]] = [()]
    reasons += [_why_apart(archive, boards[0], board) for board in boards[1:]]
    _show(boards, reasons, as_json=as_json)


@leaderboard_app.command("remove")
def remove(run: RunArgument, *, archive: ArchiveOption) -> None:
    """Take all entries of a run away; the run stays."""

    def without(board: Leaderboard) -> Leaderboard:
        left = board.without(run)
        if left == board:
            known = ", ".join(sorted({entry.run for entry in board.entries})) or "none"
            raise NotFoundError(f"no run {run!r} on the leaderboard of {archive}; it has {known}")
        return left

    _change(archive, without)


def _about(run_name: str, archive_path: Path) -> dict[str, str]:
    from hilum.catalog import Archive
    from hilum.detect.runs import Run

    plan = (run := Run.load(Archive.open(archive_path), run_name)).plan
    return {
        "detector": f"{plan.method} {plan.version}",
        "cohort": plan.cohort,
        "cohort_id": plan.cohort_id,
        "lesions_given_sha256": plan.lesions_sha256,
        "seen_in_training": str(len(run.seen_in_training)),
        "refused": str(len(run.refusals())),
        "added_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _read(archive_path: Path) -> Leaderboard:
    from hilum.assess.leaderboard import Leaderboard
    from hilum.catalog import Archive

    path = Archive.open(archive_path).path / FILE
    return Leaderboard.from_json(path.read_bytes(), str(path)) if path.exists() else Leaderboard()


def _change(archive_path: Path, change: Callable[[Leaderboard], Leaderboard]) -> Leaderboard:
    """Read, change and write the file while no one else does; a crash leaves the old one or the new."""
    from hilum.catalog import Archive
    from hilum.disk import exclusive_lock, write_whole

    folder = Archive.open(archive_path).path
    with exclusive_lock(folder / LOCK):
        changed = change(_read(archive_path))
        write_whole(folder / FILE, changed.to_json())
    return changed


def _why_apart(archive: Path, first: Board, other: Board) -> tuple[str, ...]:
    """Reasons from the runs themselves, with an example of each; from the records where a run is gone."""
    from hilum.assess import why_not_comparable
    from hilum.assess.leaderboard import recorded_differences

    one, two = first.ground, other.ground
    try:
        reasons = why_not_comparable(_again(archive, one), _again(archive, two), (one.run, two.run))
    except HilumError:
        reasons = ()
    return reasons or recorded_differences(one, two)


def _again(archive: Path, entry: Entry) -> Assessment:
    from hilum.assess import Policy, parse_criterion

    return assess_inputs(inputs_of_run(entry.run, archive), parse_criterion(entry.hit), Policy(**entry.policy))


def _show(boards: Sequence[Board], reasons: Sequence[tuple[str, ...]], *, as_json: bool) -> None:
    if as_json:
        show_json([_board_json(board, why) for board, why in zip(boards, reasons, strict=True)] if boards else [])
        return
    if not boards:
        typer.echo("no run is on the leaderboard yet; put one there with: hilum leaderboard add RUN --hit CRITERION")
    for number, (board, why) in enumerate(zip(boards, reasons, strict=False), start=1):
        show_table(_rows(board), as_json=False, title=f"Board {number}: {_words(board)}")
        for reason in why:
            typer.echo(f"not comparable with board 1: {reason}")
        typer.echo()


def _words(board: Board) -> str:
    one = board.ground
    return f"{one.exams} exams of {one.participants} persons, {one.lesions} lesions, {one.choices['hit criterion']}"


def _rows(board: Board) -> list[dict[str, Any]]:
    return [
        {
            "rank": ranked.rank,
            "run": ranked.entry.run,
            "detector": ranked.entry.about.get("detector", ""),
            "CPM": ranked.entry.cpm,
            "from": ranked.entry.low,
            "to": ranked.entry.high,
            "cohort": ranked.entry.about.get("cohort", ""),
            "seen in training": ranked.entry.about.get("seen_in_training", ""),
            "added": ranked.entry.about.get("added_at", ""),
        }
        for ranked in board.rows
    ]


def _board_json(board: Board, why: tuple[str, ...]) -> dict[str, Any]:
    entries = [{"rank": ranked.rank, **asdict(ranked.entry)} for ranked in board.rows]
    return {"choices": board.ground.choices, "not_comparable_with_first": list(why), "entries": entries}
