"""Marks against lesions: hit criteria, matching, FROC, confidence. Plain tables in, results out."""

from hilum.assess.assessment import Assessment, assess
from hilum.assess.candidates import CandidateStage, candidate_stage, disagreeing_labels, labelled_candidate_stage
from hilum.assess.criteria import HitCriterion, WithinDistance, WithinLesionRadius, parse_criterion
from hilum.assess.policy import LUNA16, Policy

__all__ = [
    "LUNA16",
    "Assessment",
    "CandidateStage",
    "HitCriterion",
    "Policy",
    "WithinDistance",
    "WithinLesionRadius",
    "assess",
    "candidate_stage",
    "disagreeing_labels",
    "labelled_candidate_stage",
    "parse_criterion",
]
