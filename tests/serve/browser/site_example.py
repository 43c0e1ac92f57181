"""The archive that the browser tests open: ``python tests/serve/browser/site_example.py DIR`` makes ``DIR/archive``.

Collections: ``nodes``, by request, with a CT, its SEG in two encodings and two SR; ``kept``, by request, a
compressed CT that nobody is granted; ``cells``, open, a phantom slide in colour and one of two channels; ``chest`` and
``slides``, open, real images where those are on this machine; ``nlst``, with an account, the public index of NLST.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from builders import SHARED_DATA, CtSeries
from hilum.catalog import Archive
from hilum.catalog.folder import index_folder
from hilum.catalog.idc import import_idc
from hilum.findings.formats import format_named, write_findings
from hilum.serve import site
from serve.browser.people import COHORT, KEPT, KEPT_STUDY, PASSWORD, PEOPLE, READER
from slide_example import write_slide_example
from viewer_example import write_viewer_example

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

REAL = {"chest": "cmb_crc_chest", "slides": "slides/openslide_python"}
"""Open collections, and their folders in the shared data."""

TITLES = {
    "nodes": "Nodes of a phantom",
    "kept": "Kept back",
    "cells": "Cells of a phantom",
    "chest": "A chest",
    "slides": "Slides",
    "nlst": "National Lung Screening Trial",
}
PUBLISHED_PARTICIPANTS = 20
"""Participants of NLST that are published; all of its index is in the catalog, where cohorts are chosen."""

AGREEMENT = "Nobody tries to find out who took part.\n\nResults are published openly."


def write_site(root: Path) -> None:
    """Write the files, index them, publish, and make the accounts."""
    archive = Archive.open_or_create(root / "archive")
    example = write_viewer_example(root / "nodes")
    write_findings(
        root / "nodes" / "nodes.labelmap.dcm", example.findings, example.series, form=format_named("seg-labelmap")
    )
    index_folder(archive, root / "nodes", "nodes")
    write_slide_example(root / "cells")
    kept = CtSeries(participant=KEPT, study_uid=KEPT_STUDY, series_uid=f"{KEPT_STUDY}.1")
    _compress(kept.write(root / "kept"))
    for collection_id in ("cells", "kept"):
        index_folder(archive, root / collection_id, collection_id)
    for collection_id, folder in REAL.items():
        if (SHARED_DATA / folder).is_dir():
            index_folder(archive, SHARED_DATA / folder, collection_id)
    site.open_site(archive.path)
    site.prepare_tables()
    _publish(archive)
    _make_accounts()
    _ask_and_choose()


def _compress(paths: Iterable[Path]) -> None:
    """Let images be JPEG-LS, which the viewer decodes with WebAssembly in a worker."""
    import imagecodecs
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLSLossless

    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(dataset.pixel_array))])
        dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
        dataset.save_as(path, enforce_file_format=True)


def _publish(archive: Archive) -> None:
    from hilum.serve.published.models import Collection
    from hilum.serve.published.publish import publish

    approved = dict.fromkeys(("nodes", "kept"), Collection.Access.APPROVED)
    access = approved | {"nlst": Collection.Access.REGISTERED}
    whole = import_idc(archive, ["nlst"]).snapshot.table("series", "nlst")
    known = whole["PatientID"].unique().slice(0, PUBLISHED_PARTICIPANTS).to_pylist()
    # Publishing 592,600 series takes minutes, and no page needs more than some of them.
    archive.update("nlst", lambda _: {"series": whole.filter(_is_one_of(whole["PatientID"], known))}, note="some")
    for collection_id, title in TITLES.items():
        if collection_id not in REAL or (SHARED_DATA / REAL[collection_id]).is_dir():
            publish(archive, collection_id, access=access.get(collection_id, Collection.Access.PUBLIC), title=title)
    archive.update("nlst", lambda _: {"series": whole}, note="all again")


def _is_one_of(column: pa.ChunkedArray, values: list[str]) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(column, value_set=pa.array(values))


def _make_accounts() -> None:
    from django.utils import timezone

    from hilum.serve.access.models import DataUseAgreement
    from hilum.serve.accounts.models import User
    from hilum.serve.published.models import Collection

    for email, role in PEOPLE.items():
        user = User.objects.create_user(email, PASSWORD, is_staff=role != "reader", is_superuser=role == "admin")
        user.emailaddress_set.create(email=email, verified=True, primary=True)  # type: ignore[attr-defined]
    agreement = DataUseAgreement.objects.create(
        name="terms", version="1", title="Terms of use", text=AGREEMENT, published_at=timezone.now()
    )
    agreement.collections.set(Collection.objects.filter(pk="nodes"))


def _ask_and_choose() -> None:
    """Let the reader ask for a collection and choose a cohort, so that every page has something to show."""
    from hilum.cohort import Criteria
    from hilum.serve.access import requests
    from hilum.serve.access.models import AccessRequest, DataUseAgreement
    from hilum.serve.accounts.models import User
    from hilum.serve.portal.choosing import freeze
    from hilum.serve.published.models import Collection

    reader = User.objects.get(email=READER)
    asked = AccessRequest.objects.create(
        user=reader,
        project_title="Short axes",
        investigator="R. Reader",
        institution="Example University",
        aims="To measure.",
        participant_count=1,
    )
    asked.collections.set(Collection.objects.filter(pk="nodes"))
    requests.submit(asked, shown=[DataUseAgreement.objects.get().pk], name="R. Reader")
    freeze(Criteria(collections=("nodes",)), COHORT, user_id=reader.pk)


if __name__ == "__main__":
    write_site(Path(sys.argv[1]))
