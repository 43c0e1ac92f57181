"""The tables of a catalog and of a run: every column with its type, unit and meaning.

The Parquet files, the reading of tables and the documentation page all come from here. A column that is a DICOM
attribute keeps the DICOM keyword; the others are ours, in snake case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hilum.model.attributes import BY_KEYWORD

if TYPE_CHECKING:
    import pyarrow as pa

Type = Literal["text", "int", "float", "bool", "date", "time", "bytes"]
"""``date`` is a calendar day, ``time`` a moment in UTC."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, unit (empty if none) and meaning; `required` columns are never null."""

    name: str
    type: Type
    unit: str
    meaning: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, what a row is, and its columns."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    def arrow_schema(self) -> pa.Schema:
        """Schema of the table's Parquet files, with unit and meaning as field metadata."""
        import pyarrow as pa

        types = {
            "text": pa.string(),
            "int": pa.int64(),
            "float": pa.float64(),
            "bool": pa.bool_(),
            "date": pa.date32(),
            "time": pa.timestamp("us", tz="UTC"),
            "bytes": pa.binary(),
        }
        return pa.schema(
            pa.field(
                column.name,
                types[column.type],
                nullable=not column.required,
                metadata={"unit": column.unit, "meaning": column.meaning},
            )
            for column in self.columns
        )


_TYPE_BY_VR: dict[str, Type] = {"DA": "date", "DS": "float", "IS": "int", "US": "int"}


def _dicom(keyword: str, *, required: bool = False) -> Column:
    attribute = BY_KEYWORD[keyword]
    return Column(keyword, _TYPE_BY_VR.get(attribute.vr, "text"), attribute.unit, attribute.meaning, required)


SERIES = Table(
    "series",
    "a series of a collection",
    (
        Column("collection_id", "text", "", "collection, lower case with underscores", required=True),
        Column("analysis_result_id", "text", "", "analysis that made a derived series; null for original data"),
        _dicom("PatientID", required=True),
        _dicom("PatientSex"),
        _dicom("PatientAge"),
        _dicom("StudyInstanceUID", required=True),
        _dicom("StudyDate"),
        _dicom("StudyTime"),
        _dicom("StudyID"),
        _dicom("StudyDescription"),
        _dicom("AccessionNumber"),
        _dicom("SeriesInstanceUID", required=True),
        _dicom("SeriesNumber"),
        _dicom("SeriesDate"),
        _dicom("SeriesDescription"),
        _dicom("Modality"),
        _dicom("SOPClassUID"),
        _dicom("TransferSyntaxUID"),
        _dicom("FrameOfReferenceUID"),
        _dicom("BodyPartExamined"),
        _dicom("PatientPosition"),
        _dicom("ContrastBolusAgent"),
        _dicom("Manufacturer"),
        _dicom("ManufacturerModelName"),
        _dicom("ConvolutionKernel"),
        _dicom("SliceThickness"),
        _dicom("KVP"),
        _dicom("ReconstructionDiameter"),
        _dicom("GantryDetectorTilt"),
        _dicom("BurnedInAnnotation"),
        Column("ImageType", "text", "", "values of ImageType joined by a backslash, of the first instance"),
        _dicom("Rows"),
        _dicom("Columns"),
        _dicom("BitsStored"),
        _dicom("PixelRepresentation"),
        _dicom("PhotometricInterpretation"),
        Column("row_spacing_mm", "float", "mm", "distance between rows (PixelSpacing, first value)"),
        Column("column_spacing_mm", "float", "mm", "distance between columns (PixelSpacing, second value)"),
        Column("exposure_mas", "float", "mAs", "exposure, median over the instances"),
        Column(
            "image_kind",
            "text",
            "",
            "localizer, axial, reformat, secondary, segmentation, report, slide or other",
            required=True,
        ),
        Column("kernel_class", "text", "", "soft or sharp; null if the kernel is unknown"),
        Column("screening_round", "int", "", "0, 1 or 2 for NLST's T0, T1, T2"),
        Column("slice_count", "int", "", "distinct slice positions; null where there are none"),
        Column("slice_spacing_mm", "float", "mm", "median distance between neighbouring slice positions"),
        Column("slice_spacing_deviation_mm", "float", "mm", "largest difference of a distance from the median"),
        Column("missing_slices", "int", "", "slices that would fill the gaps"),
        Column("duplicated_positions", "int", "", "slices whose position another slice has already"),
        Column("gantry_tilt_deg", "float", "degree", "angle between the slice normal and the line of positions"),
        Column("is_uniform", "bool", "", "no slice is further than 0.1 mm from its place on a regular grid"),
        Column("is_one_size", "bool", "", "all instances have the same Rows and Columns"),
        Column("is_one_orientation", "bool", "", "all instances have the same ImageOrientationPatient"),
        Column("is_one_pixel_spacing", "bool", "", "all instances have the same PixelSpacing"),
        Column("is_volume", "bool", "", "the instances form one regular stack; null where it is not known"),
        Column("not_volume_check", "text", "", "name of the first check that denies a volume"),
        Column("instance_count", "int", "", "instances in the series", required=True),
        Column("size_bytes", "int", "byte", "bytes of the instances' files", required=True),
        Column("licence", "text", "", "licence the data are under, short name"),
        Column("source_doi", "text", "", "DOI of the data's source"),
        Column("source_url", "text", "", "where the instances lie if not in a local folder"),
        Column("instances", "bytes", "", "the instances in geometric order, packed; null where they are not local"),
    ),
)

CHECKS = Table(
    "checks",
    "a named check that a series failed",
    (
        Column("collection_id", "text", "", "collection of the series", required=True),
        Column("SeriesInstanceUID", "text", "", "the series", required=True),
        Column("check", "text", "", "name of the check", required=True),
        Column("severity", "text", "", "error: no volume can be made; warning: look before you use it", required=True),
        Column("detail", "text", "", "what was found and what was expected", required=True),
    ),
)

REFUSALS = Table(
    "refusals",
    "a file that was refused",
    (
        Column("collection_id", "text", "", "collection it was indexed for", required=True),
        Column("root", "text", "", "folder that was indexed", required=True),
        Column("path", "text", "", "path of the file below the folder", required=True),
        Column("check", "text", "", "name of the check that refused it", required=True),
        Column("reason", "text", "", "what was found, what was expected, what to do", required=True),
        Column("size_bytes", "int", "byte", "size of the file when it was refused"),
        Column("modified_ns", "int", "ns", "time of change of the file when it was refused"),
    ),
)

SCANS = Table(
    "scans",
    "the latest indexing of a folder into a collection that found a change",
    (
        Column("collection_id", "text", "", "collection", required=True),
        Column("root", "text", "", "folder that was indexed", required=True),
        Column("finished_at", "time", "", "when the indexing ended", required=True),
        Column("files_found", "int", "", "files in the folder = kept + refused + passed over", required=True),
        Column("instances_kept", "int", "", "files that are instances of a catalogued series", required=True),
        Column("files_refused", "int", "", "files in the refusals table", required=True),
        Column("files_passed_over", "int", "", "files that are not DICOM images by name or content", required=True),
        Column("files_read", "int", "", "files whose header was read; the rest was unchanged", required=True),
    ),
)

PARTICIPANTS = Table(
    "participants",
    "a participant of a trial",
    (
        Column("collection_id", "text", "", "collection", required=True),
        Column("PatientID", "text", "", "identifier of the participant in the images", required=True),
        Column("pid", "text", "", "identifier of the participant in the trial's tables"),
        Column("age", "int", "year", "age at randomization"),
        Column("gender", "int", "", "1 male, 2 female"),
        Column("race", "int", "", "race code of the trial"),
        Column("cigsmok", "int", "", "1 current smoker, 0 former smoker at randomization"),
        *(Column(f"scr_res{r}", "int", "", f"result code of the T{r} screen") for r in range(3)),
        *(Column(f"scr_iso{r}", "int", "", f"result of the T{r} screen read in isolation") for r in range(3)),
        *(Column(f"scr_days{r}", "int", "day", f"days from randomization to the T{r} screen") for r in range(3)),
        Column("can_scr", "int", "", "0 no cancer; 1 after a positive screen, 2 negative, 3 missed, 4 later"),
        Column("cancyr", "int", "", "study year of the lung cancer diagnosis"),
        Column("candx_days", "int", "day", "days from randomization to diagnosis"),
        Column("de_type", "int", "", "ICD-O-3 morphology of the cancer"),
        Column("de_stag", "int", "", "stage code of the cancer"),
        Column("lesionsize", "int", "mm", "size of the cancer from pathology"),
    ),
)

SOURCES = Table(
    "sources",
    "a published data set that series of a collection come from",
    (
        Column("collection_id", "text", "", "collection", required=True),
        Column("source_doi", "text", "", "DOI, as in the series table", required=True),
        Column("analysis_result_id", "text", "", "analysis that made it; null for original data"),
        Column("title", "text", "", "title of the data set"),
        Column("licence", "text", "", "licence, short name"),
        Column("licence_url", "text", "", "where the licence is written"),
        Column("citation", "text", "", "how to cite it"),
        Column("provider", "text", "", "index it was read from, with its version"),
    ),
)

LESIONS = Table(
    "lesions",
    "an element of the reference standard",
    (
        Column("exam_id", "text", "", "what marks and lesions are matched within", required=True),
        Column("lesion_id", "text", "", "name of the lesion, unique in its exam", required=True),
        Column("x_mm", "float", "mm", "position, left", required=True),
        Column("y_mm", "float", "mm", "position, posterior", required=True),
        Column("z_mm", "float", "mm", "position, superior", required=True),
        Column("short_axis_mm", "float", "mm", "RECIST short axis"),
        Column("long_axis_mm", "float", "mm", "RECIST long axis"),
        Column("diameter_mm", "float", "mm", "diameter of the sphere the source gives"),
        Column("is_excluded", "bool", "", "marks on it count neither way", required=True),
        Column("label", "text", "", "what it is, in the source's words", required=True),
        Column("source", "text", "", "file and line, or SOP instance it was read from", required=True),
        Column("series_uid", "text", "", "series whose geometry the position belongs to", required=True),
        Column("box_x_mm", "float", "mm", "side along x of the upright box centred at the position"),
        Column("box_y_mm", "float", "mm", "side along y"),
        Column("box_z_mm", "float", "mm", "side along z"),
        Column("mask_label", "int", "", "number of its voxels in the exam's label mask"),
    ),
)

MARKS = Table(
    "marks",
    "a mark of a run",
    (
        Column("exam_id", "text", "", "what marks and lesions are matched within", required=True),
        Column("series_uid", "text", "", "series the mark was found in", required=True),
        Column("x_mm", "float", "mm", "position, left", required=True),
        Column("y_mm", "float", "mm", "position, posterior", required=True),
        Column("z_mm", "float", "mm", "position, superior", required=True),
        Column("score", "float", "", "the higher, the surer", required=True),
        Column("diameter_mm", "float", "mm", "diameter of the sphere the detector states"),
        Column("box_x_mm", "float", "mm", "side along x of the upright box centred at the position"),
        Column("box_y_mm", "float", "mm", "side along y"),
        Column("box_z_mm", "float", "mm", "side along z"),
    ),
)

FILES = Table(
    "files",
    "a file of a release",
    (
        Column("collection_id", "text", "", "collection", required=True),
        _dicom("PatientID"),
        _dicom("StudyInstanceUID"),
        _dicom("SeriesInstanceUID"),
        _dicom("SOPInstanceUID"),
        Column("path", "text", "", "name in the release, and on every drive; made from the UIDs", required=True),
        Column("size_bytes", "int", "byte", "size of the file", required=True),
        Column("sha256", "text", "", "SHA-256 of its content, hexadecimal", required=True),
    ),
)

PLACES = Table(
    "places",
    "where a file of a release lay when the release was made",
    (
        Column("path", "text", "", "name in the release", required=True),
        Column("place", "text", "", "absolute path of the file", required=True),
    ),
)

OUTCOMES = Table(
    "outcomes",
    "a hit, a false positive or a missed lesion of a published result, at one operating point",
    (
        Column("rate", "float", "", "false positives an exam of the operating point", required=True),
        Column("kind", "text", "", "hits, false-positives or missed", required=True),
        Column(
            "number",
            "int",
            "",
            "place in the list, from 1: the surest first, missed lesions the largest",
            required=True,
        ),
        Column("exam_id", "text", "", "what marks and lesions are matched within", required=True),
        Column("collection_id", "text", "", "collection of the series"),
        _dicom("PatientID"),
        _dicom("StudyInstanceUID"),
        _dicom("SeriesInstanceUID"),
        _dicom("SOPInstanceUID"),
        Column("frame", "int", "", "frame of that object, from 1; 0 where it is one image"),
        Column("image_x", "float", "pixel", "place on that image, columns from the outer edge of the first"),
        Column("image_y", "float", "pixel", "likewise rows"),
        Column("image_columns", "int", "pixel", "width of the image"),
        Column("image_rows", "int", "pixel", "height of the image"),
        Column("x_mm", "float", "mm", "position, left: of the mark, or of a missed lesion", required=True),
        Column("y_mm", "float", "mm", "position, posterior", required=True),
        Column("z_mm", "float", "mm", "position, superior", required=True),
        Column("score", "float", "", "of the mark; of a missed lesion that at which it would be hit"),
        Column("lesion_id", "text", "", "name of the lesion in its exam"),
        Column("diameter_mm", "float", "mm", "diameter of the lesion"),
        Column("distance_mm", "float", "mm", "from a hit's mark to the centre of its lesion"),
    ),
)

CATALOG_TABLES: tuple[Table, ...] = (SERIES, CHECKS, REFUSALS, SCANS, SOURCES, PARTICIPANTS)
"""The tables of an archive's catalog; every row belongs to a collection."""

RELEASE_TABLES: tuple[Table, ...] = (FILES, PLACES)
"""The tables that a release has besides."""

TABLES: tuple[Table, ...] = (*CATALOG_TABLES, LESIONS, MARKS, *RELEASE_TABLES, OUTCOMES)
