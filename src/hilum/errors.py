"""Everything hilum raises on bad data, as one tree.

::

    HilumError                 a message that says what was found, expected and to do
    ├── ConfigError            a setting or environment variable has an unusable value
    ├── ArchiveError           the archive folder is missing, newer than this hilum, or damaged
    │   ├── QueryError         a SQL statement that cannot be answered
    │   └── NotFoundError      a collection, series, cohort or run of that name is not in the archive
    ├── HeaderError            a file is not DICOM or its header cannot be read
    ├── NotAVolumeError        a series does not form one regular stack (names the failed check)
    ├── PixelError             pixel data is absent, short, or in a form that cannot be decoded
    ├── FormatError            an annotation, table or mask file is not as its format demands
    ├── SourceError            what files are downloaded from does not give what was asked (names the failed check)
    ├── AccessError            a request, grant or account cannot take the step that was asked of it
    ├── DetectorError          a detector is unknown, untrained, or meant for other data
    └── AssessmentError        marks and lesions that cannot be assessed together

Bad data raises one of these; a programmer's mistake raises ``ValueError`` or ``TypeError``. A bad *item* among many
does not raise: it becomes a `Refusal`, so that the work goes on and nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass


class HilumError(Exception):
    """Base of all errors about data, files and archives."""


class ConfigError(HilumError):
    """A setting has a value that cannot be used."""


class ArchiveError(HilumError):
    """An archive cannot be opened, read or written."""


class QueryError(ArchiveError):
    """A SQL statement is wrong, or asks for more than reading."""


class NotFoundError(ArchiveError):
    """A name or UID is not in the archive."""


class HeaderError(HilumError):
    """A file is not DICOM, or its header cannot be read.

    Attributes
    ----------
    check
        Name of the check that failed, as it appears in a `Refusal`.
    """

    def __init__(self, message: str, *, check: str) -> None:
        super().__init__(message)
        self.check = check

    def __reduce__(self) -> tuple[object, ...]:
        """Keep `check` when the error crosses a process border."""
        return _rebuild, (type(self), str(self), self.check)


class NotAVolumeError(HilumError):
    """A series does not form one regular stack of slices.

    Attributes
    ----------
    check
        Name of the failed check (see `hilum.index.checks`).
    """

    def __init__(self, message: str, *, check: str) -> None:
        super().__init__(message)
        self.check = check

    def __reduce__(self) -> tuple[object, ...]:
        """Keep `check` when the error crosses a process border."""
        return _rebuild, (type(self), str(self), self.check)


class PixelError(HilumError):
    """Pixel data is absent, shorter than the header says, or cannot be decoded."""


class FormatError(HilumError):
    """A file of annotations, candidates, marks or masks is not as its format demands."""


class SourceError(HilumError):
    """What files are downloaded from does not give what was asked for.

    Attributes
    ----------
    check
        Name of the check that failed, as it appears in a `Refusal`.
    may_pass
        Whether asking again may help: a cut connection, a busy server.
    wait_s
        Seconds the source asks to wait before that; 0 where it does not say.
    """

    def __init__(self, message: str, *, check: str, may_pass: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.check = check
        self.may_pass = may_pass
        self.wait_s = wait_s


class AccessError(HilumError):
    """A request, grant or account cannot take the step that was asked of it."""


class DetectorError(HilumError):
    """A detector is unknown, not trained, or meant for other data."""


class AssessmentError(HilumError):
    """Marks and lesions cannot be assessed together."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One item that was left out, and why.

    Attributes
    ----------
    item
        What was refused: a path, a UID, or ``path:line``.
    check
        Name of the check that refused it, in words joined by hyphens.
    reason
        What was found, what was expected, what to do.
    """

    item: str
    check: str
    reason: str


def _rebuild(kind: type[HeaderError | NotAVolumeError], message: str, check: str) -> HilumError:
    return kind(message, check=check)
