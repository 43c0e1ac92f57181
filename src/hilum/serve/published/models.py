"""What is served, as tables: built from a snapshot of the catalog, and rebuildable from it at any time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

UID_LENGTH = 64
"""Longest UID (PS3.5, 9.1)."""


class Collection(models.Model):
    """A collection that is served, and who may see it; `content_digest` tells whether it changed in the catalog."""

    class Access(models.TextChoices):
        """Who sees the collection's studies."""

        PUBLIC = "public", "everybody"
        REGISTERED = "registered", "who has an account"
        APPROVED = "approved", "whose request was approved"

    collection_id = models.CharField(max_length=100, primary_key=True)
    title = models.CharField(max_length=200)
    access = models.CharField(max_length=20, choices=Access, default=Access.APPROVED)
    snapshot_id = models.CharField(max_length=100)
    content_digest = models.CharField(max_length=32, blank=True)
    published_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.collection_id


class Study(models.Model):
    """A study of a collection.

    Texts have no greatest length: headers exceed those of their VR. Times are ``HHMMSS.FFFFFF``, so that they can be
    compared; `attributes` is the study's part of the headers, as dicom+json; `copy_number` is 0 where no other
    collection has the study, else its place among them, from 1 (`hilum.serve.published.copies`).
    """

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="studies", db_index=False)
    study_uid = models.CharField(max_length=UID_LENGTH)
    participant_id = models.TextField()
    participant_name = models.TextField(blank=True)
    participant_birth_date = models.CharField(max_length=8, blank=True)
    participant_sex = models.TextField(blank=True)
    participant_age = models.TextField(blank=True)
    study_date = models.DateField(null=True)
    study_time = models.CharField(max_length=13, blank=True)
    study_id = models.TextField(blank=True)
    accession_number = models.TextField(blank=True)
    description = models.TextField(blank=True)
    referring_physician = models.TextField(blank=True)
    attributes = models.TextField(default="{}")
    copy_number = models.IntegerField(default=0)

    class Meta:
        """One row a study of a collection; pages and counts of many are answered from indexes alone."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "study_uid"], name="one_study_a_collection"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["study_uid"]),
            models.Index(
                fields=["participant_id", "study_date", "study_uid", "id", "collection", "copy_number"],
                name="study_order",
            ),
            models.Index(
                fields=["study_date", "collection", "participant_id", "study_uid", "copy_number"], name="study_dates"
            ),
            models.Index(fields=["copy_number"], condition=models.Q(copy_number__gt=1), name="study_copies"),
        ]

    def __str__(self) -> str:
        return self.study_uid


class Series(models.Model):
    """A series of a study; its instances are packed as in the catalog, or null where the files are not here.

    `digest` tells whether the series changed in the catalog, and names its prepared metadata
    (`hilum.serve.published.metadata`); `attributes` is the series' part of the headers, as dicom+json; `copy_number` is
    as a study's.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="series", db_index=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="series", db_index=False)
    series_uid = models.CharField(max_length=UID_LENGTH)
    modality = models.TextField(blank=True)
    image_kind = models.CharField(max_length=20)
    kernel_class = models.CharField(max_length=20, blank=True)
    screening_round = models.IntegerField(null=True)
    series_number = models.BigIntegerField(null=True)
    series_date = models.DateField(null=True)
    description = models.TextField(blank=True)
    body_part = models.TextField(blank=True)
    manufacturer = models.TextField(blank=True)
    slice_thickness_mm = models.FloatField(null=True)
    performed_date = models.CharField(max_length=8, blank=True)
    performed_time = models.CharField(max_length=13, blank=True)
    scheduled_step_id = models.TextField(blank=True)
    requested_procedure_id = models.TextField(blank=True)
    instance_count = models.IntegerField()
    size_bytes = models.BigIntegerField()
    licence = models.TextField(blank=True)
    digest = models.CharField(max_length=32)
    attributes = models.TextField(default="{}")
    copy_number = models.IntegerField(default=0)
    instances = models.BinaryField(null=True)

    class Meta:
        """One row a series of a collection; counts are answered from indexes alone."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "series_uid"], name="one_series_a_collection"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["series_uid"]),
            models.Index(
                fields=["study", "collection", "modality", "instance_count", "copy_number"], name="series_of_study"
            ),
            models.Index(fields=["modality", "study", "collection", "copy_number"], name="series_of_modality"),
            models.Index(
                fields=["id", "collection", "instance_count", "copy_number"],
                condition=models.Q(instances__isnull=False),
                name="series_here",
            ),
            models.Index(fields=["copy_number"], condition=models.Q(copy_number__gt=1), name="series_copies"),
        ]

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
