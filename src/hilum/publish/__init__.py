"""A cohort or collection to a release: versions and their differences, citation and licence, drives."""
