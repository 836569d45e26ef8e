"""Errors as RFC 9457 problem details: what and why and the mend, never a traceback.

Installed on the application by admin/api/app.py; a page of the panel shows its own (admin/pages/failures.py). What
nobody foresaw is logged and told as 500 without its words.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from admin.pages import failures
from admin.refusals import RefusedError
from role.log import EventLog
from store.disk import is_full


def install(app: FastAPI, log: EventLog) -> None:
    @app.exception_handler(RefusedError)
    def refused(request: Request, error: RefusedError) -> Response:
        if failures.is_page(request):
            return failures.show(request, error.status, error.detail, error)
        challenge = {"WWW-Authenticate": 'Bearer, Basic realm="Mailloft"'} if error.status == 401 else {}
        return problem(error.status, error.title, error.detail, error.more, challenge)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        if failures.is_page(request):
            return failures.show(request, 404, "there is no such page")
        mistakes = [{"where": ".".join(str(step) for step in one["loc"]), "what": one["msg"]} for one in error.errors()]
        words = "; ".join(f"{one['where']}: {one['what']}" for one in mistakes)
        return problem(422, "Not valid", words, {"mistakes": mistakes})

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        if failures.is_page(request):
            return failures.show(request, error.status_code, str(error.detail))
        return problem(error.status_code, HTTPStatus(error.status_code).phrase, str(error.detail), {}, error.headers)

    # What is caught as Exception is also raised again, which ends the connection; a full disk need not.
    @app.exception_handler(OSError)
    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        log.error("request failed", raised=error, method=request.method, path=request.url.path)
        if failures.is_page(request):
            return failures.show(request, 500, "the appliance could not carry this out; its log says why")
        if is_full(error):
            return problem(507, "No space", "the disk of the appliance is full; nothing was kept of this request")
        return problem(500, "Our fault", "the request could not be carried out; the appliance's log says why")


def problem(
    status: int,
    title: str,
    detail: str,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail, **(more or {})}
    return Response(msgspec.json.encode(told), status, dict(headers or {}), "application/problem+json")
