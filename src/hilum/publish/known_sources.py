"""Data sets whose citation hilum knows word for word.

References
----------
CT Lymph Nodes: "Citations & Data Usage Policy" and "Additional Publication Resources" of its page at TCIA,
doi:10.7937/K9/TCIA.2015.AQIIDCNM.
NLST: its page at TCIA, doi:10.7937/TCIA.HMQ8-J677.
"""

from __future__ import annotations

from hilum.model.licences import licence_of
from hilum.publish.sources import Author, Publication, Source

TCIA = "The Cancer Imaging Archive"

_TCIA_CITATION = Publication(
    "Clark, K., Vendt, B., Smith, K., Freymann, J., Kirby, J., Koppel, P., Moore, S., Phillips, S., Maffitt, D., "
    "Pringle, M., Tarbox, L., & Prior, F. (2013). The Cancer Imaging Archive (TCIA): Maintaining and Operating a "
    "Public Information Repository. Journal of Digital Imaging, 26(6), 1045–1057. https://doi.org/10.1007/s10278-013-9622-7",
    "10.1007/s10278-013-9622-7",
    "the archive",
)

CT_LYMPH_NODES = Source(
    "ct_lymph_nodes",
    "10.7937/K9/TCIA.2015.AQIIDCNM",
    "A new 2.5 D representation for lymph node detection in CT",
    (
        Author("Roth", "H."),
        Author("Lu", "L."),
        Author("Seff", "A."),
        Author("Cherry", "K. M."),
        Author("Hoffman", "J."),
        Author("Wang", "S."),
        Author("Liu", "J."),
        Author("Turkbey", "E."),
        Author("Summers", "R. M."),
    ),
    2015,
    TCIA,
    licence_of("CC BY 3.0"),
    publications=(
        Publication(
            "Roth, H. R., Lu, L., Seff, A., Cherry, K. M., Hoffman, J., Wang, S., Liu, J., Turkbey, E., & Summers, "
            "R. M. (2014). A New 2.5D Representation for Lymph Node Detection Using Random Sets of Deep Convolutional "
            "Neural Network Observations. In Medical Image Computing and Computer-Assisted Intervention – MICCAI 2014 "
            "(pp. 520–527). Springer International Publishing. https://doi.org/10.1007/978-3-319-10404-1_65",
            "10.1007/978-3-319-10404-1_65",
            "the publication",
        ),
        _TCIA_CITATION,
        Publication(
            "Seff, A., Lu, L., Barbu, A., Roth, H., Shin, H.-C., & Summers, R. M. (2015). Leveraging Mid-Level "
            "Semantic Boundary Cues for Automated Lymph Node Detection. In Lecture Notes in Computer Science Medical "
            "Image Computing and Computer-Assisted Intervention–MICCAI 2015 (pp. 53–61). Springer International "
            "Publishing. https://doi.org/10.1007/978-3-319-24571-3_7",
            "10.1007/978-3-319-24571-3_7",
            "the segmentation masks, if you use them",
        ),
        Publication(
            "Seff, A., Lu, L., Cherry, K. M., Roth, H. R., Liu, J., Wang, S., Hoffman, J., Turkbey, E. B., & Summers, "
            "R. M. (2014). 2D View Aggregation for Lymph Node Detection Using a Shallow Hierarchy of Linear "
            "Classifiers. In Medical Image Computing and Computer-Assisted Intervention – MICCAI 2014 (pp. 544–552). "
            "Springer International Publishing. https://doi.org/10.1007/978-3-319-10404-1_68",
            "10.1007/978-3-319-10404-1_68",
            "context that its authors suggest, if you use it",
        ),
    ),
)

NLST = Source(
    "nlst",
    "10.7937/TCIA.HMQ8-J677",
    "Data from the National Lung Screening Trial (NLST)",
    (Author("National Lung Screening Trial Research Team"),),
    2013,
    TCIA,
    licence_of("CC BY 4.0"),
    publications=(
        Publication(
            "National Lung Screening Trial Research Team. (2011). Reduced Lung-Cancer Mortality with Low-Dose Computed "
            "Tomographic Screening. New England Journal of Medicine, 365(5), 395–409. "
            "https://doi.org/10.1056/NEJMoa1102873",
            "10.1056/NEJMoa1102873",
            "the publication",
        ),
        _TCIA_CITATION,
    ),
)

KNOWN_SOURCES: tuple[Source, ...] = (CT_LYMPH_NODES, NLST)


def known_source(collection_id: str, doi: str | None) -> Source | None:
    """Give the known data set with that DOI, or, where no DOI is stated, the original data of that collection."""
    for source in KNOWN_SOURCES:
        if (doi.lower() == source.doi.lower()) if doi else (collection_id == source.collection_id):
            return source
    return None
