"""Cohorts as archives and manifests, and the API that existing download clients speak."""
