"""Users, whose e-mail address is their name, and the tokens they make for programs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from hilum.serve.published.models import Cohort

DIGEST_LENGTH = 64
"""Hexadecimal digits of a SHA-256."""


class UserManager(BaseUserManager["User"]):
    """Makes users."""

    def create_user(self, email: str, password: str | None = None, **values: Any) -> User:
        """Make a user; without a password, one who cannot log in with any."""
        user = self.model(email=self.normalize_email(email), **values)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **values: Any) -> User:
        """Make an admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **values)


class User(AbstractUser):
    """Somebody with an account: a reader; a steward if `is_staff`; an admin if `is_superuser`."""

    username = None  # type: ignore[assignment]  # Django's way to take a field away
    email = models.EmailField("e-mail address", unique=True)
    institution = models.CharField(max_length=200, blank=True)
    must_change_password = models.BooleanField(
        default=False, help_text="Sees no page but that for a new password until it is changed."
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.email


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Tokens, chosen."""

    def valid(self) -> ApiTokenQuerySet:
        """Those that open something now: of an active user, neither revoked nor expired."""
        expiry = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.filter(expiry, revoked_at=None, user__is_active=True)


class ApiToken(models.Model):
    """What a program sends instead of a password; only its digest is kept.

    A token never opens more than its user's account does, and where it has a cohort, no more than that cohort.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True, editable=False)
    cohort = models.ForeignKey(
        Cohort, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: all that the user may see."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def is_valid(self) -> bool:
        """Whether it is neither revoked nor expired now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
