"""Names of the content items of a measurement report, TID 1500 and what it includes.

References
----------
DICOM PS3.16 TID 1500 (Measurement Report), TID 1410, 1411 and 1501 (measurement groups), TID 4019 (Algorithm
Identification), CID 7470 (linear measurements), annex D (DCM codes). Names in other codes: SNOMED's former identifiers
(scheme SRT), as in reports before 2018; OHIF's viewer tells axes by the meanings "Long Axis" and "Short Axis".
"""

from __future__ import annotations

from hilum.model.codes import Code

TEMPLATE = "1500"

REPORT = Code("126000", "DCM", "Imaging Measurement Report")
LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
ENGLISH = Code("en", "RFC5646", "English")
OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
DEVICE = Code("121007", "DCM", "Device")
DEVICE_UID = Code("121012", "DCM", "Device Observer UID")
DEVICE_NAME = Code("121013", "DCM", "Device Observer Name")
DEVICE_MANUFACTURER = Code("121014", "DCM", "Device Observer Manufacturer")
DEVICE_MODEL = Code("121015", "DCM", "Device Observer Model Name")
PROCEDURE = Code("121058", "DCM", "Procedure reported")
CT_PROCEDURE = Code("25045-6", "LN", "CT unspecified body region")
MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
GROUP = Code("125007", "DCM", "Measurement Group")

TRACKING_ID = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
FINDING = Code("121071", "DCM", "Finding")
FINDING_SITE = Code("363698007", "SCT", "Finding Site")
COMMENT = Code("121106", "DCM", "Comment")
ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")

IMAGE_REGION = Code("111030", "DCM", "Image Region")
SOURCE_OF_MEASUREMENT = Code("121112", "DCM", "Source of Measurement")
SOURCE_IMAGE = Code("111040", "DCM", "Original Source")

LONG_AXIS = Code("103339001", "SCT", "Long Axis")
SHORT_AXIS = Code("103340004", "SCT", "Short Axis")
DIAMETER = Code("81827009", "SCT", "Diameter")
VOLUME = Code("118565006", "SCT", "Volume")
WIDTH = Code("103355008", "SCT", "Width")
HEIGHT = Code("121207", "DCM", "Height")
DEPTH = Code("131197000", "SCT", "Depth")
BOX_SIDES = (WIDTH, HEIGHT, DEPTH)
"""Sides of a box along x, y and z."""

MILLIMETRE = Code("mm", "UCUM", "mm")
CUBIC_MILLIMETRE = Code("mm3", "UCUM", "cubic millimeter")
NO_UNIT = Code("1", "UCUM", "no units")
MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}
"""UCUM's lengths, in mm."""

OWN_SCHEME = "99HILUM"
OWN_SCHEME_NAME = "hilum"
SCORE = Code("score", OWN_SCHEME, "Score")
LABEL = Code("label", OWN_SCHEME, "Label in the source")
POSITION = Code("position", OWN_SCHEME, "Position, LPS mm")
EXCLUDED = Code("excluded", OWN_SCHEME, "Excluded finding")
"""What no code of DICOM or SNOMED says: a score on a scale of the method's own, a position between two images, that
marks on a finding count neither way."""

CONTROL_POINTS = Code("ControlPoints", "99CS3D", "Control Points")
TEXT_POSITION = Code("TextPosition", "99CS3D", "Text Annotation Position")
"""Cornerstone's coordinates beside those of the finding."""

FORMER_NAMES = {
    Code("G-A185", "SRT", ""): LONG_AXIS,
    Code("G-A186", "SRT", ""): SHORT_AXIS,
    Code("M-02550", "SRT", ""): DIAMETER,
    Code("G-C0E3", "SRT", ""): FINDING_SITE,
    Code("G-D705", "SRT", ""): VOLUME,
    Code("G-A220", "SRT", ""): WIDTH,
    Code("G-D785", "SRT", ""): DEPTH,
}
"""Identifiers that SNOMED CT's took the place of."""
