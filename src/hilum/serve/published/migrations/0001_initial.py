"""The tables as they are first made."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Collection",
            fields=[
                ("collection_id", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=200)),
                (
                    "access",
                    models.CharField(
                        choices=[
                            ("public", "everybody"),
                            ("registered", "who has an account"),
                            ("approved", "whose request was approved"),
                        ],
                        default="approved",
                        max_length=20,
                    ),
                ),
                ("snapshot_id", models.CharField(max_length=100)),
                ("content_digest", models.CharField(blank=True, max_length=32)),
                ("published_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Series",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("series_uid", models.CharField(max_length=64)),
                ("modality", models.TextField(blank=True)),
                ("image_kind", models.CharField(max_length=20)),
                ("kernel_class", models.CharField(blank=True, max_length=20)),
                ("screening_round", models.IntegerField(null=True)),
                ("series_number", models.BigIntegerField(null=True)),
                ("series_date", models.DateField(null=True)),
                ("description", models.TextField(blank=True)),
                ("body_part", models.TextField(blank=True)),
                ("manufacturer", models.TextField(blank=True)),
                ("slice_thickness_mm", models.FloatField(null=True)),
                ("performed_date", models.CharField(blank=True, max_length=8)),
                ("performed_time", models.CharField(blank=True, max_length=13)),
                ("scheduled_step_id", models.TextField(blank=True)),
                ("requested_procedure_id", models.TextField(blank=True)),
                ("instance_count", models.IntegerField()),
                ("size_bytes", models.BigIntegerField()),
                ("licence", models.TextField(blank=True)),
                ("digest", models.CharField(max_length=32)),
                ("attributes", models.TextField(default="{}")),
                ("copy_number", models.IntegerField(default=0)),
                ("instances", models.BinaryField(null=True)),
                (
                    "collection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="series",
                        to="published.collection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Cohort",
            fields=[
                ("cohort_id", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=200)),
                ("digest", models.CharField(blank=True, max_length=128)),
                ("series", models.ManyToManyField(related_name="cohorts", to="published.series")),
            ],
        ),
        migrations.CreateModel(
            name="Study",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("study_uid", models.CharField(max_length=64)),
                ("participant_id", models.TextField()),
                ("participant_name", models.TextField(blank=True)),
                ("participant_birth_date", models.CharField(blank=True, max_length=8)),
                ("participant_sex", models.TextField(blank=True)),
                ("participant_age", models.TextField(blank=True)),
                ("study_date", models.DateField(null=True)),
                ("study_time", models.CharField(blank=True, max_length=13)),
                ("study_id", models.TextField(blank=True)),
                ("accession_number", models.TextField(blank=True)),
                ("description", models.TextField(blank=True)),
                ("referring_physician", models.TextField(blank=True)),
                ("attributes", models.TextField(default="{}")),
                ("copy_number", models.IntegerField(default=0)),
                (
                    "collection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="studies",
                        to="published.collection",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="series",
            name="study",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="series", to="published.study"
            ),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["study_uid"], name="published_s_study_u_ec1074_idx"),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(
                fields=["participant_id", "study_date", "study_uid", "id", "collection", "copy_number"],
                name="study_order",
            ),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(
                fields=["study_date", "collection", "participant_id", "study_uid", "copy_number"], name="study_dates"
            ),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(condition=models.Q(("copy_number__gt", 1)), fields=["copy_number"], name="study_copies"),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.UniqueConstraint(fields=("collection", "study_uid"), name="one_study_a_collection"),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(fields=["series_uid"], name="published_s_series__1877fe_idx"),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(
                fields=["study", "collection", "modality", "instance_count", "copy_number"], name="series_of_study"
            ),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(fields=["modality", "study", "collection", "copy_number"], name="series_of_modality"),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(
                condition=models.Q(("instances__isnull", False)),
                fields=["id", "collection", "instance_count", "copy_number"],
                name="series_here",
            ),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(
                condition=models.Q(("copy_number__gt", 1)), fields=["copy_number"], name="series_copies"
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.UniqueConstraint(fields=("collection", "series_uid"), name="one_series_a_collection"),
        ),
    ]
