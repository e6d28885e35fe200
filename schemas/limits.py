"""Limits of one record; past them a record is rejected with a reason, never cut or guessed at."""

from __future__ import annotations

from typing import Final

RECORD_BYTES_MAX: Final = 1_048_576  # Kafka's own default for message.max.bytes
DEPTH_MAX: Final = 32  # the envelope is depth 1, a plain feature value sits at depth 2
FEATURES_MAX: Final = 1_024  # also the limit for context, measurements and probabilities, each on its own
VALUES_MAX: Final = 65_536  # values in one record, wherever they stand: bounds the time that one record can take
TYPED_BYTES_MAX: Final = 32_768  # longer records are read by the exact path, whose time is bounded whatever they hold
ID_CHARACTERS_MAX: Final = 128  # prediction_id and model
NAME_CHARACTERS_MAX: Final = 128  # names inside features, context, measurements, probabilities; model_version; source
SEGMENT_VALUE_CHARACTERS_MAX: Final = 128  # longer values are cut, so a label stays printable
SEGMENT_LABELS_MAX: Final = 65_536  # labels in one dictionary of codes before it starts afresh

TIMESTAMP_MS_MIN: Final = -62_135_596_800_000  # 0001-01-01T00:00:00Z, the first year RFC 3339 has
TIMESTAMP_MS_MAX: Final = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z

OTHER_NAME: Final = "__other__"
MISSING_VALUE: Final = "__missing__"
UNVERSIONED: Final = "unversioned"
