"""The image and the stack of containers: no engine builds them here, so what they say is held against what there is."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from driftline.cli.app import build_app
from driftline.config.load import load_config
from driftline.config.worker_settings import WorkerSettings
from driftline.sinks.metric_names import METRICS
from tests.project.repository import FOLDERS, ROOT, tracked_files
from tests.servers.programs import needs

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "driftline:local"}
OTHERS = {name: service for name, service in SERVICES.items() if name not in OURS}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
DEPLOY = ROOT / "deploy"
CONFIG_IN_CONTAINER = "/etc/driftline/driftline.yaml"


def instructions(name: str) -> list[str]:
    """The arguments of every such instruction of the Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{name} (.+)$", joined, re.MULTILINE)


def parse(arguments: list[str]) -> click.Context:
    """Parse a command line as `driftline` would, and run nothing. Raises click.UsageError."""
    command: Any = typer.main.get_command(build_app(everything=True))
    context = command.make_context("driftline", list(arguments))
    while hasattr(context.command, "commands"):
        name, inner, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        context = inner.make_context(name, rest, parent=context)
    return context


# --- the image --------------------------------------------------------------------------------------------------------


def test_the_image_holds_every_package_and_copies_only_what_is_there() -> None:
    copied = [shlex.split(line)[:-1] for line in instructions("COPY") if not line.startswith("--from")]
    sources = {source for line in copied for source in line}
    assert {source for source in sources if not (ROOT / source).exists()} == set()
    assert set(FOLDERS) <= sources
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert {source for source in sources if f"\n!{source}\n" not in ignored} == set(), "left out by .dockerignore"


def test_the_image_is_pinned_locked_and_not_run_by_root() -> None:
    bases = [line.split()[0] for line in instructions("FROM")]
    assert len(bases) == 2 and len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-\w+", bases[0])
    assert [line for line in instructions("RUN") if "install" in line and "--require-hashes" not in line] == [
        "/opt/driftline/bin/python -m pip install --no-deps --no-build-isolation ."
    ]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", instructions("USER")[-1])
    assert not re.search(r"\b(curl|wget|apt-get|ADD)\b", DOCKERFILE)


def test_the_command_of_the_image_is_one_that_there_is() -> None:
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["driftline"]
    context = parse(json.loads(instructions("CMD")[-1]))
    assert context.info_name == "worker"
    assert int(instructions("EXPOSE")[0]) == WorkerSettings().web.port


@contextmanager
def answering(status: int) -> Iterator[int]:
    """An HTTP server that answers every request so; yields its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_of_the_image_tells_a_live_worker_from_a_stalled_one(status: int, healthy: bool) -> None:
    command = json.loads(re.sub(r"^.*?CMD ", "", instructions("HEALTHCHECK")[0]))
    assert command[0] == "python"
    with answering(status) as port:
        environ = {**os.environ, "DRIFTLINE_WORKER__WEB__PORT": str(port)}
        done = subprocess.run([sys.executable, *command[1:]], env=environ, capture_output=True)
    assert (done.returncode == 0) is healthy


# --- the stack --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_the_stack_exists_with_these_options(name: str) -> None:
    command = OURS[name]["command"]
    context = parse(command)
    assert context.info_name == {"topics": "create", "worker": "worker", "service": "demo"}[name]
    if "--config" in command:
        assert command[command.index("--config") + 1] == CONFIG_IN_CONTAINER
        assert f"./deploy/driftline.yaml:{CONFIG_IN_CONTAINER}:ro" in OURS[name]["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_the_stack_is_a_setting(name: str) -> None:
    config = load_config(DEPLOY / "driftline.yaml", OURS[name]["environment"])  # refuses one that names no setting
    assert config.broker.bootstrap_servers == "kafka:19092"
    assert (
        f"INSIDE://{config.broker.bootstrap_servers}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    )


def test_the_configuration_of_the_stack_is_for_the_traffic_of_its_service() -> None:
    from driftline.producers.simulated_drifts import DRIFTS
    from driftline.producers.simulated_models import MODELS

    config = load_config(DEPLOY / "driftline.yaml", {})
    assert set(config.models) == {model.name for model in MODELS}
    options = parse(SERVICES["service"]["command"]).params
    for spec in config.models.values():
        assert spec.events_per_week == options["rate"] / len(MODELS) * 7 * 86_400
        assert options["drift_after"] > 2 * spec.learn_from / (options["rate"] / len(MODELS)), "learnt before it drifts"
    assert options["drift"] in DRIFTS


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_nothing_that_they_need_not(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", ["topics", "worker"])
def test_kernels_can_be_compiled_where_the_root_is_read_only(name: str) -> None:
    folder = re.search(r"NUMBA_CACHE_DIR=(\S+)", instructions("ENV")[-1])
    assert folder is not None
    assert f"kernels:{folder[1]}" in OURS[name]["volumes"]


def test_the_service_alone_needs_no_kernels() -> None:
    program = "import sys, driftline.cli.demo, driftline.cli.demo_service; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", OTHERS)
def test_images_of_others_are_pinned_by_version(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(/[a-z]+)?:v?\d+\.\d+\.\d+", OTHERS[name]["image"])


def test_the_kafka_of_the_stack_is_of_the_series_that_is_tested() -> None:
    tested = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(\d+\.\d+)\.", _pom())
    assert tested is not None
    assert SERVICES["kafka"]["image"].startswith(f"apache/kafka:{tested[1]}.")


def _pom() -> str:
    return (ROOT / "tests" / "servers" / "pom.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_bound_to_this_machine_alone(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    tracked = {str(path) for path in tracked_files()}
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert mount.endswith(":ro")
            path = os.path.normpath(source)
            assert [file for file in tracked if file == path or file.startswith(f"{path}/")], f"{source} is not tracked"
        else:
            assert source in COMPOSE["volumes"]


def test_what_a_service_waits_for_is_there() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
    assert "healthcheck" in SERVICES["kafka"], "the topics wait for it"


# --- Prometheus, Alertmanager, Grafana --------------------------------------------------------------------------------


def test_prometheus_takes_its_configuration_and_rules() -> None:
    _passes("promtool", "check", "config", DEPLOY / "prometheus.yml")


def test_alertmanager_takes_its_configuration() -> None:
    _passes("amtool", "check-config", DEPLOY / "alertmanager.yml")


def _passes(program: str, *arguments: str | Path) -> None:
    done = subprocess.run([needs(program), *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_asks_the_worker_where_it_answers_and_tells_the_alertmanager() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    found = jobs["driftline"]["dns_sd_configs"][0]
    assert found["names"][0] in SERVICES
    assert found["port"] == WorkerSettings().web.port
    host, port = config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0].split(":")
    assert SERVICES[host]["ports"] == [f"127.0.0.1:{port}:{port}"]
    mounts = {f"./deploy/{file}:/etc/prometheus/{file}:ro" for file in config["rule_files"]}
    assert mounts <= set(SERVICES["prometheus"]["volumes"])


def test_rules_use_only_metrics_that_there_are() -> None:
    text = (DEPLOY / "rules.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"driftline_\w+", text)) <= {metric.name for metric in METRICS}


def test_grafana_finds_prometheus() -> None:
    sources = yaml.safe_load((DEPLOY / "grafana/datasources/prometheus.yml").read_text(encoding="utf-8"))["datasources"]
    host, port = sources[0]["url"].removeprefix("http://").split(":")
    assert SERVICES[host]["ports"] == [f"127.0.0.1:{port}:{port}"]
