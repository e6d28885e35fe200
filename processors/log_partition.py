"""One partition of both logs, live: records in with their offsets, signals out, and cuts of the whole state.

The state is a pure function of the prefixes of both logs that have been applied: neither how they were cut into runs, nor
how the two interleaved, nor a restart leaves a trace in it, and what is said of a model is in the order of its log. So a
worker may take a cut anywhere, and another one goes on from it with the records that follow.

Ticks move the clock of their log. Predictions and ticks beside them move the idle models; labels and ticks beside those
move nothing but the outcome clock.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from driftline.config.model_spec import ModelSpec
from driftline.processors.counters import Counters
from driftline.processors.log_decoder import LogDecoder
from driftline.processors.log_run import Applied, DecodedRun
from driftline.processors.monitor import Monitor
from driftline.processors.outcomes.joiner import FOR_EVER
from driftline.processors.outcomes.side import OutcomeSide
from driftline.processors.partition import Partition
from driftline.processors.partition_parts import PartitionParts, PartitionState, restore_partition
from driftline.processors.recovery.cut import Cut, StoredCut
from driftline.processors.reference.profile import Reference
from driftline.processors.signal_ids import digest
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.rejections import RejectionReason
from driftline.schemas.signals import Health, HealthCode, Signal

__all__ = ["Applied", "DecodedRun", "LogPartition"]


class LogPartition:
    """`specs`, `references`, `discovered`: as for `Partition`. `next_offsets`: of each input, the first to be applied.

    `outcomes`: labels are joined to their predictions; without it they are only counted.

    `next` are the first offsets that are to be read, `seen` the first that have not been applied. They differ only after
    `restore`, as long as the outcome side reads again what its cut does not hold (`catching_up`). Decoding may run ahead of
    applying, on another thread; both go through each log in order.
    """

    def __init__(
        self,
        specs: Mapping[str, ModelSpec],
        references: Mapping[str, Mapping[str, Reference]],
        *,
        discovered: ModelSpec | None = None,
        partition: int,
        next_offsets: Mapping[Input, int],
        outcomes: bool = False,
    ) -> None:
        self.partition = partition
        self.next = dict(next_offsets)
        self.skipped = dict.fromkeys(Input, 0)
        self.create_time: set[Input] = set()
        self._models = Partition(specs, references, discovered=discovered, partition=partition, outcomes=outcomes)
        self.clock = self._models.clock
        self.catching_up = False
        self._read_ms: dict[Input, int | None] = dict.fromkeys(Input)
        clocks = self._models.columns.clocks
        decode = {Input.PREDICTIONS: self._models.decode, Input.LABELS: self._models.decode_labels}
        self._decoders = {each: LogDecoder(each, decode[each], clocks[each], self.next[each]) for each in Input}
        self._parts = PartitionParts(self._models)

    # -- records in, signals out -------------------------------------------------------------------------------------

    def decode(self, source: Input, records: LogRecords, *, allow_gap: bool = False) -> DecodedRun:
        """The records that have not been decoded yet.

        A run that begins above the first such offset is refused (`gap` says by how much, nothing is decoded) unless
        `allow_gap` says that there is nothing in between. Gaps inside a run are accepted and counted as skipped.
        """
        return self._decoders[source].decode(records, allow_gap)

    def apply(self, run: DecodedRun) -> Applied:
        """Everything that follows from a run. Raises ValueError for one out of order: each is applied once, as decoded."""
        source = run.input
        if run.start != self.next[source]:
            raise ValueError(
                f"{source} of partition {self.partition}: apply runs in the order in which they were decoded; "
                f"offset {self.next[source]} is next, and this run begins at {run.start}"
            )
        signals: list[Signal] = []
        if run.create_time and source not in self.create_time:
            self.create_time.add(source)
            signals.append(self._create_time(source))
        for number, piece in enumerate(run.pieces):
            if number < run.again:
                self._models.apply_again(source, piece)
            elif source is Input.PREDICTIONS:
                signals += self._models.apply(piece)
            else:
                signals += self._models.apply_labels(piece)
        if run.pieces:
            self._read_ms[source] = run.last_record_ms
        self.skipped[source] += run.skipped
        self.next[source] = run.next
        return Applied(signals + self._caught_up(), run.rejected)

    @property
    def seen(self) -> dict[Input, int]:
        """The first offset of each input that the state does not hold."""
        return {source: max(self.next[source], decoder.again_until) for source, decoder in self._decoders.items()}

    def _caught_up(self) -> list[Signal]:
        """What follows as soon as both logs have been read again up to where the state was cut."""
        if not self.catching_up:
            return []
        assert self.outcomes is not None, "nothing else reads again"
        done = [source for source, offset in self.seen.items() if self.next[source] == offset]
        for source in done:
            self.outcomes.again(source, [], FOR_EVER)
        if len(done) < len(self.next):
            return []
        self.catching_up = False
        return self.outcomes.end_again()

    def rewind(self) -> None:
        """Drop what was decoded and not applied: decoding goes on at `next`."""
        for source, decoder in self._decoders.items():
            decoder.rewind(self.next[source], self._read_ms[source])

    # -- what it holds -----------------------------------------------------------------------------------------------

    @property
    def monitors(self) -> Mapping[str, Monitor]:
        """By model, in the order of the configuration, then in that in which they were met."""
        return self._models.monitors

    @property
    def rejected(self) -> Mapping[RejectionReason, int]:
        """Records that could not be read, of both inputs."""
        return self._models.rejected

    @property
    def labels(self) -> Mapping[str, int]:
        """Labels read, by model."""
        return self._models.labels

    @property
    def outcomes(self) -> OutcomeSide | None:
        """The join of labels, where it was asked for."""
        return self._models.outcomes

    def counters(self) -> Counters:
        """Sums over all models, records that could not be read and those of models nobody asked for; checked."""
        return self._models.counters()

    # -- cuts --------------------------------------------------------------------------------------------------------

    def cut(self, full: bool) -> Cut:
        """The state as it is now, as parts that can be encoded later: everything, or what changed since the last cut.

        Copies only what changed. The first cut is a full one. None may be taken while `catching_up`: what the outcome side
        has lost is not there yet.
        """
        if full:
            self._parts = PartitionParts(self._models)
        parts = self._parts.take(self._own_state())
        return Cut(self.partition, self.seen, tuple(self._models.monitors), tuple(parts))

    def state(self) -> bytes:
        """The whole state as canonical bytes: equal prefixes of both logs give equal bytes. For comparing, not keeping."""
        parts = PartitionParts(self._models).take(self._own_state())
        whole = [(p.name, p.fingerprint, p.encode()) for p in parts if p.encode is not None]
        return msgspec.msgpack.encode((self.partition, sorted(self.next.items()), list(self.monitors), whole))

    @classmethod
    def restore(
        cls,
        specs: Mapping[str, ModelSpec],
        references: Mapping[str, Mapping[str, Reference]],
        stored: StoredCut,
        *,
        discovered: ModelSpec | None = None,
        outcomes: bool = False,
    ) -> LogPartition:
        """A partition that goes on where the cut was taken; see `catching_up` for what it may have to read before that.

        Parts that other settings or another reference shaped start afresh and are named in `Health` signals. Models that
        are no longer monitored are left behind. Raises DamagedSnapshot for a cut that cannot be read.
        """
        self = cls(
            specs,
            references,
            discovered=discovered,
            partition=stored.partition,
            next_offsets=stored.next_offsets,
            outcomes=outcomes,
        )
        own = restore_partition(self._models, stored)
        self.create_time, self.skipped = set(own.create_time), dict(own.skipped)
        for source, record_ms in own.record_ms.items():
            self.clock.advance(source, record_ms)
        self._read_ms = self.clock.latest_ms.copy()
        starts = {} if self.outcomes is None else self.outcomes.begin_again()
        for source, place in starts.items():
            if place.offset < self.next[source]:
                self.next[source], self._read_ms[source] = place
        self.catching_up = bool(starts)
        self.rewind()
        return self

    def _own_state(self) -> PartitionState:
        models = self._models
        return PartitionState(
            record_ms=self.clock.latest_ms.copy(),
            skipped=self.skipped.copy(),
            create_time=sorted(self.create_time),
            rejected=dict(sorted(models.rejected.items())),
            labels=dict(sorted(models.labels.items())),
            undecodable=models.undecodable,
            filtered=models.filtered,
            models_capped=models.models_capped,
        )

    def _create_time(self, source: Input) -> Health:
        return Health(
            id=digest("health", HealthCode.CREATE_TIME_TOPIC, self.partition, source),
            partition=self.partition,
            code=HealthCode.CREATE_TIME_TOPIC,
            message=f"the topic of the {source} keeps the producers' clocks as record time: one that is wrong closes "
            "windows too early or too late. Set message.timestamp.type=LogAppendTime on the topic",
            detail={"input": str(source)},
        )
