"""The DICOM attributes that the catalog keeps, in one table.

The header reader stops for these and skips everything else; the table schemas take their names, types and meanings
from here. A value is a ``str``, ``int`` or ``float`` after the attribute's VR, or a tuple of them where the file
holds several.

References
----------
DICOM PS3.6 (data dictionary), PS3.5 section 6.2 (value representations), PS3.3 (meanings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scalar = str | int | float
Value = Scalar | tuple[Scalar, ...]
Level = Literal["study", "series", "instance"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One DICOM attribute of the catalog.

    Attributes
    ----------
    keyword
        DICOM keyword, also the column name.
    tag
        ``(group << 16) | element``.
    vr
        Value representation.
    level
        Where the information entity of the attribute sits: what is expected to be the same within.
    unit
        Unit of the value, empty if it has none.
    meaning
        What the value says, in a line.
    """

    keyword: str
    tag: int
    vr: str
    level: Level
    unit: str
    meaning: str


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("TransferSyntaxUID", 0x00020010, "UI", "instance", "", "how the data set and its pixels are encoded"),
    Attribute("SpecificCharacterSet", 0x00080005, "CS", "instance", "", "character sets of the text values"),
    Attribute("ImageType", 0x00080008, "CS", "instance", "", "pixel data characteristics, examination, type"),
    Attribute("SOPClassUID", 0x00080016, "UI", "instance", "", "kind of object"),
    Attribute("SOPInstanceUID", 0x00080018, "UI", "instance", "", "identifier of the object"),
    Attribute("StudyDate", 0x00080020, "DA", "study", "", "date the study started (often shifted)"),
    Attribute("SeriesDate", 0x00080021, "DA", "series", "", "date the series started (often shifted)"),
    Attribute("StudyTime", 0x00080030, "TM", "study", "", "time the study started"),
    Attribute("AccessionNumber", 0x00080050, "SH", "study", "", "departmental number of the request"),
    Attribute("Modality", 0x00080060, "CS", "series", "", "kind of equipment or object"),
    Attribute("Manufacturer", 0x00080070, "LO", "series", "", "maker of the equipment"),
    Attribute("StudyDescription", 0x00081030, "LO", "study", "", "description of the study"),
    Attribute("SeriesDescription", 0x0008103E, "LO", "series", "", "description of the series"),
    Attribute("ManufacturerModelName", 0x00081090, "LO", "series", "", "model of the equipment"),
    Attribute("PatientName", 0x00100010, "PN", "study", "", "name of the patient (a pseudonym here)"),
    Attribute("PatientID", 0x00100020, "LO", "study", "", "identifier of the participant"),
    Attribute("PatientSex", 0x00100040, "CS", "study", "", "sex of the participant"),
    Attribute("PatientAge", 0x00101010, "AS", "study", "", "age at the study, such as 073Y"),
    Attribute("ContrastBolusAgent", 0x00180010, "LO", "series", "", "contrast agent given"),
    Attribute("BodyPartExamined", 0x00180015, "CS", "series", "", "part of the body examined"),
    Attribute("SliceThickness", 0x00180050, "DS", "series", "mm", "nominal slice thickness"),
    Attribute("KVP", 0x00180060, "DS", "series", "kV", "peak voltage of the tube"),
    Attribute("SpacingBetweenSlices", 0x00180088, "DS", "series", "mm", "stated distance of slices (not measured)"),
    Attribute("ReconstructionDiameter", 0x00181100, "DS", "series", "mm", "diameter of the field of view"),
    Attribute("GantryDetectorTilt", 0x00181120, "DS", "series", "degree", "stated tilt of the gantry"),
    Attribute("XRayTubeCurrent", 0x00181151, "IS", "instance", "mA", "tube current"),
    Attribute("Exposure", 0x00181152, "IS", "instance", "mAs", "exposure"),
    Attribute("ConvolutionKernel", 0x00181210, "SH", "series", "", "reconstruction kernel as the maker calls it"),
    Attribute("PatientPosition", 0x00185100, "CS", "series", "", "position of the patient in the scanner"),
    Attribute("StudyInstanceUID", 0x0020000D, "UI", "study", "", "identifier of the study"),
    Attribute("SeriesInstanceUID", 0x0020000E, "UI", "series", "", "identifier of the series"),
    Attribute("StudyID", 0x00200010, "SH", "study", "", "study number as the site gave it"),
    Attribute("SeriesNumber", 0x00200011, "IS", "series", "", "number of the series in its study"),
    Attribute("AcquisitionNumber", 0x00200012, "IS", "instance", "", "number of the acquisition"),
    Attribute("InstanceNumber", 0x00200013, "IS", "instance", "", "number of the instance in its series"),
    Attribute("ImagePositionPatient", 0x00200032, "DS", "instance", "mm", "centre of the first voxel, LPS"),
    Attribute("ImageOrientationPatient", 0x00200037, "DS", "instance", "", "direction cosines of a row and a column"),
    Attribute("FrameOfReferenceUID", 0x00200052, "UI", "series", "", "identifier of the coordinate system"),
    Attribute("SamplesPerPixel", 0x00280002, "US", "instance", "", "values a pixel"),
    Attribute("PhotometricInterpretation", 0x00280004, "CS", "instance", "", "meaning of the pixel values"),
    Attribute("NumberOfFrames", 0x00280008, "IS", "instance", "", "frames in the object"),
    Attribute("Rows", 0x00280010, "US", "instance", "voxel", "rows of an image"),
    Attribute("Columns", 0x00280011, "US", "instance", "voxel", "columns of an image"),
    Attribute("PixelSpacing", 0x00280030, "DS", "instance", "mm", "distance of rows, distance of columns"),
    Attribute("BitsAllocated", 0x00280100, "US", "instance", "bit", "bits stored for a value"),
    Attribute("BitsStored", 0x00280101, "US", "instance", "bit", "bits used of a value"),
    Attribute("HighBit", 0x00280102, "US", "instance", "bit", "highest bit used of a value, 0-based"),
    Attribute("PixelRepresentation", 0x00280103, "US", "instance", "", "0 unsigned, 1 two's complement"),
    Attribute("PixelPaddingValue", 0x00280120, "US", "instance", "", "stored value outside the image"),
    Attribute("BurnedInAnnotation", 0x00280301, "CS", "series", "", "YES if text is in the pixels"),
    Attribute("RescaleIntercept", 0x00281052, "DS", "instance", "HU", "b in HU = m * stored + b"),
    Attribute("RescaleSlope", 0x00281053, "DS", "instance", "HU", "m in HU = m * stored + b"),
)
"""In ascending order of tag, as they stand in a file. ``PixelPaddingValue`` is US or SS after PixelRepresentation."""

KEYWORDS: tuple[str, ...] = tuple(attribute.keyword for attribute in ATTRIBUTES)
BY_KEYWORD: dict[str, Attribute] = {attribute.keyword: attribute for attribute in ATTRIBUTES}

PIXEL_DATA_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float Pixel Data, Double Float Pixel Data, Pixel Data."""
