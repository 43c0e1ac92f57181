"""Lists of series to download, in the dialects that the archives' tools write and read."""

from hilum.acquire.manifests.manifest import Dialect, Manifest
from hilum.acquire.manifests.reading import read_manifest
from hilum.acquire.manifests.writing import Written, write_manifest

__all__ = ["Dialect", "Manifest", "Written", "read_manifest", "write_manifest"]
