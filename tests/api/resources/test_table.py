"""The table of resources as a whole: what must hold for every operation."""

import re
from collections import Counter

import pytest

from callapi.api.operation import Operation
from callapi.api.resources import OPERATIONS, RESOURCES
from tests.api.world import World


def _answers() -> list[tuple[str, str, str]]:
    """Method, path and format of everything that can be asked."""
    return [(op.method, op.path, each) for op in OPERATIONS for each in op.formats]


def test_an_operation_exists_once() -> None:
    twice = [each for each, count in Counter(_answers()).items() if count > 1]
    assert not twice


def test_every_resource_says_what_it_is() -> None:
    assert all(each.about.strip() and each.operations for each in RESOURCES)


FETCHED = [
    each
    for each in OPERATIONS
    if each.method == "GET"
    and not each.is_list
    and "{AccountSid}/" in each.path
    and each.path.endswith("Sid}")
]


@pytest.mark.parametrize("operation", FETCHED, ids=lambda each: each.path)
async def test_a_record_that_does_not_exist(world: World, operation: Operation) -> None:
    """The path of a record that does not exist: 404 with Twilio's code 20404, whatever the resource."""
    path = re.sub(r"\{[A-Za-z]+\}", "XX" + "0" * 32, operation.path.partition("{AccountSid}/")[2])
    answer = await world.get(f"{path}.json")
    assert (answer.status, answer.json["code"]) == (404, 20404)
