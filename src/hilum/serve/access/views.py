"""Pages of requests: for who asks, and for the stewards who decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hilum.errors import AccessError
from hilum.serve.access import requests as steps
from hilum.serve.access.decisions import visible_cohorts
from hilum.serve.access.forms import ApprovalForm, RejectionForm, RequestForm, SignatureForm, collections_by_request
from hilum.serve.access.grants import withdraw_grant
from hilum.serve.access.identify import principal_of
from hilum.serve.access.models import AccessRequest, Grant
from hilum.serve.access.principal import Scope
from hilum.serve.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

State = AccessRequest.State


@login_required
@require_safe
def list_requests(request: HttpRequest) -> HttpResponse:
    """List one's own requests; for a steward, those that wait and those that are decided too."""
    submitted = AccessRequest.objects.exclude(state=State.DRAFT).select_related("user")
    waiting, decided = submitted.filter(state=State.SUBMITTED), submitted.exclude(state=State.SUBMITTED)
    own = AccessRequest.objects.filter(user_id=_user(request).pk)
    parts = {"own": own, "waiting": waiting, "decided": decided} if _is_steward(request) else {"own": own}
    return render(request, "access/requests.html", parts)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_request(request: HttpRequest) -> HttpResponse:
    """Describe a project; the agreements are signed on the next page.

    With ``?cohort=`` it is for that cohort; with ``?collection=`` that collection is ticked already.
    """
    user = _user(request)
    draft = AccessRequest(user=user)
    if cohort_id := request.GET.get("cohort"):
        draft = steps.draft_for_cohort(user, get_object_or_404(visible_cohorts(principal_of(request)), pk=cohort_id))
    draft.institution, draft.investigator = user.institution, user.get_full_name()
    return _edit(request, draft, initial={"collections": request.GET.getlist("collection")})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft."""
    return _edit(request, get_object_or_404(AccessRequest, pk=pk, user_id=_user(request).pk, state=State.DRAFT))


@login_required
@require_safe
def show_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a request, and what can be done with it now."""
    return _page(request, get_object_or_404(_readable(request), pk=pk))


@login_required
@require_POST
def sign_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign the agreements and submit."""
    found = get_object_or_404(AccessRequest, pk=pk, user_id=_user(request).pk)
    form = SignatureForm(request.POST)
    if not form.is_valid():
        return _page(request, found, signature=form, status=422)
    shown, name = form.cleaned_data["shown"], form.cleaned_data["name"]
    return _take(
        request, found, lambda: steps.submit(found, shown=shown, name=name), "Your request has been submitted."
    )


@login_required
@require_POST
def withdraw_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one's own request back."""
    found = get_object_or_404(AccessRequest, pk=pk, user_id=_user(request).pk)
    return _take(request, found, lambda: steps.withdraw(found), "Your request has been withdrawn.")


@login_required
@require_POST
def approve_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve a request, as a steward."""
    found = _of_stewards(request, pk)
    form = ApprovalForm(request.POST)
    if not form.is_valid():
        return _page(request, found, approval=form, status=422)
    steward, expires_at = _user(request), form.expires_at
    return _take(
        request, found, lambda: steps.approve(found, by=steward, expires_at=expires_at), "The request is approved."
    )


@login_required
@require_POST
def reject_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Reject a request, as a steward."""
    found = _of_stewards(request, pk)
    form = RejectionForm(request.POST)
    if not form.is_valid():
        return _page(request, found, rejection=form, status=422)
    steward, reason = _user(request), form.cleaned_data["reason"]
    return _take(request, found, lambda: steps.reject(found, by=steward, reason=reason), "The request is rejected.")


@login_required
@require_POST
def end_grant(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw a grant, as a steward."""
    if not _is_steward(request):
        raise Http404
    grant = get_object_or_404(Grant, pk=pk)
    withdraw_grant(grant, by=_user(request))
    messages.success(request, "The access has been withdrawn.")
    return redirect("request", grant.request_id) if grant.request_id else redirect("requests")


def _edit(request: HttpRequest, draft: AccessRequest, initial: dict[str, Any] | None = None) -> HttpResponse:
    form = RequestForm(request.POST or None, instance=draft, initial=initial)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        if saved.cohort:
            saved.collections.set(steps.closed_collections(saved.cohort))
        return redirect("request", saved.pk)
    values = {"form": form, "nothing_closed": draft.cohort is None and not collections_by_request().exists()}
    return render(request, "access/edit.html", values, status=422 if form.errors else 200)


def _page(request: HttpRequest, found: AccessRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    is_own = found.user_id == _user(request).pk
    values = {
        "found": found,
        "is_own": is_own,
        "can_decide": found.state == State.SUBMITTED and _is_steward(request) and not is_own,
        "can_withdraw": is_own and found.state in {State.DRAFT, State.SUBMITTED, State.APPROVED},
        "grants": found.grants.select_related("collection", "cohort"),
        "signatures": found.signatures.select_related("agreement"),
        "approval": forms.get("approval") or ApprovalForm.proposed(),
        "rejection": forms.get("rejection") or RejectionForm(),
    }
    if is_own and found.state == State.DRAFT:
        agreements = steps.agreements_for(found.collections.all())
        shown = ",".join(str(agreement.pk) for agreement in agreements)
        values |= {"agreements": agreements, "shown": shown}
        values["signature"] = forms.get("signature") or SignatureForm(initial={"shown": shown})
    return render(request, "access/request.html", values, status=status)


def _take(request: HttpRequest, found: AccessRequest, step: Callable[[], object], told: str) -> HttpResponse:
    """Take a step of a request, say how it went, and show the request."""
    try:
        step()
    except AccessError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, told)
    return redirect("request", found.pk)


def _readable(request: HttpRequest) -> QuerySet[AccessRequest]:
    own = AccessRequest.objects.filter(user_id=_user(request).pk)
    return own | AccessRequest.objects.exclude(state=State.DRAFT) if _is_steward(request) else own


def _of_stewards(request: HttpRequest, pk: int) -> AccessRequest:
    if not _is_steward(request):
        raise Http404
    return get_object_or_404(AccessRequest.objects.exclude(state=State.DRAFT), pk=pk)


def _is_steward(request: HttpRequest) -> bool:
    return principal_of(request).scope >= Scope.STEWARD


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
