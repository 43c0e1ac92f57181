"""What is served, as tables: built from a snapshot of the catalog, and rebuildable from it at any time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

UID_LENGTH = 64
"""Longest UID (PS3.5, 9.1)."""


class Collection(models.Model):
    """A collection that is served, and who may see it."""

    class Access(models.TextChoices):
        """Who sees the collection's studies."""

        PUBLIC = "public", "everybody"
        REGISTERED = "registered", "who has an account"
        APPROVED = "approved", "whose request was approved"

    collection_id = models.CharField(max_length=100, primary_key=True)
    title = models.CharField(max_length=200)
    access = models.CharField(max_length=20, choices=Access, default=Access.APPROVED)
    snapshot_id = models.CharField(max_length=100)
    published_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.collection_id


class Study(models.Model):
    """A study of a collection."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="studies")
    study_uid = models.CharField(max_length=UID_LENGTH)
    participant_id = models.CharField(max_length=64)
    study_date = models.DateField(null=True)
    study_time = models.CharField(max_length=20, blank=True)
    study_id = models.CharField(max_length=64, blank=True)
    accession_number = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=200, blank=True)
    participant_sex = models.CharField(max_length=16, blank=True)
    participant_age = models.CharField(max_length=16, blank=True)

    class Meta:
        """One row a study of a collection."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "study_uid"], name="one_study_a_collection"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["study_uid"]),
            models.Index(fields=["participant_id"]),
            models.Index(fields=["study_date", "study_uid"]),
        ]

    def __str__(self) -> str:
        return self.study_uid


class Series(models.Model):
    """A series of a study; its instances are packed as in the catalog, or null where the files are not here."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="series")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="series")
    series_uid = models.CharField(max_length=UID_LENGTH)
    modality = models.CharField(max_length=16)
    image_kind = models.CharField(max_length=20)
    screening_round = models.IntegerField(null=True)
    series_number = models.BigIntegerField(null=True)
    description = models.CharField(max_length=200, blank=True)
    instance_count = models.IntegerField()
    size_bytes = models.BigIntegerField()
    instances = models.BinaryField(null=True)

    class Meta:
        """One row a series of a collection."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "series_uid"], name="one_series_a_collection"),
        ]
        indexes: ClassVar = [models.Index(fields=["series_uid"])]

    def __str__(self) -> str:
        return self.series_uid


class Cohort(models.Model):
    """A frozen cohort of the archive, as far as its series are served."""

    cohort_id = models.CharField(max_length=100, primary_key=True)
    title = models.CharField(max_length=200)
    digest = models.CharField(max_length=128, blank=True)
    series = models.ManyToManyField(Series, related_name="cohorts")

    def __str__(self) -> str:
        return self.cohort_id
