"""The notebooks are committed clean, and each runs from its first cell to its last in a kernel of its own.

Cells are known by their ids: `report` shows a report, `plot-...` a picture, and the others find out what the
text around them promises.
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any, cast

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import patterns

ROOT = Path(__file__).parents[2]
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
PROMISED = {
    ("1_performance_debugging", "plugin"): "'sync_rate': 0",
    ("2_endpoint_investigation", "plugins"): "('key-auth', 'service')",
    ("2_endpoint_investigation", "ids"): "'route_id': ",
    ("2_endpoint_investigation", "other-routes"): "'loses': [('basket-items', ",
    ("3_consumer_analysis", "routes"): "'my-recommendations': 3",
    ("3_consumer_analysis", "refused"): "['openid-connect']",
    ("4_configuration_audit", "gate"): "'storefront-production': ",
    ("4_configuration_audit", "differences"): "'payments-staging': {'protocol': 'http'",
    ("5_alert_investigation", "plugins"): "('rate-limiting-advanced', 'route', True)",
    ("6_behind_a_gateway", "describe"): "The route takes https only",
    ("6_behind_a_gateway", "effect"): "'runs': ['key-auth', 'rate-limiting', 'ai-mcp-proxy']",
}
PLOTS = {
    "1_performance_debugging": ["plots.bottleneck_shares(report)", "plots.latency_distribution(report)"],
    "3_consumer_analysis": ["plots.failures_over_time(report)", "plots.failures_by_consumer(report)"],
    "5_alert_investigation": ["plots.bottleneck_shares(report.result.performance)"],
}

Cells = dict[str, Any]


def read(name: str) -> Any:
    text = NOTEBOOKS[name].read_text(encoding="utf-8")
    return cast("Any", nbformat).reads(text, as_version=4)


def code_cells(notebook: Any) -> Cells:
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


@pytest.fixture(scope="module", params=NOTEBOOKS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def cells(name: str, tmp_path_factory: pytest.TempPathFactory) -> Cells:
    """The code cells of a notebook that was run by this interpreter, whatever kernels are installed.

    IPython gets a directory of its own: a person's startup files are no part of the test.
    """
    notebook = read(name)
    interpreter = KernelSpecManager(kernel_dirs=[])
    kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=interpreter)
    client = NotebookClient(
        notebook, km=kernel, timeout=60, resources={"metadata": {"path": str(ROOT / "notebooks")}}
    )
    own = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}
    client.execute(env={**os.environ, **own}, cleanup_kc=True)
    return code_cells(notebook)


def data(cells: Cells, cell: str) -> dict[str, str]:
    """What a cell shows as its result, by media type."""
    return next(output.data for output in cells[cell].outputs if output.output_type == "execute_result")


def test_there_is_a_notebook_for_every_pattern() -> None:
    workflows = {name for name in patterns.__all__ if name.islower()} - {"in_regions"}  # which runs others
    used = {
        match.group(1)
        for path in NOTEBOOKS.values()
        if (match := re.search(r"from patterns import (\w+)", path.read_text(encoding="utf-8")))
    }
    assert used == workflows


def test_a_notebook_is_committed_without_traces_of_a_run(name: str) -> None:
    notebook = json.loads(NOTEBOOKS[name].read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_a_notebook_is_short(name: str) -> None:
    assert 6 <= len(read(name).cells) <= 11


def test_a_notebook_runs_without_an_error_and_without_a_warning(cells: Cells) -> None:
    unwanted = [
        output
        for cell in cells.values()
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert unwanted == []


def test_the_report_shows_itself(cells: Cells) -> None:
    shown = data(cells, "report")["text/html"]
    assert "complete" in shown
    assert "Steps" in shown


def test_plots_are_pictures(name: str, cells: Cells) -> None:
    plots = [cell for cell in cells if cell.startswith("plot-")]
    assert [cells[cell].source.splitlines()[-1] for cell in plots] == PLOTS.get(name, [])
    for cell in plots:
        assert base64.b64decode(data(cells, cell)["image/png"]).startswith(b"\x89PNG\r\n")


def test_a_notebook_finds_what_its_text_promises(name: str, cells: Cells) -> None:
    promised = {cell: text for (notebook, cell), text in PROMISED.items() if notebook == name}
    assert promised
    for cell, text in promised.items():
        assert text in re.sub(r"\s+", " ", data(cells, cell)["text/plain"])


def test_the_last_cell_closes_the_client_and_the_sandbox(cells: Cells) -> None:
    assert list(cells)[-1] == "close"
    assert cells["close"].source.splitlines() == ["await konnect.aclose()", "sandbox.stop()"]
