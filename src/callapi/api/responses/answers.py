"""Answers: what a handler came to, or the error that stopped it, as JSON or XML."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from callapi.api.errors import ApiError
from callapi.api.operation import Operation, Outcome
from callapi.api.requests.request_path import Format, RequestPath
from callapi.api.responses import paging
from callapi.api.responses.representations import Representation
from callapi.api.responses.xml import document, element
from callapi.store import Json, Page


def answer(outcome: Outcome, operation: Operation, request_path: RequestPath) -> Response:
    """The response to a request that was carried out."""
    match outcome:
        case Response():
            return outcome
        case None:
            return Response(status_code=204)
        case Page():
            return _list(outcome, _shown_by(operation), request_path)
        case record:
            return _one(record, _shown_by(operation), request_path, operation.status)


def refusal(error: ApiError, request_path: RequestPath | None) -> Response:
    """The response to a request that was not."""
    fault = error.fault
    content: dict[str, Json] = {
        "code": fault.code,
        "message": str(error),
        "more_info": fault.more_info,
        "status": fault.status,
    }
    headers = dict(error.headers)
    if request_path is None or request_path.format is Format.JSON:
        return json_response(content, fault.status, headers)
    names: dict[str, Json] = {
        "Status": fault.status,
        "Message": str(error),
        "Code": fault.code,
        "MoreInfo": fault.more_info,
    }
    return _xml_response(
        document(request_path.xml_root, [element("RestException", names)]), fault.status, headers
    )


def json_response(
    content: Mapping[str, Json], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`content` as JSON."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=dict)
    return Response(text.encode("utf-8", "replace"), status, headers, media_type="application/json")


def _xml_response(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = text.encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/xml")


def _one(record: object, shows: Representation[Any], request_path: RequestPath, status: int) -> Response:
    if request_path.format is Format.JSON:
        return json_response(shows.as_json(record, request_path), status)
    content = element(shows.element, shows.as_xml(record, request_path))
    return _xml_response(document(request_path.xml_root, [content]), status)


def _list(page: Page[Any], shows: Representation[Any], request_path: RequestPath) -> Response:
    if request_path.format is Format.JSON:
        return json_response(paging.as_json(page, shows, request_path))
    return _xml_response(document(request_path.xml_root, [paging.as_xml(page, shows, request_path)]))


def _shown_by(operation: Operation) -> Representation[Any]:
    if operation.shows is None:
        raise TypeError(f"{operation.method} {operation.path} came to something and shows nothing")
    return operation.shows
