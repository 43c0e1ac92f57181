from __future__ import annotations

import pytest

from hilum.model.kinds import ImageKind, KernelClass, image_kind, kernel_class

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def kind(
    modality: str | None = "CT", sop_class: str | None = CT, image_type: str = "", description: str | None = None
) -> ImageKind:
    return image_kind(
        modality=modality,
        sop_class_uid=sop_class,
        image_type=image_type.split("\\") if image_type else (),
        description=description,
    )


@pytest.mark.parametrize(
    ("image_type", "expected"),
    [
        ("ORIGINAL\\PRIMARY\\AXIAL", ImageKind.AXIAL),
        ("ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI", ImageKind.AXIAL),
        ("ORIGINAL\\PRIMARY\\VOLUME\\NONE", ImageKind.AXIAL),
        ("DERIVED \\PRIMARY\\AXIAL", ImageKind.AXIAL),
        ("DERIVED\\SECONDARY", ImageKind.AXIAL),
        ("ORIGINAL\\PRIMARY\\LOCALIZER", ImageKind.LOCALIZER),
        ("DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE", ImageKind.REFORMAT),
        ("DERIVED\\SECONDARY\\AXIAL\\CT_SOM5 MPR", ImageKind.REFORMAT),
        ("DERIVED\\SECONDARY\\DOSE_INFO", ImageKind.SECONDARY),
        ("DERIVED\\SECONDARY\\SCREEN SAVE", ImageKind.SECONDARY),
    ],
)
def test_a_ct_is_told_by_its_image_type(image_type: str, expected: ImageKind) -> None:
    assert kind(image_type=image_type) is expected
    assert kind(image_type=image_type, sop_class=None) is expected


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("Topogram  0.6  T20s", ImageKind.LOCALIZER),
        ("SupineAPTopo  0.6  T20s", ImageKind.LOCALIZER),
        ("SCOUT AP/LAT", ImageKind.LOCALIZER),
        ("SURVIEW", ImageKind.LOCALIZER),
        ("///FL02/ORG/", ImageKind.LOCALIZER),
        ("AP  0.6  Tr20", ImageKind.LOCALIZER),
        ("Topogram 0.60 cor", ImageKind.LOCALIZER),
        ("CORONAL", ImageKind.REFORMAT),
        ("COR_CHEST", ImageKind.REFORMAT),
        ("1 25 MM SAGITAL", ImageKind.REFORMAT),
        ("AXIAL LUNG MIPS", ImageKind.REFORMAT),
        ("Dose Info", ImageKind.SECONDARY),
        ("STONE PROTOCOL", ImageKind.AXIAL),
        ("Full Dose Images", ImageKind.AXIAL),
        ("CORONARY CTA", ImageKind.AXIAL),
        ("mediastinal_lymph_nodes", ImageKind.AXIAL),
        ("PILOTS", ImageKind.AXIAL),
        (None, ImageKind.AXIAL),
    ],
)
def test_without_image_type_the_description_tells(description: str | None, expected: ImageKind) -> None:
    assert kind(description=description) is expected


def test_image_type_is_believed_before_the_description() -> None:
    assert kind(image_type="ORIGINAL\\PRIMARY\\AXIAL", description="SCOUT") is ImageKind.AXIAL


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("2,OPA,GE,LSPR16,STANDARD,390,2.5,120,48,0,1.4", ImageKind.AXIAL),
        ("0,OPL,SE,VZOOM,T20s,1,024,na,80,304,304,na", ImageKind.LOCALIZER),
        ("1,DSR,SE,SEN16,B30f,na,na,120,na,na,na", ImageKind.REFORMAT),
        ("1,DSP,PH,MX8000,unkn,na,na,120,na,na,na", ImageKind.OTHER),
        ("1,DS,PH,MX8000,unkn,na,na,120,na,na,na", ImageKind.OTHER),
    ],
)
def test_an_nlst_description_is_believed_before_image_type(description: str, expected: ImageKind) -> None:
    assert kind(image_type="ORIGINAL\\PRIMARY\\AXIAL", description=description) is expected


@pytest.mark.parametrize(
    ("modality", "sop_class", "expected"),
    [
        ("SEG", "1.2.840.10008.5.1.4.1.1.66.4", ImageKind.SEGMENTATION),
        ("SEG", "1.2.840.10008.5.1.4.1.1.66.7", ImageKind.SEGMENTATION),
        ("SEG", CT, ImageKind.SEGMENTATION),
        ("RTSTRUCT", "1.2.840.10008.5.1.4.1.1.481.3", ImageKind.SEGMENTATION),
        ("SR", "1.2.840.10008.5.1.4.1.1.88.22", ImageKind.REPORT),
        ("KO", "1.2.840.10008.5.1.4.1.1.88.59", ImageKind.REPORT),
        ("SM", "1.2.840.10008.5.1.4.1.1.77.1.6", ImageKind.SLIDE),
        ("CT", SECONDARY_CAPTURE, ImageKind.SECONDARY),
        ("US", "1.2.840.10008.5.1.4.1.1.7.2", ImageKind.SECONDARY),
        ("XC", "1.2.840.10008.5.1.4.1.1.77.1.4", ImageKind.OTHER),  # photograph: no secondary capture
        ("CT", "1.2.840.10008.5.1.4.1.1.66", ImageKind.OTHER),  # raw data
        ("CT", "1.2.840.10008.5.1.4.1.1.20", ImageKind.OTHER),  # nuclear medicine: begins like CT's class
        ("CT", ENHANCED_CT, ImageKind.AXIAL),
        ("MR", "1.2.840.10008.5.1.4.1.1.4", ImageKind.OTHER),
        (None, None, ImageKind.OTHER),
    ],
)
def test_anything_but_ct_is_told_by_class_and_modality(
    modality: str | None, sop_class: str | None, expected: ImageKind
) -> None:
    assert kind(modality, sop_class) is expected


@pytest.mark.parametrize(
    ("kernel", "manufacturer", "expected"),
    [
        ("STANDARD", "GE MEDICAL SYSTEMS", KernelClass.SOFT),
        ("SOFT", "GE MEDICAL SYSTEMS", KernelClass.SOFT),
        ("BONE", "GE MEDICAL SYSTEMS", KernelClass.SHARP),
        ("LUNG", "GE MEDICAL SYSTEMS", KernelClass.SHARP),
        ("EXPERIMENTAL7", "GE MEDICAL SYSTEMS", None),
        ("BODY FILTER", "GE MEDICAL S]STEMS", None),
        ("B30f", "SIEMENS", KernelClass.SOFT),
        ("B45f", "SIEMENS", KernelClass.SOFT),
        ("B50f", "SIEMENS", KernelClass.SHARP),
        ("B80f", "SIEMENS", KernelClass.SHARP),
        ("Br38f\\3", "SIEMENS", KernelClass.SOFT),
        ("Bl57d", "Siemens Healthineers", KernelClass.SHARP),
        ("T20s", "SIEMENS", None),
        ("B", "SIEMENS", None),
        ("C", "Philips", KernelClass.SOFT),
        ("B", "Philips", KernelClass.SOFT),
        ("D", "Philips Medical Systems", KernelClass.SHARP),
        ("EC", "Philips", KernelClass.SHARP),
        ("unkn", "Philips", None),
        ("C", None, None),
        ("FC10", "TOSHIBA", KernelClass.SOFT),
        ("FC51", "TOSHIBA", KernelClass.SHARP),
        ("FC82", "TOSHIBA", KernelClass.SHARP),
        ("FC21", "TOSHIBA", None),  # head
        ("FL01", "TOSHIBA", None),  # localizer
        (" standard ", None, KernelClass.SOFT),
        ("", None, None),
        (None, None, None),
    ],
)
def test_kernel_class(kernel: str | None, manufacturer: str | None, expected: KernelClass | None) -> None:
    assert kernel_class(kernel, manufacturer) is expected
