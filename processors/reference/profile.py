"""The reference profile: what is stored of the rows a model is compared with, and its file form.

The file is JSON that a person can read: one field is a few lines, one line for each list. Its `hash` is BLAKE2b-128
over the canonical JSON of everything else (sorted keys, no spaces, whole numbers without a fraction), so formatting the
file anew, or reading it with a later version that knows more fields, leaves the hash as it is.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct

from driftline.processors.reference.performance import ReferencePerformance
from driftline.processors.reference.problems import problems_of
from driftline.schemas.errors import BadReference
from driftline.schemas.layout import FieldKind, Role, ValueType

FORMAT_VERSION: Final = 1


class Contract(Struct, frozen=True, kw_only=True):
    """What a value of a field may be; what breaks it is counted as a data-quality finding, never dropped."""

    value_type: ValueType
    minimum: float | None = None
    maximum: float | None = None
    categories_closed: bool = False
    nullable: bool = True


class FieldProfile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One monitored column of the reference.

    n counts valid values; n + missing + invalid = rows of the reference. Numeric: `edges` are inner edges, strictly
    ascending, at most 255; bin b holds the values in (edges[b-1], edges[b]], so bin_counts has one more entry.
    `cell_means`: mean value in each histogram cell of `codes.cell_of_bin`; a cell without rows repeats its neighbour.
    Otherwise: `categories` with a code of their own, commonest first (boolean: "false", "true"), `pooled` those that
    were seen too but share one code; `pooled_count` rows are in the pool.
    """

    name: str
    role: Role
    kind: FieldKind
    value_type: ValueType
    n: int
    missing: int = 0
    invalid: int = 0
    mean: float | None = None
    sd: float | None = None
    min: float | None = None
    max: float | None = None
    contract: Contract
    categories: list[str] = []
    category_counts: list[int] = []
    pooled: list[str] = []
    pooled_count: int = 0
    edges: list[float] = []
    bin_counts: list[int] = []
    cell_means: list[float] = []


class SegmentProfile(Struct, frozen=True, kw_only=True):
    """One segment: per field of the reference its counts over cells 0..65, trailing zeros left out."""

    segment_set: tuple[str, ...]
    label: str
    n: int
    cells: list[list[int]]


class LeftOutField(Struct, frozen=True, kw_only=True):
    """A column that is known but not monitored, and why. Its values are not reported as unknown features."""

    name: str
    role: Role
    reason: str


class Reference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reference profile. Times are epoch milliseconds of event time, None when the rows had no times.

    fields: numeric ones first, then the others; the order is that of every array made from it. n: rows profiled;
    rows_read: rows there were (more than n when a long file was thinned out). performance: None when the rows came
    without labels.
    """

    format_version: int = FORMAT_VERSION
    model: str
    model_version: str | None = None
    n: int
    rows_read: int
    first_ms: int | None = None
    last_ms: int | None = None
    events_per_week: float | None = None
    source: str = ""
    fields: list[FieldProfile]
    left_out: list[LeftOutField] = []
    segments: list[SegmentProfile] = []
    performance: ReferencePerformance | None = None
    hash: str = ""


def with_hash(reference: Reference) -> Reference:
    """The same reference with its content hash filled in."""
    return msgspec.structs.replace(reference, hash=content_hash(_plain(reference)))


def content_hash(document: dict[str, Any]) -> str:
    """32 hexadecimal digits over everything in the file's JSON object except `hash`."""
    content = {key: value for key, value in document.items() if key != "hash"}
    canonical = msgspec.json.encode(_whole_numbers(content), order="sorted")
    return blake2b(canonical, digest_size=16).hexdigest()


def encode_reference(reference: Reference) -> bytes:
    """The file: UTF-8 JSON, the same bytes for the same reference."""
    document = _plain(reference)
    document["hash"] = content_hash(document)
    lines = ["{"]
    for key, value in document.items():
        comma = "" if key == "hash" else ","
        if key in ("fields", "segments", "left_out"):
            lines += [f" {_json(key)}: [", ",\n".join(_item(item) for item in value), f" ]{comma}"]
        elif key == "performance":
            parts = ",\n".join(_part(name, part) for name, part in value.items())
            lines += [f" {_json(key)}: {{", parts, f" }}{comma}"]
        else:
            lines.append(f" {_json(key)}: {_json(value)}{comma}")
    return "\n".join([*lines, "}", ""]).encode()


def decode_reference(data: bytes | str, name: str = "reference") -> Reference:
    """Read what `encode_reference` wrote; `name` (a path) begins the message of every error.

    A file whose `hash` line was taken out is accepted and hashed anew. Raises BadReference with all problems at once.
    """
    try:
        document = msgspec.json.decode(data)
        reference = msgspec.convert(document, Reference)
    except msgspec.DecodeError as error:
        raise BadReference(f"{name}: {error}; build it again with: driftline reference build") from error
    problems = [] if reference.format_version == FORMAT_VERSION else [_other_format(reference)]
    found = content_hash(document)
    if reference.hash not in ("", found):
        problems.append(
            f"hash: the file says {reference.hash}, its content gives {found}; it was edited or damaged. "
            "Build it again, or delete the hash line to accept the edit"
        )
    problems += problems_of(reference)
    if problems:
        raise BadReference("\n".join([f"{name}: {len(problems)} problem(s)", *(f"  {p}" for p in problems)]))
    return msgspec.structs.replace(reference, hash=found)


def _other_format(reference: Reference) -> str:
    return (
        f"format_version: {reference.format_version} is not {FORMAT_VERSION}; "
        "use the driftline that wrote it, or build the reference again"
    )


def _plain(reference: Reference) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(reference)
    # written even at their defaults: a reader should not have to know them
    if reference.performance is not None:
        version = {"section_version": reference.performance.section_version}
        document["performance"] = {**version, **document["performance"]}
    return {"format_version": reference.format_version, **document, "hash": reference.hash}


def _whole_numbers(value: Any) -> Any:
    """Numbers that are whole become integers: 3.0 and 3 are the same number to every other JSON writer."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [_whole_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    return value


def _json(value: Any) -> str:
    return msgspec.json.encode(_whole_numbers(value)).decode()


def _item(item: dict[str, Any]) -> str:
    """One field or segment: its single values on the first line, then one line for each list."""
    single = {key: value for key, value in item.items() if not isinstance(value, list) or key == "segment_set"}
    lines = ["  {" + ", ".join(f"{_json(key)}: {_json(value)}" for key, value in single.items())]
    for key, value in item.items():
        if key not in single and key == "cells":
            lines.append('   "cells": [\n    ' + ",\n    ".join(_json(row) for row in value) + "]")
        elif key not in single:
            lines.append(f"   {_json(key)}: {_json(value)}")
    return ",\n".join(lines) + "}"


def _part(name: str, value: Any) -> str:
    """One part of the section on performance: lists of lists or objects have a line for each of these."""
    if not isinstance(value, list) or not value or not isinstance(value[0], list | dict):
        return f"  {_json(name)}: {_json(value)}"
    return f"  {_json(name)}: [\n   " + ",\n   ".join(_json(item) for item in value) + "]"
