"""The closed list of reasons for which a record is not read, each with a sentence that says what to write instead.

Only the envelope rejects a record. A feature or measurement value of the wrong type makes that value invalid; the event
is kept and the value is counted. Unknown names are counted too and never fatal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from driftline.schemas.limits import (
    DEPTH_MAX,
    FEATURES_MAX,
    ID_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    RECORD_BYTES_MAX,
    VALUES_MAX,
)


class RejectionReason(StrEnum):
    """Why a record was not read. A metric label: names are never changed, new ones are added at the end."""

    INVALID_JSON = "invalid_json"
    NOT_UTF8 = "not_utf8"
    NOT_AN_OBJECT = "not_an_object"
    TRAILING_DATA = "trailing_data"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_MANY_FEATURES = "too_many_features"
    NOT_FINITE = "not_finite"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    EMPTY_ID = "empty_id"
    ID_TOO_LONG = "id_too_long"
    NAME_TOO_LONG = "name_too_long"
    BAD_TIMESTAMP = "bad_timestamp"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    TIMESTAMP_TOO_OLD = "timestamp_too_old"


REMEDIES: Final[dict[RejectionReason, str]] = {
    RejectionReason.INVALID_JSON: "write one JSON object as RFC 8259 defines it",
    RejectionReason.NOT_UTF8: "encode the record as UTF-8 without a byte order mark and without lone surrogates",
    RejectionReason.NOT_AN_OBJECT: 'write a JSON object, e.g. {"prediction_id": "a1", "model": "credit", ...}',
    RejectionReason.TRAILING_DATA: "write one JSON object a record (one a line in a file) and nothing after it",
    RejectionReason.TOO_LARGE: f"keep a record within {RECORD_BYTES_MAX:,} bytes; leave raw payloads out of it",
    RejectionReason.TOO_DEEP: f"keep nesting within {DEPTH_MAX} levels; feature values are plain scalars",
    RejectionReason.TOO_MANY_FEATURES: f"send at most {FEATURES_MAX:,} names in each of features, context, measurements"
    f" and probabilities, and {VALUES_MAX:,} values in all",
    RejectionReason.NOT_FINITE: "write null for a missing value; NaN, Infinity and numbers past 1.8e308 cannot be read",
    RejectionReason.MISSING_FIELD: "send prediction_id, model, timestamp and prediction (or label) in every event",
    RejectionReason.WRONG_TYPE: "send each envelope field with the type the event schema gives it",
    RejectionReason.EMPTY_ID: "write at least one character",
    RejectionReason.ID_TOO_LONG: f"keep ids within {ID_CHARACTERS_MAX} characters; hash longer ones",
    RejectionReason.NAME_TOO_LONG: f"keep names within {NAME_CHARACTERS_MAX} characters",
    RejectionReason.BAD_TIMESTAMP: 'write RFC 3339 with an offset, e.g. "2026-01-31T12:00:00.250Z", or integer epoch'
    " milliseconds, e.g. 1769860800250",
    RejectionReason.TIMESTAMP_IN_FUTURE: "send the time of the prediction; check the producer's clock and time zone",
    RejectionReason.TIMESTAMP_TOO_OLD: "write epoch milliseconds from 2000-01-01 on; seconds instead of milliseconds?",
}


def rejection_message(reason: RejectionReason, found: str = "") -> str:
    """What was found (never a payload value, only names, types and sizes) and what to write instead, in one line."""
    return f"{found}: {REMEDIES[reason]}" if found else REMEDIES[reason]


class RecordRejected(ValueError):
    """Raised while one record is read; whoever reads records turns it into a `Rejection` and goes on."""

    def __init__(self, reason: RejectionReason, found: str = "") -> None:
        self.reason = reason
        self.message = rejection_message(reason, found)
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class Rejection:
    """One record that was not read. `offset`: log offset, or the 0-based number of the non-blank line of a file."""

    offset: int
    reason: RejectionReason
    message: str
