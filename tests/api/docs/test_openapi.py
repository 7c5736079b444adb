"""The OpenAPI document is true: every operation is in it, and no answer comes that it does not name."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callapi.api.docs.openapi import document
from callapi.api.operation import AUDIO, Operation
from callapi.api.requests.parameters import Parameter
from callapi.api.resources import OPERATIONS, RESOURCES
from callapi.store import Put, Store
from tests.api.everything import one_of_each, path_of
from tests.api.world import Answer, PaperCalls, World, account

DOCUMENT = document(RESOURCES)


async def test_it_is_served(world: World) -> None:
    """Without authentication."""
    assert (await world.get("/openapi.json", auth=("", ""))).json == DOCUMENT


def test_every_operation_is_in_it() -> None:
    """Once, under an identifier of its own."""
    described = [
        operation
        for path in DOCUMENT["paths"].values()
        for method, operation in path.items()
        if method in {"get", "post", "put", "delete"}
    ]
    identifiers = [each["operationId"] for each in described]
    assert len(set(identifiers)) == len(identifiers)
    sounds = sum(each.formats == AUDIO for each in OPERATIONS)  # each in two formats
    assert len(described) == len(OPERATIONS) + sounds + 1  # and /health


def test_every_reference_leads_somewhere() -> None:
    """`$ref`s."""
    text = json.dumps(DOCUMENT)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= DOCUMENT["components"]["schemas"].keys()


def _values(parameter: Parameter[Any]) -> st.SearchStrategy[str]:
    schema: Any = parameter.kind.schema
    good: st.SearchStrategy[str] = st.nothing()
    match schema:
        case {"enum": allowed} | {"items": {"enum": allowed}}:
            good = st.sampled_from([str(each) for each in allowed])
        case {"minimum": minimum, "maximum": maximum}:
            good = st.integers(minimum, maximum).map(str)
        case {"format": "uri"}:
            good = st.just("http://127.0.0.1:9000/voice")
        case {"pattern": expression}:
            good = st.from_regex(expression, fullmatch=True)
    return st.one_of(
        good, st.text(max_size=30), st.sampled_from(["", "-1", "true", "null", "<Response/>", "%00"])
    )


def _forms(operation: Operation) -> st.SearchStrategy[dict[str, list[str]]]:
    fields = {each.name: st.lists(_values(each), min_size=1, max_size=2) for each in operation.parameters}
    return st.fixed_dictionaries(
        {}, optional={**fields, "Unknown": st.lists(st.text(max_size=5), max_size=1)}
    )


FORMS = {(each.method, each.path): _forms(each) for each in OPERATIONS}


def _responses(operation: Operation) -> dict[str, Any]:
    suffix = "wav" if operation.formats == AUDIO else "json"
    described = DOCUMENT["paths"][f"{operation.path}.{suffix}"][operation.method.lower()]
    return dict(described["responses"])


async def _ask(operation: Operation, form: dict[str, list[str]], folder: Path) -> Answer:
    async with Store.in_memory() as store:
        first = account()
        await store.commit(Put(first))
        world = World(store, PaperCalls(store), first, folder)
        path = path_of(operation, first.sid, await one_of_each(world, first.sid))
        if operation.method in {"POST", "PUT"}:
            return await world.ask(operation.method, path, form=form)
        return await world.ask(operation.method, f"{path}?{urlencode(form, doseq=True)}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where sounds are."""
    return tmp_path_factory.mktemp("recordings")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
@settings(max_examples=12, deadline=None, database=None)
@given(data=st.data())
async def test_no_undocumented_answer(operation: Operation, folder: Path, data: st.DataObject) -> None:
    """Whatever is sent: a status that the document names, never 5xx, errors in their shape."""
    answer = await _ask(operation, data.draw(FORMS[operation.method, operation.path]), folder)
    assert str(answer.status) in _responses(operation)
    assert answer.status < 500
    if answer.status >= 400:
        assert answer.json["status"] == answer.status
    elif operation.shows and not operation.is_list:
        schema = DOCUMENT["components"]["schemas"][operation.shows.schema or operation.shows.element]
        assert set(answer.json) == set(schema["required"])
