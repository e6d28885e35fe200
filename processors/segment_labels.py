"""The name of an event's segment in one segment set, such as "region=eu,device=ios"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from driftline.schemas.limits import MISSING_VALUE, SEGMENT_VALUE_CHARACTERS_MAX

_ESCAPES = str.maketrans({"%": "%25", ",": "%2C", "=": "%3D"})


def segment_label(keys: tuple[str, ...], context: Mapping[str, Any], features: Mapping[str, Any]) -> str:
    """Each key is looked up in `context`, then in `features`.

    >>> segment_label(("region", "device"), {"region": "eu"}, {"device": 3})
    'region=eu,device=3'
    >>> segment_label(("region",), {}, {})
    'region=__missing__'
    """
    return ",".join(f"{key}={segment_value(context.get(key, features.get(key)))}" for key in keys)


def segment_value(value: Any) -> str:
    """A value as it stands in a label: scalars in their JSON spelling, cut at 128 characters, separators escaped."""
    if value is None:
        return MISSING_VALUE
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:SEGMENT_VALUE_CHARACTERS_MAX].translate(_ESCAPES)
