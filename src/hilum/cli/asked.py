"""What ``hilum pull`` is asked for: the series, the source that has them, and the folder of each."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import typer

from hilum.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from hilum.acquire.idc import IdcSelection
    from hilum.acquire.manifests import Manifest
    from hilum.acquire.nbia import NbiaSource
    from hilum.acquire.nbia_login import Credentials
    from hilum.acquire.s3 import S3Source
    from hilum.acquire.source import Source
    from hilum.acquire.wanted import WantedSeries
    from hilum.errors import Refusal

IDC = "idc"
COHORT = "cohort:"
DICOMWEB = "dicomweb+"
ZIPS = "zips"
FORMS = (
    "idc; tcia; cohort:NAME; s3://BUCKET/PREFIX/; https://HOST/FOLDER/; dicomweb+https://HOST/BASE; a folder; a"
    " manifest (.tcia, s5cmd, CSV, JSON, a list of UIDs, fetch.txt); or the zips beside a collection: zips, or a .zip"
)


@dataclass(frozen=True)
class Asked:
    """What is to be downloaded.

    Attributes
    ----------
    series
        The series, or folders of a source that knows no series.
    source
        What has them.
    folder_of
        Gives the folder of a series below the target; None: a layout names them.
    refusals
        What was asked for and is nowhere.
    remarks
        What the user should know.
    """

    series: Sequence[WantedSeries]
    source: Source
    folder_of: Callable[[WantedSeries], str] | None = None
    refusals: tuple[Refusal, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """How sources are reached: the options of the command line of these names; `clients` closes what was opened."""

    endpoint: str = ""
    is_signed: bool = False
    ca_file: str = ""
    token_file: Path | None = None
    is_etag_md5: bool = True
    archive: Path | None = None
    by_image: bool = False
    clients: ExitStack = field(default_factory=ExitStack)

    def client(self) -> httpx.Client:
        """Client for web servers."""
        from hilum.acquire.answers import open_client

        token = _token(self.token_file) if self.token_file is not None else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.clients.enter_context(open_client(headers=headers, ca_file=self.ca_file))

    def s3(self, endpoint: str = "") -> S3Source:
        """Source of buckets, at the endpoint of a manifest or of the command line."""
        from hilum.acquire.s3 import S3Options, S3Source

        _require_url(self.endpoint)
        return S3Source(
            S3Options(
                endpoint=self.endpoint or endpoint,
                is_signed=self.is_signed,
                ca_file=self.ca_file,
                is_etag_md5=self.is_etag_md5,
            )
        )

    def nbia(self, url: str) -> NbiaSource:
        """Source of an NBIA server: as the user of the environment, or as anybody."""
        from hilum.acquire.nbia import NbiaSource
        from hilum.acquire.nbia_login import USER_VARIABLE, Login, require_known

        _require_url(self.endpoint)
        if not self.endpoint and os.environ.get(USER_VARIABLE):
            require_known(url)
        url, client = self.endpoint or url, self.client()
        credentials = _credentials()
        if credentials is None:
            return NbiaSource(client, url, by_image=self.by_image)
        login = Login(client, f"{url.rstrip('/')}/oauth/token", credentials)
        return NbiaSource(client, url, version="v2", login=login, by_image=self.by_image)


def _token(path: Path) -> str:
    """The token that a file holds; "Bearer" before it, as in the header that it goes into, is passed over."""
    try:
        token = path.read_text(encoding="utf-8").strip().removeprefix("Bearer ")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); expected a file with a bearer token") from error
    if not token or not token.isprintable() or " " in token:
        raise ConfigError(f"{path}: expected one bearer token, and nothing else in the file")
    return token


def _require_url(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    if endpoint and (parts.scheme not in {"http", "https"} or not parts.netloc):
        raise ConfigError(f"--endpoint {endpoint}: expected a URL such as https://s3.example.org")


def _credentials() -> Credentials | None:
    """The user of NBIA that the environment names; the password is asked for where it does not hold it."""
    from hilum.acquire.nbia_login import PASSWORD_VARIABLE, USER_VARIABLE, Credentials

    found = dict(os.environ)
    if found.get(USER_VARIABLE) and not found.get(PASSWORD_VARIABLE) and sys.stdin.isatty():
        found[PASSWORD_VARIABLE] = typer.prompt(
            f"Password of {found[USER_VARIABLE]} at NBIA", hide_input=True, err=True
        )
    return Credentials.from_environment(found)


def asked_for(what: str, selection: IdcSelection, access: Access) -> Asked:
    """Give what the words of the command line ask for.

    Raises
    ------
    ConfigError
        The words name no source, or a selection that it does not know.
    HilumError
        The source, the index, the archive or the manifest does not have it.
    """
    named = {IDC: _from_idc, "tcia": _from_tcia}
    if what in named:
        return named[what](selection, access)
    if what == ZIPS or urlsplit(what).path.lower().endswith(".zip"):
        return _from_zips(what, selection, access)
    if what.startswith(DICOMWEB):
        return _from_dicomweb(what.removeprefix(DICOMWEB), selection, access)
    if selection.any:
        raise ConfigError(
            f"{what}: a selection is known for idc, tcia and DICOMweb only; name a folder or URL below it"
        )
    if what.startswith(COHORT):
        return _from_cohort(what.removeprefix(COHORT), access)
    if what.startswith(("s3://", "https://", "http://")):
        return _from_url(what, access)
    return _from_path(Path(what), access)


def _from_idc(selection: IdcSelection, access: Access) -> Asked:
    from hilum.acquire.idc import find_in_idc
    from hilum.catalog.idc import require_collections

    if not selection.any:
        raise ConfigError("idc: name what to download: --collection, --participant, --study, --series")
    try:
        found = find_in_idc(selection)
    except NotFoundError:
        require_collections(selection.collection)
        raise
    return Asked(found.series, access.s3(), refusals=found.refusals, remarks=_earlier(found.earlier))


def _earlier(earlier: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        f"{uid} is in the newest IDC no more; its files of version {version} are taken"
        for uid, version in earlier.items()
    )


def _from_tcia(selection: IdcSelection, access: Access) -> Asked:
    from hilum.acquire.nbia import PUBLIC_API_URL

    if not selection.any:
        raise ConfigError("tcia: name what to download: --collection, --participant, --study, --series")
    names = {
        "collection": "Collection",
        "participant": "PatientID",
        "study": "StudyInstanceUID",
        "series": "SeriesInstanceUID",
        "modality": "Modality",
    }
    source = access.nbia(PUBLIC_API_URL)
    series = {one.key: one for query in _queries(selection, names) for one in source.find(query)}
    return Asked(tuple(series.values()), source)


def _from_dicomweb(url: str, selection: IdcSelection, access: Access) -> Asked:
    from hilum.acquire.dicomweb import DicomWebSource

    if selection.collection:
        raise ConfigError("DICOMweb knows no collections; select by --participant, --study, --series or --modality")
    names = {
        "participant": "PatientID",
        "study": "StudyInstanceUID",
        "series": "SeriesInstanceUID",
        "modality": "Modality",
    }
    source = DicomWebSource(access.client(), url)
    found = [
        one
        for query in _queries(selection, names)
        for one in _patiently(partial(source.find, query, collection_id=source.host))
    ]
    return Asked(tuple({one.key: one for one in found}.values()), source)


def _patiently(find: Callable[[], list[WantedSeries]]) -> list[WantedSeries]:
    """What is found, looked for again while the server fails in a way that may pass."""
    from hilum.cli.patience import ToldPace

    return ToldPace().persist(find)


def _queries(selection: IdcSelection, names: Mapping[str, str]) -> list[dict[str, str]]:
    """Searches of one value a name that together find what is selected."""
    queries: list[dict[str, str]] = [{}]
    for name, said in names.items():
        values = getattr(selection, name)
        queries = [{**query, said: value} for query in queries for value in values] if values else queries
    return queries


def _from_cohort(name: str, access: Access) -> Asked:
    from hilum.catalog import Archive
    from hilum.cli.listed_series import series_of_cohort

    if access.archive is None:
        raise ConfigError(f"cohort {name}: name its archive with --archive")
    listed = series_of_cohort(Archive.open(access.archive), name, base_url="")
    lacking = [one.series_uid for one in listed.series if not one.location]
    if lacking:
        raise ConfigError(
            f"cohort {name}: its snapshot has no source_url for {len(lacking):,} of its series, such as {lacking[0]};"
            " it comes with hilum catalog import-idc, before the cohort is chosen"
        )
    return Asked(listed.series, access.s3(), refusals=listed.refusals)


def _from_url(url: str, access: Access) -> Asked:
    from hilum.acquire.web_folder import WebFolderSource

    if url.startswith("s3://"):
        bucket = access.s3()
        return _folders_of(url, _patiently(partial(bucket.find, url)), bucket)
    source = WebFolderSource(access.client(), url)
    return _folders_of(source.name, _patiently(source.find), source)


def _from_path(path: Path, access: Access) -> Asked:
    if path.is_dir():
        from hilum.acquire.drive import DriveSource

        source = DriveSource(path)
        return _folders_of(str(path.absolute()), source.find(), source)
    if not path.exists():
        raise ConfigError(f"{path} is no file, folder or source; expected one of: {FORMS}")
    from hilum.acquire.manifests import read_manifest

    return _from_manifest(read_manifest(path), access)


def _from_manifest(manifest: Manifest, access: Access) -> Asked:
    from hilum.acquire.listed import ListedSource
    from hilum.acquire.manifests.completing import complete
    from hilum.acquire.manifests.tcia import api_url
    from hilum.acquire.web_folder import WebFolderSource

    if manifest.dialect == "tcia":
        nbia = access.nbia(api_url(manifest.server_url))
        described = nbia.describe(one.series_uid for one in manifest.series)
        return Asked(described.series, nbia, refusals=manifest.refusals + described.refusals)
    if manifest.dialect == "bagit":
        hosts = {urlsplit(one.location).netloc.rpartition("@")[2] for one in manifest.series}
        if access.token_file is not None and len(hosts) > 1:
            raise ConfigError(
                f"one token is for one server, the manifest names {len(hosts)}: {', '.join(sorted(hosts))}"
            )
        pages = WebFolderSource(access.client(), urljoin(manifest.series[0].location, "/"))
        return Asked(manifest.series, ListedSource(pages, manifest.files), refusals=manifest.refusals)
    done = complete(manifest)
    source: Source = access.s3(manifest.server_url)
    if done.manifest.files:
        source = ListedSource(source, done.manifest.files, is_completed=True)
    refusals = manifest.refusals + done.unknown
    return Asked(done.located, source, refusals=refusals, remarks=_earlier(done.earlier))


def _from_zips(what: str, selection: IdcSelection, access: Access) -> Asked:
    """Annotations, candidates and masks that are handed out as zips beside the images."""
    from hilum.acquire.archives import ZipSource, folder_of, wanted_zips

    others = (selection.participant, selection.study, selection.series, selection.modality)
    if len(selection.collection) != 1 or any(others):
        raise ConfigError(f"{what}: name the one collection that the zips belong to: --collection ct_lymph_nodes")
    if what != ZIPS and not urlsplit(what).scheme and not Path(what).is_file():
        raise ConfigError(f"{what}: no such file; name a zip that is here, its URL, or {ZIPS} for those that are known")
    wanted = wanted_zips(selection.collection[0], () if what == ZIPS else (what,))
    return Asked(wanted, ZipSource(access.client()), folder_of)


def _folders_of(url: str, series: Sequence[WantedSeries], source: Source) -> Asked:
    """Folders keep the names they have at the source, below the last part of what was asked for."""
    root = url.rstrip("/")
    top = unquote(root.rpartition("/")[2]) or "files"

    def folder_of(one: WantedSeries) -> str:
        below = unquote(one.location.removeprefix(root).strip("/"))
        return f"{top}/{below}" if below else top

    return Asked(series, source, folder_of)
