"""Marks against lesions: hit criteria, matching, FROC, confidence, comparison, strata. Plain tables in, results out."""

from hilum.assess.afroc import Afroc
from hilum.assess.assessment import Assessment, assess
from hilum.assess.candidates import CandidateStage, candidate_stage, disagreeing_labels, labelled_candidate_stage
from hilum.assess.comparable import why_not_comparable
from hilum.assess.comparison import Comparison, compare
from hilum.assess.criteria import HitCriterion, WithinDistance, WithinLesionRadius
from hilum.assess.criterion_words import parse_criterion
from hilum.assess.intervals import Interval
from hilum.assess.listing import Listing, list_at
from hilum.assess.masks import InsideMask
from hilum.assess.minimum_size import judged_lesions
from hilum.assess.overlap import Overlap
from hilum.assess.policy import LUNA16, Policy
from hilum.assess.strata import Strata, stratify
from hilum.assess.strata_columns import lesion_columns, size_band
from hilum.model.masks import LabelMask

__all__ = [
    "LUNA16",
    "Afroc",
    "Assessment",
    "CandidateStage",
    "Comparison",
    "HitCriterion",
    "InsideMask",
    "Interval",
    "LabelMask",
    "Listing",
    "Overlap",
    "Policy",
    "Strata",
    "WithinDistance",
    "WithinLesionRadius",
    "assess",
    "candidate_stage",
    "compare",
    "disagreeing_labels",
    "judged_lesions",
    "labelled_candidate_stage",
    "lesion_columns",
    "list_at",
    "parse_criterion",
    "size_band",
    "stratify",
    "why_not_comparable",
]
