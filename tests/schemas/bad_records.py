"""Bad input, by name: the bytes of one prediction record and the reason it is rejected for. Used by several suites.

`decided_by` is "decoder" when the bytes alone decide, "monitor" when it takes the record time (such a record decodes).
`NOT_REJECTED` holds odd records that are events all the same, so that nobody rejects more than is meant.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from driftline.schemas.rejections import RejectionReason as R


@dataclass(frozen=True)
class BadRecord:
    """One record; `reason` None: it is no bad one after all."""

    record: bytes
    reason: R | None
    decided_by: Literal["decoder", "monitor"] = "decoder"


GOOD: dict[str, Any] = {
    "prediction_id": "p-1",
    "model": "credit",
    "model_version": "7",
    "timestamp": 1769860800250,
    "prediction": "yes",
    "score": 0.75,
    "features": {"income": 1250.5, "age": 41, "channel": "web"},
    "context": {"region": "eu", "device": "ios"},
    "measurements": {"latency_ms": 12.5},
}


def record(**changes: Any) -> bytes:
    """The good record with fields changed; a value of `...` removes the field."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")


def text(field: str, json_text: str) -> bytes:
    """The good record with a field given as JSON text (or something like it)."""
    return record(**{field: "@"}).replace(b'"@"', json_text.encode("utf-8", "surrogatepass"))


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels


GOOD_RECORD = record()
_MANY = {f"f{i}": i for i in range(1_025)}

BAD_RECORDS: dict[str, BadRecord] = {
    # not one JSON object
    "an empty record": BadRecord(b"", R.INVALID_JSON),
    "only white space": BadRecord(b" \t ", R.INVALID_JSON),
    "plain text": BadRecord(b"hello world", R.INVALID_JSON),
    "a truncated object": BadRecord(GOOD_RECORD[:-2], R.INVALID_JSON),
    "an object cut inside a string": BadRecord(b'{"prediction_id": "p-', R.INVALID_JSON),
    "single quotes": BadRecord(GOOD_RECORD.replace(b'"', b"'"), R.INVALID_JSON),
    "a trailing comma": BadRecord(GOOD_RECORD[:-1] + b",}", R.INVALID_JSON),
    "a leading zero": BadRecord(text("score", "007"), R.INVALID_JSON),
    "a leading plus": BadRecord(text("score", "+1"), R.INVALID_JSON),
    "a number without digits before the point": BadRecord(text("score", ".5"), R.INVALID_JSON),
    "a hexadecimal number": BadRecord(text("score", "0x1F"), R.INVALID_JSON),
    "a raw control character in a string": BadRecord(text("model_version", '"a\x01b"'), R.INVALID_JSON),
    "an unknown escape": BadRecord(text("model_version", '"a\\x41"'), R.INVALID_JSON),
    "a comment": BadRecord(b"/* c */" + GOOD_RECORD, R.INVALID_JSON),
    "a NUL byte": BadRecord(b"\x00" + GOOD_RECORD, R.INVALID_JSON),
    "an array": BadRecord(b"[" + GOOD_RECORD + b"]", R.NOT_AN_OBJECT),
    "a string": BadRecord(b'"prediction"', R.NOT_AN_OBJECT),
    "a number": BadRecord(b"12.5", R.NOT_AN_OBJECT),
    "null": BadRecord(b"null", R.NOT_AN_OBJECT),
    "a line of CSV": BadRecord(b"1769860800250,credit,0.75", R.NOT_AN_OBJECT),
    "two objects": BadRecord(GOOD_RECORD + GOOD_RECORD, R.TRAILING_DATA),
    "text after the object": BadRecord(GOOD_RECORD + b" ok", R.TRAILING_DATA),
    # encoding
    "a byte order mark": BadRecord(b"\xef\xbb\xbf" + GOOD_RECORD, R.NOT_UTF8),
    "UTF-16": BadRecord(GOOD_RECORD.decode().encode("utf-16"), R.NOT_UTF8),
    "Latin-1": BadRecord(record(model="cr\xe9dit").decode().encode("latin-1"), R.NOT_UTF8),
    "an overlong encoding": BadRecord(GOOD_RECORD.replace(b"p-1", b"p\xc0\xaf1"), R.NOT_UTF8),
    "invalid UTF-8 in a name": BadRecord(GOOD_RECORD.replace(b"income", b"inc\xffme"), R.NOT_UTF8),
    "invalid UTF-8 in an unknown field": BadRecord(text("extra", '["@"]').replace(b"@", b"\xff"), R.NOT_UTF8),
    "a surrogate as bytes": BadRecord(record(prediction_id="p\ud800"), R.NOT_UTF8),
    "a lone high surrogate escape": BadRecord(text("prediction_id", '"p\\ud800"'), R.NOT_UTF8),
    "a lone low surrogate escape": BadRecord(text("prediction_id", '"p\\udc00x"'), R.NOT_UTF8),
    "a lone surrogate escape in a name": BadRecord(GOOD_RECORD.replace(b"income", b"inc\\ud83dome"), R.NOT_UTF8),
    # size
    "more than 1 MiB": BadRecord(record(extra="x" * (1 << 20)), R.TOO_LARGE),
    "ten megabytes of string": BadRecord(record(features={"channel": "x" * 10_000_000}), R.TOO_LARGE),
    "depth 33": BadRecord(text("features", '{"income": ' + _nested(31) + "}"), R.TOO_DEEP),
    "depth 33 in an unknown field": BadRecord(text("extra", _nested(32)), R.TOO_DEEP),
    "depth 100,000": BadRecord(text("features", _nested(100_000)), R.TOO_DEEP),
    "objects in objects without end": BadRecord(b'{"a":' * 100_000, R.TOO_DEEP),
    "1,025 features": BadRecord(record(features=_MANY), R.TOO_MANY_FEATURES),
    "1,025 measurements": BadRecord(record(measurements=_MANY), R.TOO_MANY_FEATURES),
    "1,025 context keys": BadRecord(record(context=dict.fromkeys(_MANY, "x")), R.TOO_MANY_FEATURES),
    "1,025 probabilities": BadRecord(record(probabilities=_MANY), R.TOO_MANY_FEATURES),
    "1,025 envelope fields": BadRecord(record(**_MANY), R.TOO_MANY_FEATURES),
    "50,000 features": BadRecord(record(features={f"f{i}": i for i in range(50_000)}), R.TOO_MANY_FEATURES),
    "100,000 values in an unknown field": BadRecord(record(extra=[0] * 100_000), R.TOO_MANY_FEATURES),
    "100,000 texts in an unknown field": BadRecord(record(extra=[","] * 100_000), R.TOO_MANY_FEATURES),
    "a feature name of 129 characters": BadRecord(record(features={"f" * 129: 1}), R.NAME_TOO_LONG),
    "a context name of 129 characters": BadRecord(record(context={"c" * 129: "x"}), R.NAME_TOO_LONG),
    "an envelope name of 129 characters": BadRecord(record(**{"e" * 129: 1}), R.NAME_TOO_LONG),
    "a model version of 129 characters": BadRecord(record(model_version="v" * 129), R.NAME_TOO_LONG),
    # numbers that are not finite
    "1e400": BadRecord(text("score", "1e400"), R.NOT_FINITE),
    "-1e400 as a feature": BadRecord(text("features", '{"income": -1e400}'), R.NOT_FINITE),
    "1e400 in an unknown feature": BadRecord(text("features", '{"other": [1, {"a": 1e400}]}'), R.NOT_FINITE),
    "1e400 in an unknown field": BadRecord(text("extra", "[[1e400]]"), R.NOT_FINITE),
    "NaN": BadRecord(text("score", "NaN"), R.NOT_FINITE),
    "NaN as a feature": BadRecord(record(features={"income": float("nan")}), R.NOT_FINITE),
    "Infinity": BadRecord(text("score", "Infinity"), R.NOT_FINITE),
    "-Infinity": BadRecord(record(measurements={"latency_ms": float("-inf")}), R.NOT_FINITE),
    "NaN as a timestamp": BadRecord(text("timestamp", "NaN"), R.NOT_FINITE),
    "an integer of 5,000 digits": BadRecord(text("score", "9" * 5_000), R.NOT_FINITE),
    "an integer of 400 digits in a feature": BadRecord(text("features", '{"income": ' + "9" * 400 + "}"), R.NOT_FINITE),
    "an integer of 400 digits in an unknown field": BadRecord(text("extra", "9" * 400), R.NOT_FINITE),
    # the envelope
    "no prediction_id": BadRecord(record(prediction_id=...), R.MISSING_FIELD),
    "no model": BadRecord(record(model=...), R.MISSING_FIELD),
    "no timestamp": BadRecord(record(timestamp=...), R.MISSING_FIELD),
    "no prediction": BadRecord(record(prediction=...), R.MISSING_FIELD),
    "prediction null": BadRecord(record(prediction=None), R.MISSING_FIELD),
    "an empty object": BadRecord(b"{}", R.MISSING_FIELD),
    "a numeric prediction_id": BadRecord(record(prediction_id=17), R.WRONG_TYPE),
    "a numeric model": BadRecord(record(model=1), R.WRONG_TYPE),
    "a numeric model_version": BadRecord(record(model_version=2), R.WRONG_TYPE),
    "a prediction in a list": BadRecord(record(prediction=["yes"]), R.WRONG_TYPE),
    "a score as text": BadRecord(record(score="0.75"), R.WRONG_TYPE),
    "a boolean score": BadRecord(record(score=True), R.WRONG_TYPE),
    "features as a list": BadRecord(record(features=[1, 2, 3]), R.WRONG_TYPE),
    "features as text": BadRecord(record(features='{"income": 1}'), R.WRONG_TYPE),
    "measurements as a number": BadRecord(record(measurements=3), R.WRONG_TYPE),
    "a list in the context": BadRecord(record(context={"region": ["eu", "us"]}), R.WRONG_TYPE),
    "an object in a context key that is no segment": BadRecord(record(context={"tags": {}}), R.WRONG_TYPE),
    "a probability as text": BadRecord(record(probabilities={"yes": "0.5"}), R.WRONG_TYPE),
    "a probability null": BadRecord(record(probabilities={"yes": None}), R.WRONG_TYPE),
    "schema_version 0": BadRecord(record(schema_version=0), R.WRONG_TYPE),
    "schema_version as text": BadRecord(record(schema_version="1"), R.WRONG_TYPE),
    "schema_version 1.5": BadRecord(record(schema_version=1.5), R.WRONG_TYPE),
    "an empty prediction_id": BadRecord(record(prediction_id=""), R.EMPTY_ID),
    "an empty model": BadRecord(record(model=""), R.EMPTY_ID),
    "a prediction_id of 129 characters": BadRecord(record(prediction_id="x" * 129), R.ID_TOO_LONG),
    "a model of 129 characters": BadRecord(record(model="x" * 129), R.ID_TOO_LONG),
    # time that cannot be read
    "a date": BadRecord(record(timestamp="2026-01-31"), R.BAD_TIMESTAMP),
    "a time without offset": BadRecord(record(timestamp="2026-01-31T12:00:00"), R.BAD_TIMESTAMP),
    "a time with a zone name": BadRecord(record(timestamp="2026-01-31T12:00:00 CET"), R.BAD_TIMESTAMP),
    "a number as text": BadRecord(record(timestamp="1769860800250"), R.BAD_TIMESTAMP),
    "30 February": BadRecord(record(timestamp="2026-02-30T12:00:00Z"), R.BAD_TIMESTAMP),
    "hour 24": BadRecord(record(timestamp="2026-01-31T24:00:00Z"), R.BAD_TIMESTAMP),
    "year 0": BadRecord(record(timestamp="0000-01-01T00:00:00Z"), R.BAD_TIMESTAMP),
    "a time in digits that are not ASCII": BadRecord(record(timestamp="\uff12026-01-31T12:00:00Z"), R.BAD_TIMESTAMP),
    "an empty timestamp": BadRecord(record(timestamp=""), R.BAD_TIMESTAMP),
    "seconds with a fraction": BadRecord(record(timestamp=1769860800.25), R.BAD_TIMESTAMP),
    "microseconds": BadRecord(record(timestamp=1769860800250000), R.BAD_TIMESTAMP),
    "nanoseconds": BadRecord(record(timestamp=1769860800250000000), R.BAD_TIMESTAMP),
    "a timestamp past 64 bits": BadRecord(record(timestamp=2**70), R.BAD_TIMESTAMP),
    "a boolean timestamp": BadRecord(record(timestamp=True), R.BAD_TIMESTAMP),
    "a timestamp in a list": BadRecord(record(timestamp=[1769860800250]), R.BAD_TIMESTAMP),
    # time that can be read and not be believed
    "seconds instead of milliseconds": BadRecord(record(timestamp=1769860800), R.TIMESTAMP_TOO_OLD, "monitor"),
    "timestamp 0": BadRecord(record(timestamp=0), R.TIMESTAMP_TOO_OLD, "monitor"),
    "a negative timestamp": BadRecord(record(timestamp=-5), R.TIMESTAMP_TOO_OLD, "monitor"),
    "year 9999": BadRecord(record(timestamp="9999-12-31T23:59:59Z"), R.TIMESTAMP_IN_FUTURE, "monitor"),
    "a day ahead": BadRecord(record(timestamp=1769860800250 + 86_400_000), R.TIMESTAMP_IN_FUTURE, "monitor"),
}

NOT_REJECTED: dict[str, bytes] = {
    "as it should be": GOOD_RECORD,
    "white space around": b" \r\n" + GOOD_RECORD + b"\r\n",
    "only the required fields": record(model_version=..., score=..., features=..., context=..., measurements=...),
    "optional fields null": record(
        model_version=None, score=None, features=None, context=None, measurements=None, schema_version=None
    ),
    "an empty model_version": record(model_version=""),
    "a later schema_version with new fields": record(schema_version=2, novelty={"a": [1, "b"]}),
    "schema_version 1.0": record(schema_version=1.0),
    "the name of a feature twice": text("features", '{"income": 1, "income": 2}'),
    "a field of the envelope twice": GOOD_RECORD[:-1] + b', "model_version": "8"}',
    "a feature of every wrong type": record(features={"income": "x", "age": [1], "channel": 5, "owner": {"a": 1}}),
    "features null": record(features={"income": None, "age": None, "channel": None}),
    "a boolean in a numeric feature": record(features={"income": True}),
    "a measurement as text": record(measurements={"latency_ms": "12"}),
    "numbers and booleans in the context": record(context={"region": 5, "device": True, "cohort": None}),
    "an integral float as timestamp": record(timestamp=1769860800250.0),
    "RFC 3339 with offset and microseconds": record(timestamp="2026-01-31T13:00:00.250999+01:00"),
    "an offset without its colon": record(timestamp="2026-01-31T13:00:00+0100"),
    "a leap second": record(timestamp="2016-12-31T23:59:60Z"),
    "ids and names of 128 characters": record(prediction_id="é" * 128, features={"f" * 128: 1}),
    "1,024 features": record(features={f"f{i}": i for i in range(1_024)}),
    "depth 32": text("features", '{"income": ' + _nested(30) + "}"),
    "a text with 100,000 commas": record(features={"channel": "," * 100_000}),
    "a list of 60,000 numbers in a feature": record(features={"income": [0] * 60_000}),
    "brackets in strings": record(features={"channel": "[" * 100 + '\\"{'}),
    "an escaped backslash before u": text("model_version", '"\\\\ud800"'),
    "a paired surrogate escape": text("model_version", '"\\ud83d\\ude00"'),
    "minus zero": text("features", '{"income": -0, "age": -0.0}'),
    "a number below the smallest": text("features", '{"income": 1e-400}'),
    "an integer past 64 bits": record(features={"income": 2**100, "other": 10**300}),
    "a long fraction": text("features", '{"income": 0.' + "3" * 500 + "}"),
    "control characters and quotes in names": record(features={'a"b\\c\n\x00': 1, "": 2}),
    "line breaks and tabs in ids": record(prediction_id="p\n1\t\u202e"),
}
