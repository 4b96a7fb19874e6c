"""The files of deploy/ are sound: linted where the tools are installed, and true to what the server has."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("prometheus_client")
yaml = pytest.importorskip("yaml")

from distilbert.serve.metrics import Metrics  # noqa: E402
from distilbert.server_settings import PREFIX, Settings  # noqa: E402

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint is not here")
    found = subprocess.run([hadolint, "Dockerfile"], cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_runs_without_rights_and_hears_signals() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] not in ("root", "0")
    assert 'ENTRYPOINT ["distilbert", "serve"]' in lines, "in exec form, or SIGTERM ends in a shell"
    assert "torch" not in "".join(line for line in lines if not line.startswith("#"))
    copied = [
        name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    ]
    assert all((REPOSITORY / name).exists() for name in copied)


def test_the_health_check_follows_the_port(request: pytest.FixtureRequest) -> None:
    (line,) = (
        line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.lstrip().startswith('CMD ["python')
    )
    command = json.loads(line.strip().removeprefix("CMD "))
    port = request.getfixturevalue("server").url.rsplit(":", 1)[1]
    for value, right in ((port, True), ("1", False)):
        done = subprocess.run(
            [sys.executable, *command[1:]], env={"DISTILBERT_SERVE_PORT": value}, capture_output=True, check=False
        )
        assert (done.returncode == 0) is right


def test_variables_are_those_of_the_server() -> None:
    known = {PREFIX + name.upper() for name in Settings.__dataclass_fields__} | {f"{PREFIX}MODELS"}
    for file in DEPLOY.rglob("*"):
        if file.is_file() and "bulk" not in file.parts:
            assert set(re.findall(rf"{PREFIX}\w+", file.read_text())) <= known, file


def test_probes_and_grace_are_those_of_the_server() -> None:
    pod = read("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": Settings().port}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}
    assert pod["enableServiceLinks"] is False
    graces = [
        pod["terminationGracePeriodSeconds"],
        int(read("compose.yaml")["services"]["distilbert"]["stop_grace_period"][:-1]),
    ]
    unit = (DEPLOY / "distilbert.service").read_text()
    graces.append(int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]))
    assert min(graces) >= Settings().timeout + 10
    service = read("kubernetes/service.yaml")
    assert (
        service["spec"]["selector"].items()
        <= read("kubernetes/deployment.yaml")["spec"]["template"]["metadata"]["labels"].items()
    )
    assert service["spec"]["ports"][0]["targetPort"] in ports


def test_kubernetes_knows_every_field() -> None:
    validate = pytest.importorskip("kubernetes_validate")
    for file in (DEPLOY / "kubernetes").iterdir():
        validate.validate(yaml.safe_load(file.read_text()), "1.30", strict=True)


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (DEPLOY / "distilbert.service").read_text().replace("/opt/distilbert/bin/distilbert", sys.executable)
    file = tmp_path / "distilbert.service"
    file.write_text(unit)
    done = subprocess.run([analyze, "verify", file], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "distilbert.service" in line] == []


def test_dashboard_and_alerts_use_metrics_that_are_there() -> None:
    metrics = Metrics()
    metrics.ran("model", 1, 1, 1.0)
    there = {
        name
        for family in metrics._registry.collect()
        for name in (family.name, *(f"{family.name}_{end}" for end in ("total", "bucket", "sum", "count")))
    }
    rules = [rule["expr"] for group in read("alerts.yaml")["groups"] for rule in group["rules"]]
    panels = [
        target["expr"]
        for panel in json.loads((DEPLOY / "dashboard.json").read_text())["panels"]
        for target in panel["targets"]
    ]
    assert len(rules) >= 4
    assert len(panels) >= 10
    for expression in rules + panels:
        names = re.findall(r"distilbert_\w+", expression)
        assert names
        assert set(names) <= there, expression
        assert expression.count("(") == expression.count(")")
