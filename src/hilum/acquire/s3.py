"""Files of S3 buckets: public ones unsigned (IDC's), others signed by the usual AWS environment.

obstore lists them and signs their URLs; their bytes come over connections of our own (`hilum.acquire.connections`).
"""

from __future__ import annotations

import os
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hilum.acquire.answers import PASSING_STATUSES, READ_TIMEOUT_S, bad_certificate, tls_context, wait_s
from hilum.acquire.connections import Connections
from hilum.acquire.source import Delivery
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from obstore import ObjectMeta
    from obstore.store import ClientConfig, S3Config, S3Store

    from hilum.acquire.connections import Answer

_SIGNED_FOR = timedelta(hours=1)
"""How long a signature holds; each request has one of its own, and clocks differ."""

_WHOLE_TIMEOUT = "1h"
"""Of an answer of a listing, while bytes come; obstore's own limit is 30 s."""

_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
"""An ETag that is the MD5 of the object; that of several parts has a dash and their number behind it."""

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*(\w+)")
_UNREACHED = re.compile(
    r"Error performing \w+ \w+://(?P<host>[^/?\s]+).*ConnectError\(.*?(?:error|message): \"(?P<reason>[^\"]+)",
    re.DOTALL,
)
_STATUS = re.compile(r"status code: (\d{3})")
_NO_KEYS: S3Config = {"access_key_id": "none", "secret_access_key": "none"}

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
        self._roots: dict[str, str] = {}
        self._connections = Connections(self._options.ca_file)
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
        bucket, prefix = _split(series.location)
        where = f"{series.location}{file.name}"
        url = self._url(bucket, file.location or f"{prefix}{file.name}", where)
        headers = {"Range": f"bytes={start_byte}-"} if start_byte else {}
        with self._connections.get(url, headers, where) as answer:
            yield iter([_delivery(answer, file, where)])

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

    def _url(self, bucket: str, key: str, where: str) -> str:
        """URL of an object, signed where requests are."""
        import obstore

        with _errors_of(where):
            if self._options.is_signed:
                return obstore.sign(self._store(bucket), "GET", key, _SIGNED_FOR)
            if bucket not in self._roots:
                # The only way to have obstore name its URL; the signature behind it is of no use.
                signed = obstore.sign(self._open(bucket, _NO_KEYS), "GET", "-", _SIGNED_FOR)
                self._roots[bucket] = signed.partition("?")[0].removesuffix("-")
        return self._roots[bucket] + quote(key)

    def _store(self, bucket: str) -> S3Store:
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = self._open(bucket, {"skip_signature": not self._options.is_signed})
            return self._stores[bucket]

    def _open(self, bucket: str, keys: S3Config) -> S3Store:
        from obstore.store import S3Store

        options = self._options
        client: ClientConfig = {
            "allow_http": options.endpoint.startswith("http://"),
            "read_timeout": f"{READ_TIMEOUT_S}s",
            "timeout": _WHOLE_TIMEOUT,
        }
        if options.ca_file:
            tls_context(options.ca_file)  # tells what is wrong with the file
            client["root_certificate"] = Path(options.ca_file).read_bytes()
        config: S3Config = {"region": options.region or _region(), **keys}
        if options.endpoint:
            config |= {"endpoint": options.endpoint, "virtual_hosted_style_request": False}
        # Failures are counted and waited for by whoever pulls, so that all sources are treated alike.
        return S3Store(bucket, config=config, client_options=client, retry_config={"max_retries": 0})


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or IDC_REGION


def _delivery(answer: Answer, file: WantedFile, where: str) -> Delivery:
    if answer.status not in {200, 206}:
        raise _refused(where, answer.status, answer.reason, wait_s(answer.headers.get("retry-after", "")))
    # rclone sends a part with status 200; what is sent is told by the header alone.
    place = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    start_byte, size = place.groups() if place else ("0", answer.headers.get("content-length", ""))
    _require_same(where, file, size, answer.headers.get("etag", "").strip('" '))
    return Delivery(file, int(start_byte), answer.chunks)


def _require_same(where: str, file: WantedFile, size: str, tag: str) -> None:
    """Refuse an object that is not the one that was listed."""
    if size == str(file.size_bytes) and tag in {"", file.version.strip('"')}:
        return
    raise SourceError(
        f"{where}: listed with {file.size_bytes} bytes and ETag {file.version or 'none'}, now it has"
        f" {size or 'no size'} and {tag or 'none'}: it changed meanwhile; pull again",
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
    said = str(error).partition("\n")[0]
    found = _STATUS.search(said)
    if isinstance(error, FileNotFoundError) or found is not None:
        return _refused(where, int(found[1]) if found else 404, said)
    if (untrusted := _CERTIFICATE.search(str(error))) is not None:
        return bad_certificate(where, untrusted[1])
    if (unreached := _UNREACHED.search(str(error))) is not None:
        said = f"the connection to {unreached['host']} failed ({unreached['reason']})"
    return SourceError(f"{where}: {said}", check="cut-connection", may_pass=True)


def _refused(where: str, status: int, said: str, asked_wait_s: float = 0.0) -> SourceError:
    if status == 404:
        return SourceError(f"{where}: not found (404); was it removed, or is the name wrong?", check="not-found")
    if status in {401, 403}:
        return SourceError(
            f"{where}: not allowed ({status}); sign the requests, with keys that may read it", check="not-allowed"
        )
    may_pass = status in PASSING_STATUSES or status >= 500
    return SourceError(
        f"{where}: the server answered {status} ({said})",
        check=f"status-{status}",
        may_pass=may_pass,
        wait_s=asked_wait_s,
    )
