"""What the worker of a demo is given: references from samples of the simulated models, and a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from driftline.cli.demo_broker import Broker
from driftline.config.model_spec import ModelSpec
from driftline.processors.reference.build import build_reference
from driftline.processors.reference.profile import Reference, encode_reference
from driftline.producers.simulated_models import MODELS
from driftline.producers.simulated_stream import Simulation, reference_sample

REFERENCE_ROWS: Final = 20_000
WINDOW_S: Final = 5

_WEEK_S: Final = 7 * 86_400


def build_references() -> dict[str, Reference]:
    """By model: what its predictions look like when all is well, from a sample that is not part of the traffic."""
    return {
        model.name: build_reference(
            ModelSpec(name=model.name), reference_sample(model, REFERENCE_ROWS, seed=0), "simulated sample", timed=False
        )
        for model in MODELS
    }


def write_config(folder: Path, broker: Broker, references: Mapping[str, Reference], simulation: Simulation) -> Path:
    """The worker's configuration and the references that it names, as files in `folder`. JSON is YAML, too."""
    for name, reference in references.items():
        (folder / f"{name}.json").write_bytes(encode_reference(reference))
    config = {
        "version": 1,
        "broker": {"bootstrap_servers": broker.settings.bootstrap_servers},
        "topics": dict(broker.topics),
        "worker": {"group": broker.topics.predictions, "snapshot_every": "2s", "web": {"port": 0}},
        "models": {name: _model(name, simulation) for name in references},
    }
    path = folder / "driftline.yaml"
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return path


def _model(name: str, simulation: Simulation) -> dict[str, Any]:
    """Seconds where a service would have minutes and hours; the budget is what a service would have."""
    return {
        "reference": f"{name}.json",
        "windows": [f"{WINDOW_S}s"],
        "lateness": "0s",  # one service publishes in order: a window closes with the first event after it
        "false_alarms": "1/week",
        "events_per_week": simulation.rate_per_s / len(MODELS) * _WEEK_S,
    }
