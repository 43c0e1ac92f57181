"""Pages of an account: who one is, what one may see, the tokens of one's programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hilum.serve.access.audit import Event, record
from hilum.serve.access.decisions import visible_cohorts
from hilum.serve.access.identify import principal_of
from hilum.serve.access.models import Grant
from hilum.serve.accounts.forms import ProfileForm, TokenForm
from hilum.serve.accounts.models import User
from hilum.serve.accounts.tokens import make_token, revoke_token
from hilum.serve.published.models import Cohort

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@login_required
@require_safe
def show_account(request: HttpRequest) -> HttpResponse:
    """Show who one is, and what one may see."""
    return _account_page(request, ProfileForm(instance=_user(request)))


@login_required
@require_POST
def change_profile(request: HttpRequest) -> HttpResponse:
    """Change name and institution."""
    user = _user(request)
    form = ProfileForm(request.POST, instance=user)
    if not form.is_valid():
        return _account_page(request, form, status=422)
    form.save()
    messages.success(request, "Saved.")
    return redirect("account")


@login_required
@require_safe
def list_tokens(request: HttpRequest) -> HttpResponse:
    """List one's tokens."""
    return _token_page(request, _token_form(request))


@login_required
@require_POST
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no types
def new_token(request: HttpRequest) -> HttpResponse:
    """Make a token, and show it this once."""
    user = _user(request)
    form = _token_form(request, is_filled=True)
    if not form.is_valid():
        return _token_page(request, form, status=422)
    cohort = form.cleaned_data["cohort"]
    token, text = make_token(user, form.cleaned_data["name"], cohort=cohort, expires_at=form.expires_at)
    record(Event.TOKEN_MADE, user_id=user.pk, token_id=token.pk, item=token.cohort_id or "")
    return _token_page(request, _token_form(request), secret=text)


@login_required
@require_POST
def end_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one of one's own tokens."""
    user = _user(request)
    token = get_object_or_404(user.tokens, pk=pk)
    revoke_token(token)
    record(Event.TOKEN_REVOKED, user_id=user.pk, token_id=token.pk)
    messages.success(request, "The token opens nothing any more.")
    return redirect("tokens")


def _account_page(request: HttpRequest, profile: ProfileForm, *, status: int = 200) -> HttpResponse:
    grants = Grant.objects.valid().filter(user=_user(request)).select_related("collection", "cohort")
    values = {
        "profile": profile,
        "grants": grants,
        "cohort_count": Cohort.objects.filter(chosen__made_by=_user(request)).count(),
        "cohort_limit": settings.OPTIONS.cohort_limit,
    }
    return render(request, "accounts/account.html", values, status=status)


def _token_page(request: HttpRequest, form: TokenForm, *, secret: str = "", status: int = 200) -> HttpResponse:
    tokens = _user(request).tokens.select_related("cohort").order_by("-created_at")
    values = {"new_token": form, "secret": secret, "tokens": tokens}
    response = render(request, "accounts/tokens.html", values, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _token_form(request: HttpRequest, *, is_filled: bool = False) -> TokenForm:
    cohorts = visible_cohorts(principal_of(request))
    return TokenForm(request.POST if is_filled else None, cohorts=cohorts)


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
