"""Import activities over REST: the definitions that SOAP calls ImportDefinition."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.responses import JSONResponse

from sfmc_sandbox.imports import UPDATE_TYPES, ImportDefinition
from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_automations import listed, location
from sfmc_sandbox.wire.rest_body import need, object_body, whole

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.extensions import DataExtension
    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

# The numbers that public clients send for what SOAP calls by name.
_UPDATE_IDS = {0: "AddAndUpdate", 1: "AddAndDoNotUpdate", 2: "UpdateButDoNotAdd", 4: "Overwrite"}
_DATA_EXTENSION = 310  # destinationObjectTypeId


def _told(sandbox: Sandbox, found: ImportDefinition) -> dict[str, Any]:
    target = sandbox.extensions.find(found.mid, found.destination)
    created = sandbox.imports.created(found.object_id).isoformat(timespec="milliseconds")
    return {
        "importDefinitionId": found.object_id,
        "name": found.name,
        "description": found.description,
        "customerKey": found.key,
        "createdDate": created,
        "modifiedDate": created,
        "allowErrors": found.allow_errors,
        "blankFileProcessingType": 0,
        "subscriberImportTypeId": 255,
        "destinationObjectTypeId": _DATA_EXTENSION,
        "destinationObjectId": target.object_id if target else "",
        "destinationName": target.name if target else "",
        "deleteFile": False,
        "delimiter": ",",
        "encodingName": "utf-8",
        "fieldMappingType": "InferFromColumnHeadings",
        "fieldMappings": [],
        "fileNamingPattern": found.file_spec,
        "fileSpec": found.file_spec,
        "fileType": "CSV",
        "fileTransferLocationId": location(found.mid),
        "hasColumnHeader": True,
        "hasMaxFileAge": False,
        "maxFileAge": 0,
        "maxImportFrequency": 0,
        "standardQuotedStrings": True,
        "updateTypeId": next(n for n, name in _UPDATE_IDS.items() if name == found.update_type),
    }


def list_imports(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/imports."""
    items = [_told(sandbox, found) for found in sandbox.imports.of_unit(token.mid)]
    return listed(request, items)


def _find(sandbox: Sandbox, token: Token, request: Request) -> ImportDefinition:
    found = sandbox.imports.by_id(token.mid, request.path_params["id"])
    if found is None:
        raise not_found()
    return found


def get_import(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/imports/{id}."""
    return JSONResponse(_told(sandbox, _find(sandbox, token, request)))


def create_import(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/imports."""
    content = object_body(request)
    need(content, "name", "destinationObjectId")
    spec = content.get("fileNamingPattern") or content.get("fileSpec")
    if not spec:
        raise RestError(400, 10002, "The field fileNamingPattern is required.")
    key = str(content.get("customerKey") or uuid4())
    if sandbox.imports.find(token.mid, key):
        raise RestError(400, 10005, f"An import with the key {key[:100]} exists already.")
    made = ImportDefinition(
        token.mid, str(uuid4()), key, str(content["name"]), str(content.get("description") or ""),
        str(spec), _update(content), bool(content.get("allowErrors", True)),
        _target(sandbox, token, content).key,
    )  # fmt: skip
    sandbox.imports.add(made, sandbox.now())
    return JSONResponse(_told(sandbox, made))


def _update(content: dict[str, Any], fallback: str = "AddAndUpdate") -> str:
    if content.get("updateTypeId") is None:
        return fallback
    name = _UPDATE_IDS.get(whole(content, "updateTypeId"))
    if name not in UPDATE_TYPES:
        raise RestError(400, 10005, "The updateTypeId is not valid.")
    return name


def _target(sandbox: Sandbox, token: Token, content: dict[str, Any]) -> DataExtension:
    found = sandbox.extensions.by_id(token.mid, str(content["destinationObjectId"]))
    if found is None:
        raise RestError(400, 10005, "The destinationObjectId is not valid.")
    return found


def change_import(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """PATCH /automation/v1/imports/{id}."""
    found, content = _find(sandbox, token, request), object_body(request)
    spec = content.get("fileNamingPattern") or content.get("fileSpec") or found.file_spec
    changed = replace(
        found,
        name=str(content.get("name") or found.name),
        description=str(content.get("description") or found.description),
        file_spec=str(spec),
        update_type=_update(content, found.update_type),
        allow_errors=bool(content.get("allowErrors", found.allow_errors)),
    )
    if content.get("destinationObjectId"):
        changed = replace(changed, destination=_target(sandbox, token, content).key)
    sandbox.imports.change(changed)
    return JSONResponse(_told(sandbox, changed))


def remove_import(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """DELETE /automation/v1/imports/{id}: as for queries, the JSON text "OK"."""
    sandbox.imports.remove(_find(sandbox, token, request).object_id)
    return JSONResponse("OK")
