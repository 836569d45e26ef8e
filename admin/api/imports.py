"""/imports: a CSV is streamed to a file of ours, judged, queued for the clock, and followed.

Crash case: a file that no import names is left behind by a request that was cut off; it is only in the way.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from admin.acts import imports, lists
from admin.acts.imports import ImportView
from admin.acts.pages import Page
from admin.api.doors import InProject, InWindow, TheOffice
from admin.refusals import RefusedError

router = APIRouter(tags=["imports"])


def known_list(list_id: int, office: TheOffice, project: InProject) -> int:
    """Asked before the file is taken."""
    return lists.get(office, project, list_id).id


@router.post("/lists/{list_id}/imports", status_code=202)
async def create_import(
    list_id: Annotated[int, Depends(known_list)], request: Request, office: TheOffice, project: InProject
) -> ImportView:
    """The body is the CSV itself."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise HTTPException(415, "send the CSV itself as the body, with Content-Type: text/csv")
    path = office.uploads / f"{secrets.token_hex(16)}.csv"
    try:
        await _receive(request, path)
        return await run_in_threadpool(imports.create, office, project, list_id, path)
    except (RefusedError, OSError):
        path.unlink(missing_ok=True)
        raise


async def _receive(request: Request, path: Path) -> None:
    """Durable when this returns."""
    with await run_in_threadpool(path.open, "xb") as file:
        async for block in request.stream():
            await run_in_threadpool(file.write, block)
        await run_in_threadpool(file.flush)
        await run_in_threadpool(os.fsync, file.fileno())


@router.get("/imports")
def list_imports(office: TheOffice, project: InProject, window: InWindow) -> Page[ImportView]:
    return imports.page(office, project, window)


@router.get("/imports/{import_id}")
def show_import(import_id: int, office: TheOffice, project: InProject) -> ImportView:
    return imports.get(office, project, import_id)


@router.get("/imports/{import_id}/errors", response_class=StreamingResponse)
def download_errors(import_id: int, office: TheOffice, project: InProject) -> StreamingResponse:
    lines = imports.errors_csv(office, project, import_id)
    named = {"Content-Disposition": f'attachment; filename="import-{import_id}-errors.csv"'}
    return StreamingResponse(lines, headers=named, media_type="text/csv; charset=utf-8")
