"""Bytes once written stay readable for ever, and nothing that is written today differs from them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from driftline.schemas.codec import LabelDecoder, PredictionDecoder, decode_signal, encode
from driftline.schemas.events import Label, Prediction
from driftline.schemas.exact import ReadLabel, ReadPrediction
from driftline.schemas.signals import Signal
from tests.schemas.golden_examples import EVENTS, GOLDEN, SIGNALS, newest

FILES = sorted(GOLDEN.glob("v*/*.json"))


def _decode(file: Path) -> Signal | Prediction | Label:
    line = file.read_bytes()
    if not file.stem.startswith(("prediction", "label")) or file.stem == "label_expired":
        return decode_signal(line)
    read = (PredictionDecoder() if file.stem.startswith("prediction") else LabelDecoder()).decode(line)
    assert isinstance(read, ReadPrediction | ReadLabel), read
    assert read.unknown == ()
    return read.event


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_golden_bytes_are_decodable_and_encode_to_the_same_bytes(file: Path) -> None:
    if file == newest(file.stem):  # what an older version wrote has since got more fields
        assert encode(_decode(file)) + b"\n" == file.read_bytes()
    else:
        _decode(file)


@pytest.mark.parametrize("name", [*EVENTS, *SIGNALS])
def test_the_examples_are_written_as_their_golden_bytes_say(name: str) -> None:
    example = {**EVENTS, **SIGNALS}[name]
    file = newest(name)
    assert file is not None
    assert encode(example) + b"\n" == file.read_bytes()


def test_every_signal_has_golden_bytes() -> None:
    shown = {type(example) for example in SIGNALS.values()}
    assert shown == set(get_args(Signal))
    assert {file.stem for file in FILES} == {*EVENTS, *SIGNALS}


def test_a_signal_of_a_later_version_with_new_fields_is_decodable() -> None:
    line = encode(SIGNALS["late_events"])[:-1] + b',"revision":2}'
    assert decode_signal(line) == SIGNALS["late_events"]


def test_fields_left_out_by_an_earlier_version_have_defaults() -> None:
    line = b'{"signal":"label_expired","id":"1","model":"m","pane_end_ms":5}'
    assert (
        encode(decode_signal(line))
        == line[:-1].replace(b'"model":"m"', b'"model":"m","partition":0') + b',"predictions":0,"labels":0}'
    )
