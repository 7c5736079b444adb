"""Requests that nodes pass on to one another, between versions that do not understand each other."""

import logging
from typing import Any

import pytest

from callapi.adapters.nodes.other_nodes import RestOfOthers, carry_out
from callapi.api.requests.forwarding import ForwardedRequest
from callapi.base.ids import AccountSid
from callapi.cluster import NodeGone

REQUEST = ForwardedRequest("POST", "/", "", "json", "", AccountSid("AC" + "0" * 32))


class Answering:
    """Commands to a node whose answer is this."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    async def ask(self, _node: str, _request: str) -> str:
        return self._answer


def others(commands: Any) -> RestOfOthers:
    """Of these, nothing but the commands is used."""
    unused: Any = None
    return RestOfOthers(unused, unused, commands, None, "one", lambda _sid: False)


@pytest.mark.parametrize("request_", ["", "{}", '{"method": 1}', "leave\nguest-1", "\0"])
async def test_a_request_of_another_version_is_answered(
    request_: str, caplog: pytest.LogCaptureFixture
) -> None:
    application: Any = None
    with caplog.at_level(logging.WARNING):
        assert await carry_out(application, request_) == ""
    assert [each.getMessage() for each in caplog.records] == [
        "a request of a node of another version cannot be carried out"
    ]


@pytest.mark.parametrize("answer", ["", "{}", '{"status": "no"}'])
async def test_an_answer_of_another_version_is_that_of_a_node_that_is_gone(answer: str) -> None:
    with pytest.raises(NodeGone, match="the node two that has this is of another version"):
        await others(Answering(answer)).forward("two", REQUEST)
