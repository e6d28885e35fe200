"""What is written of a partition does not depend on what was read of it before."""

from __future__ import annotations

from driftline.cli.partitions import Partitions
from driftline.config.config import Config
from driftline.config.dead_letter_settings import DeadLetterSettings
from driftline.schemas.inputs import Input
from driftline.schemas.log_records import LogRecords
from driftline.schemas.outputs import Output

SECOND_MS = 1_000
NEXT = dict.fromkeys(Input, 0)


def _poison(n: int, *, per_second: int) -> LogRecords:
    return LogRecords(
        values=[b"{%d" % i for i in range(n)],
        offsets=list(range(n)),
        record_ms=[1_769_860_800_000 + i * SECOND_MS // per_second for i in range(n)],
    )


def _dead_letters(partitions: Partitions, records: LogRecords) -> tuple[list[Output], int]:
    """Those that are written of a partition read from its beginning, and how many are only counted."""
    partition = partitions.fresh(3, NEXT)
    applied = partition.apply(partition.decode(Input.PREDICTIONS, records))
    said = partitions.outputs_of(partition, applied, Input.PREDICTIONS, records)
    return said.outputs, len(said.withheld)


def test_R22_of_a_flood_few_dead_letters_are_written_and_all_are_counted() -> None:
    partitions = Partitions(Config(dead_letters=DeadLetterSettings(per_second_max=20)))
    written, counted = _dead_letters(partitions, _poison(10_000, per_second=1_000))
    assert len(written) == 10 * (20 + 9)
    assert len(written) + counted == 10_000


def test_a_partition_that_is_read_again_writes_the_same_dead_letters_again() -> None:
    partitions = Partitions(Config(dead_letters=DeadLetterSettings(per_second_max=20)))
    records = _poison(500, per_second=1_000)
    assert _dead_letters(partitions, records) == _dead_letters(partitions, records)


def test_S6_the_policy_of_the_configuration_holds_for_what_is_written() -> None:
    partitions = Partitions(Config(dead_letters=DeadLetterSettings(payload="none")))
    written, _ = _dead_letters(partitions, _poison(5, per_second=1_000))
    assert [output.value for output in written] == [b""] * 5
    assert {dict(output.headers)["__streams.errors.topic"] for output in written} == {b"driftline.predictions"}
