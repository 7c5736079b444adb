"""The dashboard against the types that Grafana publishes of its dashboards and panels, exactly: no unknown property.

Grafana itself, which is under the AGPL, stays outside the tests; `@grafana/schema` is its contract, under Apache-2.0.
That each query of the dashboard has an answer is in `tests/scenarios/test_prometheus.py`.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "grafana"
COMPILER = HERE / "node_modules/.bin/tsc"
DASHBOARD = Path(__file__).parents[2] / "deploy/grafana/callapi.json"
OPTIONS = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022")
HEAD = """\
import type { Dashboard } from "@grafana/schema";
import type { Options as stat } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type {
  FieldConfig as timeseriesFields,
  Options as timeseries,
} from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// As JSON has it: a member of an enumeration is its text.
type Written<T> = T extends string ? `${T}` : T extends (infer U)[] ? Written<U>[] : T extends object
  ? { [K in keyof T]: Written<T[K]> } : T;
"""

pytestmark = pytest.mark.skipif(
    not COMPILER.exists(), reason="the packages of tests/deploy/grafana are not there (make schemas)"
)


def findings(dashboard: dict[str, Any], folder: Path) -> str:
    """What the compiler says of it; empty: it is a dashboard of Grafana's."""
    text = [HEAD, f"export const dashboard: Written<Dashboard> = {json.dumps(dashboard)};"]
    for panel in dashboard["panels"]:
        kind, number = panel["type"], panel["id"]
        text.append(
            f"export const options{number}: Written<Partial<{kind}>> = {json.dumps(panel['options'])};"
        )
        if custom := panel["fieldConfig"]["defaults"].get("custom"):
            text.append(f"export const fields{number}: Written<{kind}Fields> = {json.dumps(custom)};")
    source = folder / "dashboard.ts"
    source.write_text("\n".join(text), encoding="utf-8")
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    done = subprocess.run(
        [COMPILER, *OPTIONS, source], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode == 0) == (not done.stdout), done.stderr
    return done.stdout


def test_grafana_takes_the_dashboard(tmp_path: Path) -> None:
    """Every property is one that Grafana knows at this place, with a value that it takes there."""
    assert findings(json.loads(DASHBOARD.read_text("utf-8")), tmp_path) == ""


def test_a_mistake_is_found(tmp_path: Path) -> None:
    """One in the dashboard, one in a panel, and one in the options of its kind."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    one, *_, other = dashboard["panels"]
    dashboard["refresh"] = 10
    one["gridPosition"] = one.pop("gridPos")
    other["options"]["tooltip"] = {"mode": "many", "sort": "none"}
    found = findings(dashboard, tmp_path)
    assert "number" in found
    assert "gridPosition" in found
    assert '"many"' in found
