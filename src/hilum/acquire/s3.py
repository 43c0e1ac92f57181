"""Files of S3 buckets: public ones unsigned (IDC's), others signed by the usual AWS environment."""

from __future__ import annotations

import os
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.acquire.answers import PASSING_STATUSES
from hilum.acquire.source import Delivery
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from obstore import GetResult, ObjectMeta
    from obstore.store import ClientConfig, S3Config, S3Store

CHUNK_BYTES = 1 << 19
"""What obstore gathers before it hands it on, and loses when the connection breaks: about one CT slice."""

_READ_TIMEOUT = "60s"
_WHOLE_TIMEOUT = "24h"
"""A request may take as long as it needs while bytes come; obstore's own limit of 30 s would cut large files."""

_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
"""An ETag that is the MD5 of the object; that of several parts has a dash and their number behind it."""

_STATUS = re.compile(r"status code: (\d{3})")
_NO_RANGES = "non-partial response"
"""What obstore says of a server that answers a request for a part with the whole."""

IDC_REGION = "us-east-1"
"""Where the buckets of the Imaging Data Commons are."""

LIST_PAGE = 1000
"""Objects S3 lists in one answer."""

_URL = re.compile(r"s3://([^/]+)/?(.*)")


@dataclass(frozen=True)
class S3Options:
    """How buckets are reached.

    Attributes
    ----------
    endpoint
        URL of a server other than Amazon's; empty for Amazon.
    is_signed
        Whether requests are signed, with the keys of the AWS environment variables; else they are anonymous.
    region
        Region of the buckets; empty for that of the AWS environment variables, or else IDC's.
    ca_file
        PEM file of further certificate authorities; empty for the system's alone.
    is_etag_md5
        Whether an ETag of 32 digits is taken for the MD5 of the object. It is not where a bucket encrypts with keys of
        its owner (SSE-KMS, SSE-C).
    """

    endpoint: str = ""
    is_signed: bool = False
    region: str = ""
    ca_file: str = ""
    is_etag_md5: bool = True


class S3Source:
    """Objects below prefixes; the location of a series is ``s3://BUCKET/PREFIX/``."""

    def __init__(self, options: S3Options | None = None) -> None:
        self._options = options or S3Options()
        self._stores: dict[str, S3Store] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Endpoint of the server."""
        return self._options.endpoint or "s3://"

    def find(self, url: str) -> list[WantedSeries]:
        """Give every folder below a URL that objects lie in, with their total size, in order.

        Raises
        ------
        SourceError
            It cannot be listed, or nothing is there.
        """
        bucket, prefix = _split(url)
        sizes: dict[str, int] = {}
        for entry in self._list(bucket, prefix):
            folder = entry["path"].rpartition("/")[0]
            sizes[folder] = sizes.get(folder, 0) + entry["size"]
        if not sizes:
            raise SourceError(f"{url}: nothing is there; is the prefix right?", check="empty-series")
        return [
            WantedSeries(size_bytes=size, location=f"s3://{bucket}/{folder}/" if folder else f"s3://{bucket}/")
            for folder, size in sorted(sizes.items())
        ]

    def list_files(self, series: WantedSeries) -> Sequence[WantedFile]:
        """Objects of a prefix, without those of prefixes below it."""
        bucket, prefix = _split(series.location)
        files = []
        for entry in self._list(bucket, prefix, is_deep=False):
            name = entry["path"].rpartition("/")[2]
            tag = entry["e_tag"] or ""
            md5 = _MD5.fullmatch(tag) if self._options.is_etag_md5 else None
            files.append(WantedFile(name, entry["size"], f"md5:{md5[1]}" if md5 else None, entry["path"], tag))
        return files

    @contextmanager
    def fetch(self, series: WantedSeries, file: WantedFile | None, start_byte: int) -> Iterator[Iterator[Delivery]]:
        """Open an object from a byte on; one that changed since it was listed is not given."""
        if file is None:
            raise ValueError("objects are fetched one by one")
        store = self._store(_split(series.location)[0])
        where = f"{series.location}{file.name}"
        key = file.location or _split(where)[1]
        result = _get(store, key, where, start_byte)
        _require_same(where, file, result.meta)
        yield iter([Delivery(file, result.range[0], _chunks(result, where))])

    def _list(self, bucket: str, prefix: str, *, is_deep: bool = True) -> Iterator[ObjectMeta]:
        """Objects below a prefix; markers of empty folders, which end with a slash, are left out."""
        import obstore

        where = f"s3://{bucket}/{prefix}"
        with _errors_of(where):
            store = self._store(bucket)
            if is_deep:
                pages: Iterable[Sequence[ObjectMeta]] = obstore.list(store, prefix, chunk_size=LIST_PAGE)
            else:
                pages = [obstore.list_with_delimiter(store, prefix)["objects"]]
            for page in pages:
                yield from (entry for entry in page if not entry["path"].endswith("/"))

    def _store(self, bucket: str) -> S3Store:
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = self._open(bucket)
            return self._stores[bucket]

    def _open(self, bucket: str) -> S3Store:
        from obstore.store import S3Store

        options = self._options
        client: ClientConfig = {
            "allow_http": options.endpoint.startswith("http://"),
            "read_timeout": _READ_TIMEOUT,
            "timeout": _WHOLE_TIMEOUT,
        }
        if options.ca_file:
            client["root_certificate"] = Path(options.ca_file).read_bytes()
        config: S3Config = {"skip_signature": not options.is_signed, "region": options.region or _region()}
        if options.endpoint:
            config |= {"endpoint": options.endpoint, "virtual_hosted_style_request": False}
        # Failures are counted and waited for by whoever pulls, so that all sources are treated alike.
        return S3Store(bucket, config=config, client_options=client, retry_config={"max_retries": 0})


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or IDC_REGION


def _get(store: S3Store, key: str, where: str, start_byte: int) -> GetResult:
    """Open an object from a byte on, or from its beginning where the server knows no ranges."""
    import obstore
    from obstore.exceptions import GenericError

    with _errors_of(where):
        if start_byte:
            try:
                return obstore.get(store, key, options={"range": {"offset": start_byte}})
            except GenericError as error:
                if _NO_RANGES not in str(error):
                    raise
        return obstore.get(store, key)


def _chunks(result: GetResult, where: str) -> Iterator[bytes]:
    with _errors_of(where):
        yield from result.stream(min_chunk_size=CHUNK_BYTES)


def _require_same(where: str, file: WantedFile, found: ObjectMeta) -> None:
    """Refuse an object that is not the one that was listed."""
    tag = (found["e_tag"] or "").strip('"')
    if found["size"] == file.size_bytes and tag in {"", file.version.strip('"')}:
        return
    raise SourceError(
        f"{where}: listed with {file.size_bytes:,} bytes and ETag {file.version}, now it has {found['size']:,} and"
        f" {tag or 'none'}: it changed meanwhile; pull again",
        check="changed-meanwhile",
    )


def _split(url: str) -> tuple[str, str]:
    """Bucket and prefix of a URL; the prefix is empty or a folder."""
    match = _URL.fullmatch(url)
    if match is None:
        raise ConfigError(f"{url!r}: expected s3://BUCKET/PREFIX/")
    return match[1], match[2]


@contextmanager
def _errors_of(where: str) -> Iterator[None]:
    """Turn obstore's errors into ours."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError, PermissionError) as error:
        raise _source_error(where, error) from error


def _source_error(where: str, error: Exception) -> SourceError:
    found = _STATUS.search(str(error))
    status = int(found[1]) if found else None
    if isinstance(error, FileNotFoundError) or status == 404:
        return SourceError(f"{where}: not found (404); was it removed, or is the name wrong?", check="not-found")
    if status in {401, 403}:
        return SourceError(
            f"{where}: not allowed ({status}); sign the requests, with keys that may read it", check="not-allowed"
        )
    said = str(error).partition("\n")[0]
    may_pass = status is None or status in PASSING_STATUSES or status >= 500
    return SourceError(f"{where}: {said}", check=f"status-{status}" if status else "cut-connection", may_pass=may_pass)
