"""Layouts, records that are good, odd or broken, and what the exact path makes of them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from driftline.processors.batches import DecodedBatch, PredictionBatch
from driftline.processors.columns import columns_of
from driftline.schemas.events import Prediction
from driftline.schemas.exact import read_prediction
from driftline.schemas.layout import EventLayout, FieldLayout
from driftline.schemas.rejections import RecordRejected, RejectionReason

CREDIT = EventLayout(
    fields=(
        FieldLayout("income", "feature", "numeric", "number"),
        FieldLayout("age", "feature", "numeric", "integer"),
        FieldLayout("score", "score", "numeric", "number"),
        FieldLayout("latency_ms", "measurement", "numeric", "number"),
        FieldLayout("channel", "feature", "categorical", "string", ("web", "app"), frozenset({"fax"})),
        FieldLayout("rooms", "feature", "categorical", "integer", ("3", "2", "1")),
        FieldLayout("rate", "feature", "categorical", "number", ("0.5", "2")),
        FieldLayout("owner", "feature", "boolean", "boolean", ("false", "true")),
        FieldLayout("prediction", "prediction", "categorical", "string", ("no", "yes")),
    ),
    segment_sets=(("region",), ("region", "device"), ("age",), ("channel", "rooms")),
    ignored=frozenset({"note"}),
)
PRICE = EventLayout(
    fields=(
        FieldLayout("area", "feature", "numeric", "number"),
        FieldLayout("prediction", "prediction", "numeric", "number"),
        FieldLayout("grade", "measurement", "categorical", "integer", ("1", "2")),
    ),
)
LAYOUTS = {"credit": CREDIT, "price": PRICE, "crédit \u202e": CREDIT}

# JSON texts, right and wrong, for any place of a record
ODD_TEXTS = (
    *["null", "true", "false", "0", "1", "-1", "3", "2.0", "0.5", "-0", "-0.0", "1e3", "1E-2", "1e-400", "12345678901"],
    *[
        '"web"',
        '"app"',
        '"fax"',
        '"telex"',
        '"yes"',
        '""',
        '"3"',
        '"true"',
        '"\\u0077eb"',
        '"é\\n"',
        '"a,b=c%"',
        '"1.5"',
    ],
    *["[]", "{}", "[1]", '{"a":1}', '[["x"]]', "[null,true]", '{"web":1.5}', "[[[[1]]]]", '[{"a":[1e3]}]'],
    *["9007199254740993", "18446744073709551616", "9" * 30, "9" * 308, "-" + "9" * 309, "9" * 5000, "1" + "0" * 308],
    *["1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "0." + "1" * 400, "1" * 200 + "." + "1" * 200],
    *[
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "01",
        "+1",
        ".5",
        "1.",
        "'x'",
        "undefined",
        "tru",
        '"',
        "",
    ],
    *['"\\ud800"', '"\\udc00"', '"\\ud83d\\ude00"', '"\\x"', "[" * 28 + "]" * 28, "[" * 31 + "]" * 31, "[1e400]"],
    '"' + "x" * 128 + '"',
    '"' + "y" * 129 + '"',
)
TIMES = (
    *[
        "1769860800250",
        "1769860800250.0",
        "1.76986080025e12",
        "1769860800",
        "-5",
        "0",
        "1769860800.5",
        "99999999999999999",
    ],
    *['"2026-01-31T12:00:00Z"', '"2026-01-31T13:00:00.123456789+01:00"', '"2026-01-31t12:00:00.5z"', '"2026-01-31"'],
    *['"2026-01-31 12:00:00-0330"', '"2026-01-31T12:00:00"', '"2026-02-30T12:00:00Z"', '"2016-12-31T23:59:60Z"', '"é"'],
)
NAMES = ("income", "age", "channel", "rooms", "rate", "owner", "note", "region", "device", "latency_ms", "extra", "a:b")
STRANGE_NAMES = ('q"uote', "back\\slash", "new\nline", "", "é", "n" * 128, "m" * 129, "prediction", "model")


class RecordMaker:
    """Records drawn from one seeded generator: mostly good, some odd, some broken."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self._count = 0

    def good(self, model: str = "credit", **changes: str) -> bytes:
        """A good record; `changes` are JSON texts."""
        return self._text(self._fields(model) | changes)

    def compact(self, model: str = "credit", **changes: str) -> bytes:
        """A good record without white space around it, as services write lines."""
        fields = self._fields(model) | changes
        return ("{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}").encode()

    def any_record(self, model: str | None = None) -> bytes:
        draw = self.draw
        if model is None:
            model = draw.choices(["credit", "price", "unknown", "crédit \u202e"], [70, 15, 8, 7])[0]
        fields = self._fields(model)
        kind = draw.random()
        if kind < 0.35:
            return self._text(fields)
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            self._make_odd(fields)
        record = self._text(fields)
        return record if kind < 0.8 else self._broken(record)

    def _fields(self, model: str) -> dict[str, str]:
        draw = self.draw
        self._count += 1
        features: dict[str, Any] = {
            "income": round(draw.gauss(50, 20), 3),
            "age": draw.randrange(18, 90),
            "channel": draw.choice(["web", "app", "fax", "post"]),
            "rooms": draw.choice([1, 2, 3, 4]),
            "rate": draw.choice([0.5, 2, 2.5]),
            "owner": draw.choice([True, False, 0, 1]),
        }
        fields = {
            "prediction_id": json.dumps(f"p-{self._count}"),
            "model": json.dumps(model, ensure_ascii=draw.random() < 0.5),
            "timestamp": str(1769860800250 + self._count),
            "prediction": draw.choice(['"yes"', '"no"']) if model != "price" else str(draw.random()),
            "features": json.dumps(features if model != "price" else {"area": draw.random() * 100}),
            "context": json.dumps({"region": draw.choice(["eu", "us"]), "device": draw.choice(["ios", "web"])}),
        }
        if draw.random() < 0.5:
            fields["model_version"] = draw.choice(['"7"', '"8"', '""'])
            fields["score"] = str(draw.random())
            fields["measurements"] = '{"latency_ms": 12.5, "grade": 2}'
        return fields

    def _make_odd(self, fields: dict[str, str]) -> None:
        draw = self.draw
        where = draw.random()
        odd = draw.choice(ODD_TEXTS)
        if where < 0.5:  # one value inside features, context or measurements
            name = draw.choice(["features", "features", "features", "context", "measurements"])
            key = draw.choice(NAMES) if draw.random() < 0.85 else draw.choice(STRANGE_NAMES)
            entry = f"{json.dumps(key, ensure_ascii=draw.random() < 0.5)}: {odd}"
            inside = fields.get(name, "{}").strip()[1:-1].strip()
            parts = [part for part in (inside, entry) if part]
            draw.shuffle(parts)
            fields[name] = "{" + ", ".join(parts) + "}"
        elif where < 0.6:
            fields["timestamp"] = draw.choice(TIMES)
        elif where < 0.85:
            fields[draw.choice(list(fields))] = odd
        elif where < 0.93:
            del fields[draw.choice(list(fields))]
        else:
            fields[draw.choice([*NAMES, *STRANGE_NAMES, "probabilities", "schema_version"])] = odd

    def _text(self, fields: dict[str, str]) -> bytes:
        draw = self.draw
        items = [f"{json.dumps(name, ensure_ascii=False)}:{text}" for name, text in fields.items()]
        if draw.random() < 0.2:
            draw.shuffle(items)
        if draw.random() < 0.05:
            items.append(draw.choice(items))
        space = draw.choice(["", "", " ", "\t", "\r"])
        return (space + "{" + f",{space}".join(items) + "}" + space).encode("utf-8", "surrogatepass")

    def _broken(self, record: bytes) -> bytes:
        draw = self.draw
        data = bytearray(record)
        for _ in range(draw.choice([1, 1, 2, 5])):
            at = draw.randrange(len(data) + 1)
            how = draw.random()
            if how < 0.3:
                data[at : at + 1] = bytes([draw.randrange(256)])
            elif how < 0.5:
                data[at:at] = draw.choice(
                    [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\xef\xbb\xbf", b"\xc3", b"0"]
                )
            elif how < 0.75:
                del data[at : at + draw.choice([1, 1, 3, 40])]
            elif how < 0.85:
                del data[at:]
            else:
                data[at:at] = data[draw.randrange(len(data) + 1) :][: draw.choice([1, 10, 100])]
        return bytes(data)


Expected = tuple[dict[str, tuple[list[int], PredictionBatch | list[Prediction]]], dict[int, RejectionReason]]


def exact_results(records: Sequence[bytes]) -> Expected:
    """By model: positions and batch (or rows, where there is no layout); and the reasons by position."""
    events: dict[str, list[tuple[int, Prediction, tuple[str, ...]]]] = {}
    reasons: dict[int, RejectionReason] = {}
    for position, record in enumerate(records):
        try:
            event, unknown = read_prediction(record)
        except RecordRejected as rejected:
            reasons[position] = rejected.reason
        else:
            events.setdefault(event.model, []).append((position, event, unknown))
    results: dict[str, tuple[list[int], PredictionBatch | list[Prediction]]] = {}
    for model, items in events.items():
        positions = [position for position, _, _ in items]
        rows = [event for _, event, _ in items]
        if model not in LAYOUTS:
            results[model] = (positions, rows)
            continue
        batch = columns_of(rows, LAYOUTS[model])
        for row, (_, _, names) in enumerate(items):
            for name in names:
                batch.unknown[name] = np.append(batch.unknown.get(name, np.empty(0, np.int64)), row)
        results[model] = (positions, batch)
    return results, reasons


def assert_equal(decoded: DecodedBatch, expected: Expected, consumed: int, first_offset: int = 0) -> None:
    """Whether the columnizer gave exactly what the exact path gives."""
    results, reasons = expected
    assert decoded.consumed == consumed
    assert {r.offset - first_offset: r.reason for r in decoded.rejected} == reasons
    assert len(decoded.rejected) == len(reasons)
    assert [batch.model for batch in decoded.batches] == sorted(results, key=lambda model: results[model][0][0])
    for batch in decoded.batches:
        assert isinstance(batch, PredictionBatch)
        positions, wanted = results[batch.model]
        assert (batch.offsets - first_offset).tolist() == positions
        if isinstance(wanted, PredictionBatch):
            assert_same_columns(batch, wanted)
        else:
            assert batch.rows == wanted
            assert batch.ids == [row.prediction_id for row in wanted]


def assert_same_columns(batch: PredictionBatch, wanted: PredictionBatch) -> None:
    """Equal in everything but offsets, record times and the numbering of labels."""
    assert batch.ids == wanted.ids
    assert batch.id_hash.tolist() == wanted.id_hash.tolist()
    assert batch.event_ms.tolist() == wanted.event_ms.tolist()
    assert _labels(batch.versions, batch.version_codes) == _labels(wanted.versions, wanted.version_codes)
    np.testing.assert_array_equal(batch.numeric, wanted.numeric)
    np.testing.assert_array_equal(batch.category, wanted.category)
    assert len(batch.segments) == len(wanted.segments)
    for column, other in zip(batch.segments, wanted.segments, strict=True):
        assert _labels(column.labels, column.codes) == _labels(other.labels, other.codes)
    assert _unknown(batch) == _unknown(wanted)


def _labels(labels: list[str], codes: Any) -> list[str]:
    return [labels[code] for code in codes]


def _unknown(batch: PredictionBatch) -> dict[str, list[int]]:
    return {name: rows.tolist() for name, rows in batch.unknown.items()}
