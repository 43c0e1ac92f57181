"""A phantom slide: stained cells that nobody has, as JPEG tiles in three resolutions; beside it two channels of light.

``python tests/slide_example.py DIR`` writes it; tests of the viewer call `write_slide_example`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

from builders import UID_ROOT

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLIDE = f"{UID_ROOT}.5"
STAINED, GLOWING = f"{SLIDE}.1", f"{SLIDE}.2"
"""UIDs of the study, of the series in colour and of that of two channels."""

PARTICIPANT = "SLIDE^PHANTOM"
TILE, SIZE, LEVELS = 128, 512, 3
PIXEL_MM = 0.0005
CELLS, CELL_RADIUS_PX = 60, 14
GLASS, PLASMA, NUCLEUS = (244, 241, 243), (226, 150, 190), (88, 50, 140)
BRIGHTEST = 900
"""Stored value of the brightest cell of a channel: far below what 16 bits hold, as in a microscope."""

BRIGHTFIELD = Code("111744", "DCM", "Brightfield illumination")
FLUORESCENCE = Code("111743", "DCM", "Epifluorescence illumination")


@dataclass(frozen=True)
class Level:
    """One image of a slide: its pixels (row, column[, colour]), what it is called and lit by."""

    pixels: NDArray[Any]
    number: int
    flavour: str = "NONE"
    channel: str = "1"
    illumination: Code = BRIGHTFIELD

    @property
    def pixel_mm(self) -> float:
        """Side of a pixel."""
        return PIXEL_MM * SIZE / len(self.pixels)


def write_slide_example(folder: Path) -> list[Path]:
    """Write both series below `folder`: ``stained-1.dcm`` to ``-3``, largest first, ``glowing-1.dcm`` and ``-2``."""
    folder.mkdir(parents=True, exist_ok=True)
    stained = [Level(_shrunk(_stain(), 2**step), step + 1, "RESAMPLED" if step else "NONE") for step in range(LEVELS)]
    glowing = [Level(_glow(seed), seed, channel=str(seed), illumination=FLUORESCENCE) for seed in (1, 2)]
    written = []
    for name, series_uid, levels in (("stained", STAINED, stained), ("glowing", GLOWING, glowing)):
        for level in levels:
            path = folder / f"{name}-{level.number}.dcm"
            _dataset(series_uid, level).save_as(path, enforce_file_format=True)
            written.append(path)
    return written


def _cells(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of every pixel from the nearest cell, in its radii, and that cell's share of the brightest."""
    generator = np.random.default_rng(seed)
    row, column = np.mgrid[:SIZE, :SIZE]
    nearest, share = np.full((SIZE, SIZE), np.inf), np.zeros((SIZE, SIZE))
    for centre, radius, strength in zip(
        generator.uniform(0, SIZE, (CELLS, 2)),
        generator.uniform(0.6, 1.4, CELLS) * CELL_RADIUS_PX,
        generator.uniform(0.5, 1, CELLS),
        strict=True,
    ):
        distance = np.hypot(row - centre[0], column - centre[1]) / radius
        share = np.where(distance < nearest, strength, share)
        nearest = np.minimum(nearest, distance)
    return nearest, share


def _stain() -> NDArray[np.uint8]:
    nearest, _ = _cells(0)
    picture = np.full((SIZE, SIZE, 3), GLASS, np.uint8)
    picture[nearest < 1.8] = PLASMA
    picture[nearest < 1.0] = NUCLEUS
    return picture


def _glow(seed: int) -> NDArray[np.uint16]:
    nearest, share = _cells(seed)
    return np.where(nearest < 1, BRIGHTEST * share, 10).astype(np.uint16)


def _shrunk(picture: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    side = SIZE // factor
    mean: NDArray[np.float64] = picture.reshape(side, factor, side, factor, 3).mean((1, 3))
    return mean.astype(np.uint8)


def _dataset(series_uid: str, level: Level) -> Dataset:
    dataset = Dataset()
    for keyword, value in (_of_slide(series_uid, level) | _of_image(level)).items():
        setattr(dataset, keyword, value)
    tiles = [
        level.pixels[row : row + TILE, column : column + TILE]
        for row in range(0, level.pixels.shape[0], TILE)
        for column in range(0, level.pixels.shape[1], TILE)
    ]
    dataset.NumberOfFrames = len(tiles)
    dataset.file_meta = FileMetaDataset()
    is_colour = level.pixels.ndim == 3
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if is_colour else ExplicitVRLittleEndian
    if is_colour:
        dataset.PixelData = encapsulate([_jpeg(tile) for tile in tiles])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.add_new("PixelData", "OW", b"".join(tile.astype("<u2").tobytes() for tile in tiles))
    return dataset


def _jpeg(tile: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    data = BytesIO()
    Image.fromarray(tile).save(data, "JPEG", quality=90, subsampling="4:2:2")
    return data.getvalue()


def _of_slide(series_uid: str, level: Level) -> dict[str, Any]:
    """What says whose slide it is; it is nobody's."""
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": VLWholeSlideMicroscopyImageStorage,
        "SOPInstanceUID": f"{series_uid}.{level.number}",
        "StudyInstanceUID": SLIDE,
        "SeriesInstanceUID": series_uid,
        "FrameOfReferenceUID": f"{SLIDE}.9",
        "PositionReferenceIndicator": "SLIDE_CORNER",
        "Modality": "SM",
        "StudyID": "1",
        "SeriesNumber": int(series_uid.rpartition(".")[2]),
        "InstanceNumber": level.number,
        "StudyDate": "20000102",
        "ContentDate": "20000102",
        "AcquisitionDateTime": "20000102101112",
        "StudyTime": "101112",
        "ContentTime": "101112",
        "StudyDescription": "phantom: no tissue of anybody",
        "SeriesDescription": "phantom slide",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "PatientName": PARTICIPANT,
        "PatientID": PARTICIPANT,
        "PatientBirthDate": "",
        "PatientSex": "O",
        "Manufacturer": "hilum",
        "ManufacturerModelName": "phantom",
        "DeviceSerialNumber": "1",
        "SoftwareVersions": "1",
        "AcquisitionContextSequence": [],
        "ContainerIdentifier": "phantom",
        "IssuerOfTheContainerIdentifierSequence": [],
        "ContainerTypeCodeSequence": [_coded(Code("433466003", "SCT", "Microscope slide"))],
        "SpecimenDescriptionSequence": [_specimen()],
        "VolumetricProperties": "VOLUME",
        "SpecimenLabelInImage": "NO",
        "FocusMethod": "AUTO",
        "ExtendedDepthOfField": "NO",
        "BurnedInAnnotation": "NO",
    }


def _of_image(level: Level) -> dict[str, Any]:
    rows, columns = level.pixels.shape[:2]
    is_colour = level.pixels.ndim == 3
    bits = 8 if is_colour else 16
    own: dict[str, Any] = {
        "ImageType": ["DERIVED", "PRIMARY", "VOLUME", level.flavour],
        "ImagedVolumeWidth": columns * level.pixel_mm,
        "ImagedVolumeHeight": rows * level.pixel_mm,
        "ImagedVolumeDepth": 0.001,
        "TotalPixelMatrixColumns": columns,
        "TotalPixelMatrixRows": rows,
        "TotalPixelMatrixFocalPlanes": 1,
        "TotalPixelMatrixOriginSequence": [
            _item(XOffsetInSlideCoordinateSystem=20.0, YOffsetInSlideCoordinateSystem=40.0)
        ],
        "ImageOrientationSlide": [0.0, -1.0, 0.0, -1.0, 0.0, 0.0],
        "DimensionOrganizationType": "TILED_FULL",
        "DimensionOrganizationSequence": [_item(DimensionOrganizationUID=f"{SLIDE}.8")],
        "Rows": TILE,
        "Columns": TILE,
        "SamplesPerPixel": 3 if is_colour else 1,
        "PhotometricInterpretation": "YBR_FULL_422" if is_colour else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        "LossyImageCompression": "01" if is_colour else "00",
        "NumberOfOpticalPaths": 1,
        "OpticalPathSequence": [_optical_path(level, is_colour=is_colour)],
        "SharedFunctionalGroupsSequence": [_shared_groups(level)],
    }
    if is_colour:
        own |= {
            "PlanarConfiguration": 0,
            "LossyImageCompressionRatio": 10,
            "LossyImageCompressionMethod": "ISO_10918_1",
        }
    else:
        own |= {"PresentationLUTShape": "IDENTITY", "RescaleIntercept": 0, "RescaleSlope": 1}
    return own


def _optical_path(level: Level, *, is_colour: bool) -> Dataset:
    path = _item(
        OpticalPathIdentifier=level.channel,
        IlluminationTypeCodeSequence=[_coded(level.illumination)],
        IlluminationWaveLength=550.0,
    )
    if is_colour:
        path.ICCProfile = _srgb()
    return path


def _srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _shared_groups(level: Level) -> Dataset:
    measures = _item(PixelSpacing=[level.pixel_mm, level.pixel_mm], SliceThickness=0.001)
    kind = _item(FrameType=["DERIVED", "PRIMARY", "VOLUME", level.flavour])
    return _item(PixelMeasuresSequence=[measures], WholeSlideMicroscopyImageFrameTypeSequence=[kind])


def _specimen() -> Dataset:
    return _item(
        SpecimenIdentifier="phantom",
        SpecimenUID=f"{SLIDE}.7",
        IssuerOfTheSpecimenIdentifierSequence=[],
        SpecimenPreparationSequence=[],
    )


def _coded(code: Code) -> Dataset:
    return _item(CodeValue=code.value, CodingSchemeDesignator=code.scheme_designator, CodeMeaning=code.meaning)


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


if __name__ == "__main__":
    write_slide_example(Path(sys.argv[1]))
