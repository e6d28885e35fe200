"""W3C Trace Context: which request a prediction was made for. OpenTelemetry is asked only if the service uses it."""

from __future__ import annotations

import sys
from typing import Any


def current_traceparent() -> str | None:
    """That of the current span, if OpenTelemetry is imported and a span is open."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    current_span = getattr(trace, "get_current_span", None)
    if current_span is None:
        return None
    context = current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
