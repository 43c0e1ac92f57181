"""``hilum pack``: a release onto numbered drives, each a BagIt bag."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import REFUSED, ArchiveOption, JsonOption, day, progress, show_table, tell
from hilum.cli.places import require_target
from hilum.disk import size_text

if TYPE_CHECKING:
    from hilum.publish.drives import Drive
    from hilum.publish.pack import Packed

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("pack")(pack)


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r}: expected a size such as 4TB, 500GB or 3.6TiB")
    number, unit, binary = found.groups()
    factor = 1024 ** "KMGT".index(unit.upper()) * 1024 if binary and unit else _UNITS[unit.upper()]
    return int(float(number) * factor)


def pack(
    release: Annotated[str, typer.Argument(help="Release, NAME@VERSION.", show_default=False)],
    archive: ArchiveOption,
    *,
    capacity: Annotated[
        int, typer.Option(parser=_size, metavar="SIZE", help="What fits on a drive, such as 4TB.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder to pack into: a mounted drive, or one for all bags.", show_default=False)
    ] = None,
    drive: Annotated[
        int | None, typer.Option(min=1, help="Pack this drive only; the others when they are mounted.  [default: all]")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Hard-link the files instead of copying them.")] = False,
    request: Annotated[str, typer.Option(help="The approved request this answers.")] = "",
    recipient: Annotated[str, typer.Option(help="Who gets the drives.")] = "",
    list_to: Annotated[
        Path | None, typer.Option("--packing-list", help="Write the packing list here too, to send it ahead.")
    ] = None,
    cluster: Annotated[
        int, typer.Option(min=1, help="Bytes that the drive's file system rounds up to: 131072 for exFAT.")
    ] = 4096,
    on: Annotated[
        date | None,
        typer.Option("--date", parser=day, metavar="YYYY-MM-DD", help="Day of packing.  [default: today, UTC]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Split a release by whole participants over drives of a capacity, and write each drive as a BagIt bag.

    Without --out only the split is shown. Killed, it goes on where it was. Exit status 1 says that files could not be
    packed: they are named, and that drive's bag is not finished.
    """
    from hilum.catalog import Archive
    from hilum.disk import write_whole
    from hilum.publish.drives import plan_drives
    from hilum.publish.pack import pack_drive
    from hilum.publish.release import find_release
    from hilum.publish.shipment import Shipment, packing_list

    if out is not None:
        require_target(out)
    found = find_release(Archive.open(archive), release)
    drives = plan_drives(found, capacity, cluster_bytes=cluster)
    if drive is not None and drive > len(drives):
        raise typer.BadParameter(f"{drive}: the split has {len(drives)} drives", param_hint="--drive")
    chosen = drives if drive is None else drives[drive - 1 : drive]
    if list_to is not None:
        write_whole(list_to, packing_list(drives).encode())
    packed: dict[int, Packed] = {}
    if out is not None:
        shipment = Shipment(on or datetime.now(UTC).date(), request, recipient)
        for one in chosen:
            with progress(f"drive {one.number} of {one.of}", total=one.files) as advance:
                packed[one.number] = pack_drive(
                    found, drives, one.number, out, shipment, link=link, on_progress=advance
                )
    show_table([_row(one, packed.get(one.number), as_json=as_json) for one in chosen], as_json=as_json)
    refusals = [refusal for one in packed.values() for refusal in one.refusals]
    for refusal in refusals:
        tell(f"refused: {refusal.item}: {refusal.reason}")
    if refusals:
        raise typer.Exit(REFUSED)


def _row(drive: Drive, packed: Packed | None, *, as_json: bool) -> dict[str, object]:
    names = [share.participant_id for share in drive.shares if share.participant_id]
    row: dict[str, object] = {
        "drive": f"{drive.number} of {drive.of}",
        "participants": len(set(names)),
        "from": names[0] if names else None,
        "to": names[-1] if names else None,
        "files": drive.files,
    }
    row |= {"size_bytes": drive.size_bytes} if as_json else {"size": size_text(drive.size_bytes)}
    if packed is not None:
        state = f"{len(packed.refusals)} refused" if packed.refusals else "finished"
        row |= {"written": packed.written, "state": state, "bag": str(packed.bag)}
    return row
