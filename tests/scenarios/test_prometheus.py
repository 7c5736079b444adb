"""Prometheus itself beside a node that made a call: it scrapes, loads the alert rules, and answers the dashboard."""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess

PROMETHEUS = shutil.which("prometheus")
DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus/callapi.rules.yml"
TIMEOUT_S = 60
CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: callapi
    static_configs: [{{targets: ["{target}"]}}]
"""


NOTHING_COUNTED = {
    "callapi_webhook_failures_total",
    "callapi_admission_refusals_total",
    "callapi_notifications_total",
}
"""Counters without a sample after one good call: nothing failed."""


def expressions() -> Iterator[str]:
    """Of all panels of the dashboard, with its variables filled in as Grafana does."""
    dashboard = json.loads((DEPLOY / "grafana/callapi.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expression = str(target["expr"]).replace("$instance", ".*").replace("$__rate_interval", "10s")
            assert "$" not in expression, expression
            yield expression


class Asked:
    """The API of a Prometheus."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http = http
        self._url = f"http://127.0.0.1:{port}/api/v1/"

    async def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer; AssertionError for an error."""
        async with self._http.get(self._url + path, params=parameters) as answer:
            content = await answer.json()
        assert content["status"] == "success", f"{path} {parameters}: {content}"
        return content["data"]

    async def until(self, what: str, query: str) -> None:
        """Wait until the query has a result."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                try:
                    if (await self.get("query", query=query))["result"]:
                        return
                except aiohttp.ClientError:
                    pass  # it has not started yet
                await asyncio.sleep(0.2)
        raise AssertionError(f"Prometheus does not come to: {what}")


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed (Debian: prometheus)")
@pytest.mark.timeout(3 * TIMEOUT_S)
async def test_prometheus_and_the_dashboard(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path
) -> None:
    """Every rule is healthy, every panel's query is answered, and those of calls have figures of the call."""
    node, webhook = await new_node()
    webhook["voice"] = response('<Play digits="1"/><Pause length="1"/>')
    call = await (await (await phone("alice")).invite(node.uri("1000"), say=440)).answered()
    assert await call.ended() == 200
    port = free_port()
    configuration = tmp_path / "prometheus.yml"
    target = node.http_url.removeprefix("http://")
    configuration.write_text(CONFIGURATION.format(rules=RULES, target=target), encoding="utf-8")
    command = [
        str(PROMETHEUS),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = tmp_path / "prometheus.log"
    async with ManagedProcess("prometheus", command, log), aiohttp.ClientSession() as http:
        asked = Asked(http, port)
        await asked.until("a second scrape", "count_over_time(callapi_calls_live[30s]) >= 2")
        rules = [each for group in (await asked.get("rules"))["groups"] for each in group["rules"]]
        assert len(rules) == RULES.read_text("utf-8").count("- alert:")
        await asked.until("an evaluation", "count_over_time(callapi_calls_live[30s]) >= 4")
        rules = [each for group in (await asked.get("rules"))["groups"] for each in group["rules"]]
        assert {each["name"]: each["health"] for each in rules if each["health"] != "ok"} == {}
        silent = []
        for expression in expressions():
            result = (await asked.get("query", query=expression))["result"]
            grouped = {each for by in re.findall(r"by \(([^)]*)\)", expression) for each in by.split(", ")}
            for series in result:
                assert grouped - {"le"} <= set(series["metric"]), expression
            if not result:
                silent += re.findall(r"callapi_[a-z_]+", expression)
        assert set(silent) <= NOTHING_COUNTED
        ended = await asked.get("query", query='callapi_calls_total{direction="inbound",status="completed"}')
        assert [each["value"][1] for each in ended["result"]] == ["1"]
