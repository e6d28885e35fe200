"""Partitions of the logs, and what is written of them: one way for a worker and for a replay of topics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from driftline.cli.references import load_references
from driftline.config.config import Config
from driftline.processors.log_partition import Applied, LogPartition
from driftline.processors.recovery.cut import StoredCut
from driftline.processors.streaming.engine import Said
from driftline.schemas.dead_letters import DeadLetterGate
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.outputs import dead_letter_output, output_of


class Partitions:
    """Makes partitions as the configuration says. Raises DriftlineError when a reference cannot be used."""

    def __init__(self, config: Config) -> None:
        self.topics: dict[Input, str] = {
            Input.PREDICTIONS: config.topics.predictions,
            Input.LABELS: config.topics.labels,
        }
        self._config = config
        self._references = load_references(config)
        self._discovered = config.defaults if config.discover else None
        self._gates: dict[tuple[int, Input], DeadLetterGate] = defaultdict(
            lambda: DeadLetterGate(config.dead_letters.per_second_max)
        )

    def fresh(self, partition: int, next_offsets: Mapping[Input, int], *, outcomes: bool = False) -> LogPartition:
        """A partition that has seen nothing, to be read from these offsets on. outcomes: whether labels are joined."""
        self._open_gates(partition)
        return LogPartition(
            self._config.models,
            self._references,
            discovered=self._discovered,
            partition=partition,
            next_offsets=next_offsets,
            outcomes=outcomes,
        )

    def restored(self, stored: StoredCut) -> LogPartition:
        """A partition that goes on where the cut was taken. Raises DamagedSnapshot."""
        self._open_gates(stored.partition)
        return LogPartition.restore(self._config.models, self._references, stored, discovered=self._discovered)

    def outputs_of(self, partition: LogPartition, applied: Applied, source: Input, records: LogRecords) -> Said:
        """What is written of one run: its signals in order, then the dead letters that pass the gate."""
        traceparents = records.traceparents if source is Input.PREDICTIONS else {}
        said = Said([output_of(signal, traceparents) for signal in applied.signals], [])
        gate = self._gates[partition.partition, source]
        topic, payload = self.topics[source], self._config.dead_letters.payload
        for letter in applied.rejected:
            if gate.passes(letter.record_ms):
                output = dead_letter_output(letter, topic=topic, partition=partition.partition, payload=payload)
                said.outputs.append(output)
            else:
                said.withheld.append(letter.reason)
        return said

    def _open_gates(self, partition: int) -> None:
        """Records are read again, and one that passed before has to pass again."""
        for source in Input:
            self._gates.pop((partition, source), None)
