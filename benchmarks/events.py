"""What the generated prediction events contain: a card-fraud model as a payment service would log it.

Sixteen numeric features (normal, lognormal, uniform and discrete, with the digits such a service writes), four
categorical ones, two context keys, a score and a prediction that follow from the features. Everything of block `b` of
a file is drawn from the seed (seed, stream, b), so a block is the same whatever is generated before it.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

Floats: TypeAlias = npt.NDArray[np.float64]
Column: TypeAlias = list[Any]

MODEL: Final = "card_fraud"
BLOCK_EVENTS: Final = 50_000
DAY_MS: Final = 86_400_000
# A day in the past, because an event later than the start of a replay is implausible.
FIRST_DAY_MS: Final = 1_740_960_000_000  # 2025-03-03T00:00:00Z
# Services send an event when the answer is out, and batches of them a little later: seconds, far inside the lateness.
DELAY_MEAN_MS: Final = 800.0
DELAY_MAX_MS: Final = 5_000.0

REGIONS: Final = ("eu-west", "us-east", "us-west", "ap-south", "sa-east")
REGION_SHARES: Final = (0.34, 0.27, 0.18, 0.13, 0.08)
DEVICES: Final = ("web", "ios", "android")
DEVICE_SHARES: Final = (0.42, 0.33, 0.25)
CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "merchant_category": (
        "grocery", "restaurant", "fuel", "fashion", "electronics", "travel",
        "pharmacy", "games", "hotel", "books", "jewellery", "other",
    ),
    "currency": ("EUR", "USD", "GBP", "INR", "BRL", "JPY"),
    "card_type": ("debit", "credit", "prepaid", "corporate"),
    "entry_mode": ("chip", "contactless", "online", "stored", "manual"),
}  # fmt: skip

Draw: TypeAlias = Callable[[np.random.Generator, int], Floats]
# name -> (draw in the unit of the feature, digits that are written; None = integers)
NUMERIC: Final[dict[str, tuple[Draw, int | None]]] = {
    "amount": (lambda rng, n: rng.lognormal(3.4, 1.1, n), 2),
    "balance": (lambda rng, n: rng.normal(2_400.0, 900.0, n), 2),
    "credit_utilisation": (lambda rng, n: rng.uniform(0.0, 1.0, n), 4),
    "monthly_income": (lambda rng, n: rng.lognormal(8.1, 0.5, n), 0),
    "distance_km": (lambda rng, n: rng.lognormal(1.6, 1.4, n), 1),
    "session_seconds": (lambda rng, n: rng.lognormal(4.2, 0.8, n), 1),
    "merchant_risk": (lambda rng, n: rng.uniform(0.0, 1.0, n), 3),
    "address_risk": (lambda rng, n: rng.uniform(0.0, 100.0, n), 1),
    "velocity": (lambda rng, n: rng.normal(0.0, 1.0, n), 4),
    "embedding_0": (lambda rng, n: rng.normal(0.0, 1.0, n), 6),
    "embedding_1": (lambda rng, n: rng.normal(0.2, 0.7, n), 6),
    "amount_to_mean": (lambda rng, n: rng.normal(1.0, 0.35, n), 3),
    "payments_1h": (lambda rng, n: rng.poisson(0.7, n).astype(np.float64), None),
    "payments_24h": (lambda rng, n: rng.poisson(6.0, n).astype(np.float64), None),
    "account_age_days": (lambda rng, n: rng.integers(1, 3_650, n).astype(np.float64), None),
    "customer_age": (lambda rng, n: rng.integers(18, 91, n).astype(np.float64), None),
}
# The planted drift: what becomes of a drifted feature. Each is a shift by about half a standard deviation.
DRIFTS: Final[dict[str, Callable[[Floats], Floats]]] = {
    "amount": lambda x: x * np.exp(0.55),
    "balance": lambda x: x + 450.0,
    "session_seconds": lambda x: x * np.exp(0.4),
    "velocity": lambda x: x + 0.5,
}
MISSING_SHARE: Final = {"monthly_income": 0.008, "distance_km": 0.003}


def blocks(seed: int, stream: int, first_ms: int, n: int, drift: str | None, drift_from: int) -> Iterator[bytes]:
    """Yield `n` events as blocks of JSON lines, spread evenly over the day that begins at `first_ms`.

    `stream` keeps two files of one seed apart. Feature `drift` is shifted from event `drift_from` on.
    """
    for block, start in enumerate(range(0, n, BLOCK_EVENTS)):
        rng = np.random.default_rng((seed, stream, block))
        stop = min(start + BLOCK_EVENTS, n)
        yield _lines(rng, start, stop, first_ms, DAY_MS / n, drift, drift_from)


def _lines(
    rng: np.random.Generator, start: int, stop: int, first_ms: int, gap_ms: float, drift: str | None, drift_from: int
) -> bytes:
    n = stop - start
    numeric = {name: draw(rng, n) for name, (draw, _) in NUMERIC.items()}
    score = _score(rng, numeric)
    if drift is not None and stop > drift_from:
        after = slice(max(drift_from - start, 0), n)
        numeric[drift][after] = DRIFTS[drift](numeric[drift][after])
        score[after] = _score(rng, {name: values[after] for name, values in numeric.items()})
    features = {name: _written(rng, name, values) for name, values in numeric.items()}
    for name, choices in CATEGORIES.items():
        features[name] = _chosen(rng, choices, _falling_shares(len(choices)), n)
    names = tuple(features)
    dumps, newline = orjson.dumps, orjson.OPT_APPEND_NEWLINE
    rows = zip(
        _ids(rng, n),
        _timestamps(rng, start, stop, first_ms, gap_ms),
        (score > 0.5).astype(np.int64).tolist(),
        np.round(score, 6).tolist(),
        _chosen(rng, REGIONS, REGION_SHARES, n),
        _chosen(rng, DEVICES, DEVICE_SHARES, n),
        zip(*features.values(), strict=True),
        strict=True,
    )
    return b"".join(
        dumps(
            {
                "prediction_id": prediction_id,
                "model": MODEL,
                "model_version": "v12",
                "timestamp": timestamp,
                "prediction": prediction,
                "score": score_of_row,
                "features": dict(zip(names, values, strict=True)),
                "context": {"region": region, "device": device},
            },
            option=newline,
        )
        for prediction_id, timestamp, prediction, score_of_row, region, device, values in rows
    )


def _score(rng: np.random.Generator, numeric: dict[str, Floats]) -> Floats:
    """Return the probability of fraud in [0, 1]: a logistic model over four features and noise."""
    margin = (
        -1.8
        + 0.5 * (np.log(np.maximum(numeric["amount"], 0.01)) - 3.4)
        + 1.2 * (numeric["merchant_risk"] - 0.5)
        + 0.6 * numeric["velocity"]
        + 0.3 * numeric["payments_1h"]
        + rng.normal(0.0, 0.5, len(numeric["amount"]))
    )
    return 1.0 / (1.0 + np.exp(-margin))


def _written(rng: np.random.Generator, name: str, values: Floats) -> Column:
    """Return the values as the service writes them: rounded, some missing as null."""
    digits = NUMERIC[name][1]
    written: Column = (values.astype(np.int64) if digits is None else np.round(values, digits)).tolist()
    if name in MISSING_SHARE:
        for row in np.flatnonzero(rng.random(len(values)) < MISSING_SHARE[name]).tolist():
            written[row] = None
    return written


def _falling_shares(n: int) -> tuple[float, ...]:
    """Return shares that fall like 1/rank, as those of real categories do."""
    weights = 1.0 / np.arange(1.0, n + 1.0)
    return tuple((weights / weights.sum()).tolist())


def _chosen(rng: np.random.Generator, choices: tuple[str, ...], shares: tuple[float, ...], n: int) -> Column:
    codes = np.searchsorted(np.cumsum(shares[:-1]), rng.random(n), side="right")
    chosen: Column = np.array(choices, dtype=object)[codes].tolist()
    return chosen


def _timestamps(rng: np.random.Generator, start: int, stop: int, first_ms: int, gap_ms: float) -> Column:
    """Return RFC 3339 times with milliseconds, one every `gap_ms`, each set back by the delay of its service."""
    sent_ms = first_ms + (np.arange(start, stop) * gap_ms)
    delay_ms = np.minimum(rng.exponential(DELAY_MEAN_MS, stop - start), DELAY_MAX_MS)
    event_ms = np.maximum(sent_ms - delay_ms, first_ms).astype(np.int64)
    text: Column = np.datetime_as_string(event_ms.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    return text


def _ids(rng: np.random.Generator, n: int) -> Column:
    """Return identifiers in the form of random UUIDs."""
    text = rng.bytes(16 * n).hex()
    ids = (text[i : i + 32] for i in range(0, 32 * n, 32))
    return [f"{x[:8]}-{x[8:12]}-{x[12:16]}-{x[16:20]}-{x[20:]}" for x in ids]
