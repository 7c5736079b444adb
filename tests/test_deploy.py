"""What is shipped in `deploy/`: metrics that it names exist, and configurations that it holds are taken."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from callapi.base.settings import load_settings
from callapi.metrics import CallMetrics, NodeFigures
from callapi.metrics.figures import families
from tests.scenarios.harness.partition import IS_POSSIBLE
from tests.scenarios.harness.partition import PROGRAM as IP

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
SCHEMAS = ROOT / ".venv/kubernetes"
_METRIC = re.compile(r"\bcallapi_[a-z_]+\b")
_SUFFIXES = ("_total", "_bucket", "_count", "_sum")


def _names() -> set[str]:
    """Families of `/metrics`."""
    found = [*families(NodeFigures()), *CallMetrics().registry.collect()]
    return {each.name for each in found}


def _bare(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


@pytest.mark.parametrize("path", ["grafana/callapi.json", "prometheus/callapi.rules.yml"])
def test_every_metric_exists(path: str) -> None:
    """A panel or an alert of a metric that is none would stay empty."""
    named = {_bare(each) for each in _METRIC.findall((DEPLOY / path).read_text("utf-8"))}
    assert len(named) > 5
    assert named - _names() == set()


def test_the_dashboard_is_one() -> None:
    """JSON with panels, each with a query."""
    dashboard: Any = json.loads((DEPLOY / "grafana/callapi.json").read_text("utf-8"))
    assert len(dashboard["panels"]) > 12
    assert all(each["targets"][0]["expr"] for each in dashboard["panels"])
    assert len({each["id"] for each in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_configuration_for_kubernetes_is_taken(tmp_path: Path) -> None:
    """The node's own check, of the text in the ConfigMap."""
    text = (DEPLOY / "kubernetes/callapi.yaml").read_text("utf-8")
    block = text.partition("callapi.toml: |\n")[2].partition("\n---")[0]
    path = tmp_path / "callapi.toml"
    path.write_text("\n".join(line.removeprefix("    ") for line in block.splitlines()), encoding="utf-8")
    settings = load_settings(path, {})
    assert settings.log.format == "json"
    grace = int(re.search(r"terminationGracePeriodSeconds: (\d+)", text)[1])  # type: ignore[index]
    assert grace > settings.node.drain_timeout_s


@pytest.mark.parametrize("version", ["1.29", "1.37"])
@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the schemas of Kubernetes are not there (make schemas)")
def test_kubernetes_has_a_schema_for_all_of_it(version: str, tmp_path: Path) -> None:
    """Every object, strictly: a property that Kubernetes does not know is an error, as one that is put in shows."""

    def check(path: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(path)]
        environ = {**os.environ, "PYTHONPATH": str(SCHEMAS)}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    path = DEPLOY / "kubernetes/callapi.yaml"
    taken = check(path)
    assert taken.returncode == 0, taken.stderr
    assert (taken.stdout + taken.stderr).count(" passed ") == path.read_text("utf-8").count("\nkind: ")
    mistaken = tmp_path / "callapi.yaml"
    mistaken.write_text(path.read_text("utf-8").replace("hostNetwork:", "hostNetwrk:"), encoding="utf-8")
    refused = check(mistaken)
    assert refused.returncode == 1
    assert "hostNetwrk" in refused.stdout + refused.stderr


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify`, where it is installed; the program itself need not be there."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "callapi.service"
    text = (DEPLOY / "systemd/callapi.service").read_text("utf-8")
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text), encoding="utf-8")
    found = subprocess.run(
        [analyze, "verify", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "callapi.service" not in found.stderr, found.stderr


def test_prometheus_takes_the_rules_and_the_metrics() -> None:
    """`promtool check`, where it is installed (Debian: `prometheus`)."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    rules = DEPLOY / "prometheus/callapi.rules.yml"
    found = subprocess.run(
        [promtool, "check", "rules", str(rules)], capture_output=True, text=True, timeout=20, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{rules.read_text('utf-8').count('- alert:')} rules found" in found.stdout


def test_the_dashboard_is_in_the_shape_that_grafana_imports() -> None:
    """What Grafana's import reads: a title, a schema version, panels with a type and a place that no other has."""
    dashboard: Any = json.loads((DEPLOY / "grafana/callapi.json").read_text("utf-8"))
    assert dashboard["title"]
    assert dashboard["schemaVersion"] >= 30
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert panel["type"]
        assert panel["title"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells


def test_the_container_copies_what_there_is() -> None:
    """Each stage is named before it is used; the process is not root; without a shell between, signals reach it."""
    lines = (DEPLOY / "Containerfile").read_text("utf-8").splitlines()
    stages = {match[1] for line in lines if (match := re.search(r"^FROM \S+ AS (\w+)", line, re.IGNORECASE))}
    used = {match[1] for line in lines if (match := re.search(r"--from=(\w+)", line))}
    assert used <= stages
    user = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert user
    assert user[-1] not in {"root", "0"}
    start = [line for line in lines if line.startswith(("ENTRYPOINT", "CMD"))]
    assert start
    assert all(line.split(maxsplit=1)[1].startswith("[") for line in start)


@pytest.mark.skipif(not IS_POSSIBLE, reason="needs root and iproute2, for an interface of the test's own")
def test_keepalived_takes_its_configuration(tmp_path: Path) -> None:
    """Its own check, where it is installed."""
    keepalived = shutil.which("keepalived") or shutil.which("keepalived", path="/usr/sbin")
    if keepalived is None:
        pytest.skip("keepalived is not installed")
    subprocess.run([str(IP), "link", "add", "eth0", "type", "veth"], check=True)
    try:
        verdict = tmp_path / "verdict"
        path = DEPLOY / "kamailio/keepalived.conf"
        # It ends itself by a signal after the test, so that its exit status says nothing.
        subprocess.run(
            [keepalived, f"--config-test={verdict}", f"--use-file={path}"], timeout=20, check=False
        )
    finally:
        subprocess.run([str(IP), "link", "del", "eth0"], check=True)
    said = verdict.read_text("utf-8") if verdict.exists() else ""
    assert not said


def test_the_container_asks_the_node_where_it_listens() -> None:
    """Both stages have one base, whose Python runs a node; what is copied is kept; the ports are the node's own."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${PYTHON}", "${PYTHON}"]
    base = re.search(r"^ARG PYTHON=\S+/python:3\.(\d+)-slim$", text, re.MULTILINE)
    oldest = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert base is not None
    assert oldest is not None
    assert int(base[1]) >= int(oldest[1])
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)[0].split()
    assert [each for each in copied if not each.startswith("dist/") and not (ROOT / each).exists()] == []
    settings = load_settings(None, {})
    web = settings.http.listen.rpartition(":")[2]
    assert f"http://127.0.0.1:{web}/health" in text
    assert re.search(rf"^EXPOSE 5060/udp 5060/tcp {web}/tcp$", text, re.MULTILINE)
