"""The description of the API, OpenAPI 3.1, made from the table of its paths.

References
----------
OpenAPI Specification 3.1.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import JsonResponse

import hilum
from hilum.serve.dicomweb.problem import READ, service
from hilum.serve.downloads.api_table import JSON, OPERATIONS, PATH_PARAMETERS, TEXT

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from hilum.serve.access.principal import Principal
    from hilum.serve.downloads.api_table import Operation

FORM = "application/x-www-form-urlencoded"
REASONS = {
    400: "Something that was asked for has the wrong form",
    401: "A token is needed, or the one that came opens nothing",
    404: "Nothing of this name here, or nothing that you may see",
    406: "It cannot be given in this form",
    413: "Too much would have to be looked at",
    429: "Too many attempts",
}
_REFUSAL = {"type": "object", "properties": {"error": TEXT, "error_description": TEXT}, "required": ["error"]}
_PLACE = re.compile(r"<\w+:(\w+)>")


@service(*READ)
def show_description(_: HttpRequest, __: Principal) -> HttpResponseBase:
    """Give the description."""
    return JsonResponse(describe(settings.OPTIONS.site_name, settings.OPTIONS.address))


def describe(title: str, url: str) -> dict[str, Any]:
    """Make the description.

    Parameters
    ----------
    title, url
        Name and address of the site.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = "/" + _PLACE.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": hilum.__version__, "description": "See docs/api.md."},
        "servers": [{"url": url.rstrip("/")}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Refusal": _REFUSAL},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    content = {media_type: {"schema": schema} for media_type, schema in operation.answers.items()}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": [*_in_path(operation), *_in_query(operation)],
        "responses": {"200": {"description": operation.summary, "content": content}}
        | {str(status): _refusal(status) for status in operation.refusals},
    }
    if operation.form:
        schema = {"type": "object", "properties": operation.form, "required": list(operation.required)}
        described["requestBody"] = {"required": True, "content": {FORM: {"schema": schema}}}
    return described


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    named = ((name, *PATH_PARAMETERS[name]) for name in _PLACE.findall(operation.path))
    return [
        {"name": name, "in": "path", "required": True, "schema": schema, "description": meaning}
        for name, schema, meaning in named
    ]


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": name in operation.required, "schema": schema}
        for name, schema in operation.parameters.items()
    ]


def _refusal(status: int) -> dict[str, Any]:
    return {
        "description": REASONS[status],
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    }
