"""Schemathesis over the OpenAPI document, against the running product: no 5xx, no answer that the document lacks.

A few requests for each operation; `SCHEMATHESIS=full` (`make schemathesis`) sends thousands, in every phase it knows.
"""

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.scenarios.conftest import Measured, NodeFactory, PhoneFactory
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import WAIT_S

PROGRAM = Path(sys.executable).with_name("schemathesis")
IS_FULL = os.environ.get("SCHEMATHESIS") == "full"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
BOUNDED = ["--phases", "fuzzing", "--max-examples", "3", "--no-shrink"]
FULL = ["--max-examples", "25"]
UNKNOWN = "0" * 32
UNREACHABLE = "sip:nobody@127.0.0.1:9"
_IN_PATH = re.compile(r"(\w+)/\{(\w+)\}")


@pytest.mark.timeout(3600 if IS_FULL else 180)
async def test_no_undocumented_answer(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path, measured: Measured
) -> None:
    """With the sids of what is there, and of what is not."""
    node, webhook = await new_node()
    webhook["status"] = ""
    sids = await _one_of_each(node, await phone("bob"))
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(await _document(node, sids)), encoding="utf-8")
    log = tmp_path / "schemathesis.log"
    arguments = [str(PROGRAM), "run", str(path), "--url", f"{node.http_url}/2010-04-01", "--no-color"]
    arguments += ["--auth", f"{node.account_sid}:{node.auth_token}", "--checks", ",".join(CHECKS)]
    arguments += ["--generation-database", "none", "--request-timeout", "10", *(FULL if IS_FULL else BOUNDED)]
    async with ManagedProcess("schemathesis", arguments, log, folder=tmp_path) as process:
        status = await process.wait(3000 if IS_FULL else 150)
    said = log.read_text(encoding="utf-8")
    assert status == 0, said[-12_000:]
    cases = re.search(r"([\d,]+) generated", said)
    assert cases is not None, said
    measured(f"schemathesis: {cases[0]}, {len(_operations(json.loads(path.read_text())))} operations")
    assert await node.health() == 200
    assert "Traceback" not in node.process.log.read_text(encoding="utf-8")


async def _one_of_each(node: Node, bob: Any) -> dict[str, list[str]]:
    """Sids by collection: of records that were made for this, and one that does not exist."""
    forms: dict[str, dict[str, str]] = {
        "Applications": {"FriendlyName": "ivr"},
        "Clients": {"Login": "carol", "Password": "correct horse"},
        "IncomingPhoneNumbers": {"PhoneNumber": "+15550123"},
        "Trunks": {"SipUri": "sip:127.0.0.1:9", "Pattern": "+1555*"},
        "Keys": {"FriendlyName": "ci"},
        "Calls": {
            "To": bob.uri,
            "From": "1",
            "Twiml": "<Response><Pause length='1'/></Response>",
            "Record": "true",
        },
    }
    sids = {}
    for collection, form in forms.items():
        status, made = await node.rest("POST", f"{collection}.json", **form)
        assert status == 201, made
        sids[collection] = [made["sid"]]
    await (await bob.next_call()).answer(say=440)
    await node.final(sids["Calls"][0])
    _, failing = await node.rest("POST", "Calls.json", To=UNREACHABLE, From="1", Twiml="<Response/>")
    await node.final(failing["sid"])
    sids["Calls"].append(failing["sid"])
    for collection in ("Recordings", "Notifications"):
        deadline = time.monotonic() + WAIT_S
        while not sids.get(collection):
            assert time.monotonic() < deadline, f"no {collection} came"
            _, page = await node.rest("GET", f"{collection}.json")
            sids[collection] = [each["sid"] for each in page[collection.lower()]]
    return {name: [*known, known[0][:2] + UNKNOWN] for name, known in sids.items()}


async def _document(node: Node, sids: dict[str, list[str]]) -> dict[str, Any]:
    """The document as served, with sids that lead somewhere, and no target beyond this machine."""
    async with aiohttp.ClientSession() as session, session.get(f"{node.http_url}/openapi.json") as answer:
        document: dict[str, Any] = await answer.json()
    del document["paths"]["/health"]  # it lives under another base
    known = {**sids, "Accounts": [node.account_sid, node.account_sid, "AC" + UNKNOWN]}
    callees = {
        "anyOf": [
            {"enum": [UNREACHABLE, "client:carol", "+15550100"]},
            {"type": "string", "pattern": "^[^@:]*$"},
        ]
    }
    for path, operation in _operations(document):
        collections = {name: collection for collection, name in _IN_PATH.findall(path)}
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                parameter["schema"] = {
                    "type": "string",
                    "enum": known.get(collections[parameter["name"]], ["XX" + UNKNOWN]),
                }
        content = operation.get("requestBody", {}).get("content", {})
        for form in content.values():
            if "To" in form["schema"]["properties"]:
                form["schema"]["properties"]["To"] = callees
    return document


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, each) for path, methods in document["paths"].items() for each in methods.values()]
