"""The types of settings that name things: fields, segments, detectors, categories, columns.

Each takes what an operator writes and gives the value, or says what to write instead.
"""

import difflib
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from driftline.config.model_spec import DETECTOR_NAMES, FAIRNESS_METRICS
from driftline.config.problems import Finding, Refusal, as_list, one_of, quoted, refuse_any

SEGMENT_SETS_MAX: Final = 16
SEGMENT_KEYS_MAX: Final = 4
NAME_CHARACTERS_MAX: Final = 128

# ---- names and lists of names

Name = Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX)]
Text = Annotated[str, Field(min_length=1, max_length=4096)]


def repeated(names: Iterable[object], kind: str) -> list[Finding]:
    """One finding for each element that stands a second time."""
    seen: set[object] = set()
    findings = []
    for position, name in enumerate(names):
        if name in seen:
            findings.append(Finding(f"this {kind} is listed twice", "remove one of the two", (position,)))
        seen.add(name)
    return findings


def _name_findings(name: object, at: tuple[int, ...]) -> list[Finding]:
    if not isinstance(name, str):
        return [Finding("not a name", "write a text; quote a name that looks like a number", at)]
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        return [Finding(f"a name of {len(name)} characters", f"write 1 to {NAME_CHARACTERS_MAX} characters", at)]
    return []


def _names(value: object) -> tuple[str, ...]:
    names = as_list(value, "write a list of names, such as [region, device]")
    refuse_any(finding for position, name in enumerate(names) for finding in _name_findings(name, (position,)))
    refuse_any(repeated(names, "name"))
    return tuple(names)


_NAME_SCHEMA: Final = {"type": "string", "minLength": 1, "maxLength": NAME_CHARACTERS_MAX}
Names = Annotated[
    tuple[str, ...],
    PlainValidator(_names),
    WithJsonSchema({"type": "array", "items": _NAME_SCHEMA, "uniqueItems": True, "x-type": "list of names"}),
]


def _detectors(value: object) -> tuple[str, ...]:
    names = as_list(value, f"write a list of {one_of(DETECTOR_NAMES)}")
    if not names:
        raise Refusal(Finding("no detector, so nothing could alarm", f"write at least one of {one_of(DETECTOR_NAMES)}"))
    refuse_any(
        Finding(f"{quoted(str(name))} is not a detector", f"write {nearest(str(name), DETECTOR_NAMES)}", (position,))
        for position, name in enumerate(names)
        if name not in DETECTOR_NAMES
    )
    refuse_any(repeated(names, "detector"))
    return tuple(names)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like `name`, else all of them."""
    choices = list(known)
    close = difflib.get_close_matches(name.lower(), choices, n=1, cutoff=0.7)
    return close[0] if close else one_of(choices)


def _fairness_metrics(value: object) -> tuple[str, ...]:
    known = list(dict.fromkeys(name for names in FAIRNESS_METRICS.values() for name in names))
    names = as_list(value, "write a list of metrics, such as [recall, false_positive_rate]")
    refuse_any(
        Finding(f"no gap is known of {quoted(str(name))}", f"write {nearest(str(name), known)}", (position,))
        for position, name in enumerate(names)
        if name not in known
    )
    refuse_any(repeated(names, "metric"))
    return tuple(names)


FairnessMetrics = Annotated[
    tuple[str, ...],
    PlainValidator(_fairness_metrics),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"enum": list(dict.fromkeys(name for names in FAIRNESS_METRICS.values() for name in names))},
            "uniqueItems": True,
            "x-type": "list of metrics",
        }
    ),
]

Detectors = Annotated[
    tuple[str, ...],
    PlainValidator(_detectors),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"enum": list(DETECTOR_NAMES)},
            "minItems": 1,
            "uniqueItems": True,
            "x-type": "list of detectors",
        }
    ),
]

# ---- segments


def _segments(value: object) -> tuple[tuple[str, ...], ...]:
    example = "write a list of keys and of lists of keys, such as [region, [region, device]]"
    written = as_list(value, example)
    if len(written) > SEGMENT_SETS_MAX:
        raise Refusal(Finding(f"{len(written)} segment sets", f"write at most {SEGMENT_SETS_MAX}"))
    refuse_any(finding for position, keys in enumerate(written) for finding in _set_findings(keys, position))
    sets = [keys if isinstance(keys, list) else [keys] for keys in written]
    # Two sets with the same keys cut the traffic into the same segments, in whatever order the keys stand.
    refuse_any(repeated([frozenset(keys) for keys in sets], "segment set"))
    return tuple(tuple(keys) for keys in sets)


def _set_findings(keys: object, position: int) -> list[Finding]:
    if not isinstance(keys, list):
        return _name_findings(keys, (position,))
    if not 1 <= len(keys) <= SEGMENT_KEYS_MAX:
        what = f"a segment set of {len(keys)} keys"
        return [Finding(what, f"write 1 to {SEGMENT_KEYS_MAX} keys, such as [region, device]", (position,))]
    findings = [found for at, key in enumerate(keys) for found in _name_findings(key, (position, at))]
    if findings:
        return findings
    return [Finding(found.what, found.remedy, (position, *found.at)) for found in repeated(keys, "key")]


Segments = Annotated[
    tuple[tuple[str, ...], ...],
    PlainValidator(_segments),
    WithJsonSchema(
        {
            "type": "array",
            "maxItems": SEGMENT_SETS_MAX,
            "x-type": "list of keys and lists of keys",
            "items": {
                "anyOf": [
                    _NAME_SCHEMA,
                    {
                        "type": "array",
                        "items": _NAME_SCHEMA,
                        "minItems": 1,
                        "maxItems": SEGMENT_KEYS_MAX,
                        "uniqueItems": True,
                    },
                ]
            },
        }
    ),
]

# ---- categories and column maps


def _categories(value: object) -> tuple[str, ...]:
    written = as_list(value, "write a list of values, such as [gold, silver, 3]")
    if not written:
        raise Refusal(Finding("an empty list allows no value at all", "write the allowed values, or remove it"))
    refuse_any(
        Finding("not a category", "write a text, a whole number, true or false", (position,))
        for position, category in enumerate(written)
        if not isinstance(category, str | int)
    )
    # As events are read: true and 3 are the categories "true" and "3".
    categories = tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in written)
    refuse_any(repeated(categories, "category"))
    return categories


Categories = Annotated[
    tuple[str, ...],
    PlainValidator(_categories),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": ["string", "integer", "boolean"]},
            "minItems": 1,
            "x-type": "list of values",
        }
    ),
]


def _column_map(value: object) -> object:
    """A list is short for columns that are called what they hold."""
    if value is None:
        return {}
    return {name: name for name in _names(value)} if isinstance(value, list) else value


ColumnMap = Annotated[
    dict[Name, Name],
    BeforeValidator(_column_map),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "propertyNames": _NAME_SCHEMA, "additionalProperties": _NAME_SCHEMA},
                {"type": "array", "items": _NAME_SCHEMA, "uniqueItems": True},
            ],
            "x-type": "mapping to columns, or list",
        }
    ),
]
