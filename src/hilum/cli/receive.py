"""``hilum receive``: take in a drive that `hilum pack` made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import REFUSED, JsonOption, progress, show_json, show_table, tell
from hilum.cli.places import require_folder
from hilum.disk import size_text

if TYPE_CHECKING:
    from hilum.catalog import Archive
    from hilum.publish.receive import Receipt
    from hilum.publish.release import Release

_DIGEST = re.compile(r"[0-9a-f]{64}")
PROBLEMS_SHOWN = 50
"""Problems told on stderr; the receipt has them all."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("receive")(receive)


def _digest(text: str) -> str:
    digest = text.strip().lower()
    if not _DIGEST.fullmatch(digest):
        raise typer.BadParameter(f"{text!r}: expected the 64 digits that hilum release list shows, or release.sha256")
    return digest


def receive(
    drive: Annotated[Path, typer.Argument(help="Folder of the drive, or of one bag on it.", show_default=False)],
    *,
    archive: Annotated[
        Path | None, typer.Option(envvar="HILUM_ARCHIVE", help="Archive to index into and to keep the receipt in.")
    ] = None,
    approved: Annotated[
        Path | None,
        typer.Option("--packing-list", help="Packing list that was sent ahead.  [default: the drive's]"),
    ] = None,
    digest: Annotated[
        str | None,
        typer.Option(parser=_digest, metavar="SHA256", help="Digest of the release that was sent ahead."),
    ] = None,
    index: Annotated[bool, typer.Option(help="Index the files where they lie, if an archive is named.")] = True,
    receipts: Annotated[
        Path | None, typer.Option(help="Folder for the receipt.  [default: receipts of the archive, or here]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify every file of a drive, hold it against the packing list, write a receipt, and index it in place.

    Licence and citation come with it. Killed, it goes on where it was. A drive that is not whole is not indexed, nor
    one of another licence than the archive knows. Exit status 1 says so.
    """
    from hilum.catalog import Archive
    from hilum.publish.receive import RECEIPTS, find_bags, write_receipt
    from hilum.publish.shipment import read_packing_list

    require_folder(drive, "a drive that hilum pack made, or one bag on it")
    if approved is not None:
        read_packing_list(approved)
    if archive is not None:
        Archive.open_or_create(archive)
    folder = receipts or (archive / RECEIPTS if archive else Path())
    found: list[Receipt] = []
    is_taken_in = True
    for bag in find_bags(drive):
        receipt = _verify(bag, folder, approved, digest or "")
        tell(f"receipt written to {write_receipt(receipt, folder)}")
        for problem in receipt.problems[:PROBLEMS_SHOWN]:
            tell(f"{problem.check}: {problem.item}: {problem.reason}")
        if len(receipt.problems) > PROBLEMS_SHOWN:
            tell(f"and {len(receipt.problems) - PROBLEMS_SHOWN:,} more: see the receipt")
        found.append(receipt)
        if receipt.is_whole and archive is not None and index:
            is_taken_in &= _take_in(bag, archive)
    if as_json:
        show_json([receipt.to_json() for receipt in found])
    else:
        show_table([_row(receipt) for receipt in found], as_json=False)
    if not is_taken_in or not all(receipt.is_whole for receipt in found):
        raise typer.Exit(REFUSED)


def _verify(bag: Path, folder: Path, approved: Path | None, digest: str) -> Receipt:
    from hilum.publish.receive import verify_bag

    with progress(f"verifying {bag.name}") as advance:
        return verify_bag(bag, folder / f"{bag.name}.sqlite", approved=approved, digest=digest, on_progress=advance)


def _take_in(bag: Path, archive: Path) -> bool:
    """Index a bag with what it says of its collections; not if the archive says another licence."""
    from hilum.catalog import Archive
    from hilum.publish.carried import describe, licence_conflicts
    from hilum.publish.receive import collections_on, release_on

    opened, release, collection_ids = Archive.open(archive), release_on(bag), collections_on(bag)
    if conflicts := licence_conflicts(opened, release, collection_ids):
        for conflict in conflicts:
            tell(f"licence-conflict: {conflict}")
        tell(f"{bag} is whole, but not indexed")
        return False
    for remark in describe(opened, release, collection_ids):
        tell(remark)
    for collection_id in collection_ids:
        _index(bag, opened, release, collection_id)
    return True


def _index(bag: Path, archive: Archive, release: Release, collection_id: str) -> None:
    from hilum.catalog.folder import index_folder
    from hilum.publish.carried import carry_columns
    from hilum.publish.receive import payload_of

    report = index_folder(archive, payload_of(bag, collection_id), collection_id, may_be_empty=True)
    carry_columns(archive, release, collection_id)
    tell(
        f"{collection_id}: {report.instances_kept:,} instances of {report.series:,} series indexed, "
        f"{report.files_refused:,} files refused, {report.files_passed_over:,} passed over"
    )


def _row(receipt: Receipt) -> dict[str, object]:
    return {
        "release": receipt.release,
        "drive": receipt.drive,
        "files": receipt.files,
        "size": size_text(receipt.size_bytes),
        "verified": receipt.verified,
        "problems": len(receipt.problems),
        "digest": receipt.digest[:16],
    }
