from __future__ import annotations

import numpy as np
import pytest

from driftline.config.model_spec import ModelSpec
from driftline.processors.reference.build import ReferenceBuilder
from driftline.processors.reference.show import WIDTH, density, field_rows, headline, segment_rows, summary
from tests.reference.rows import events_of, prediction, profile_of, reference_of


def test_the_shape_of_a_continuous_field_is_its_density() -> None:
    rng = np.random.default_rng(11)
    shares = density(profile_of(rng.normal(size=20_000).tolist()))
    assert len(shares) == WIDTH
    assert shares.sum() == pytest.approx(0.98, abs=0.005), "the tails are left out"
    assert shares.argmax() in (5, 6)
    assert shares == pytest.approx(shares[::-1], abs=0.02)


def test_the_shape_of_few_values_has_a_bar_for_each() -> None:
    assert density(profile_of([1, 2, 2, 5])).tolist() == [1, 2, 1]


def test_a_constant_field_has_one_bar() -> None:
    (x, *_) = field_rows(reference_of(events_of(x=[3.0] * 10)))
    assert (x.values, x.picture) == ("3 to 3, mean 3", "█")


def test_an_outlier_does_not_flatten_the_shape() -> None:
    rng = np.random.default_rng(12)
    values = [*rng.uniform(size=10_000).tolist(), 1e12]
    assert min(density(profile_of(values))) > 0.05


def test_the_commonest_categories_are_shown_and_the_others_counted() -> None:
    values = ["a"] * 50 + ["b"] * 30 + ["c"] * 15 + ["d"] * 4 + ["e"]
    (x,) = [row for row in field_rows(reference_of(events_of(x=values))) if row.name == "x"]
    assert (x.kind, x.values, x.picture) == ("category", "a 50%, b 30%, c 15%, +2", "█▅▃▁▁")


def test_small_shares_are_not_shown_as_nothing() -> None:
    (x, *_) = field_rows(reference_of(events_of(x=[None, "wrong"] + [1] * 9_998)))
    assert (x.missing, x.invalid) == ("<0.1%", "<0.1%")


def test_the_headline_says_time_rate_and_hash() -> None:
    lines = dict(headline(reference_of([prediction(i) for i in range(25)])))
    assert lines["time"] == "2023-11-14 22:13 to 2023-11-15 22:13"
    assert lines["events per week"] == "168"
    assert len(lines["hash"]) == 32


def test_an_unknown_rate_says_what_to_set() -> None:
    assert dict(headline(reference_of([prediction()])))["events per week"] == "unknown: set events_per_week"


def test_a_thinned_reference_says_so() -> None:
    builder = ReferenceBuilder(ModelSpec(name="m"), max_rows=10)
    builder.add(events_of(x=list(range(35))))
    assert dict(headline(builder.build("test")))["rows"] == "9 of 35 (every 4th)"


def test_segments_are_shown_with_their_share() -> None:
    events = [prediction(i, context={"region": "eu" if i % 4 else "us"}) for i in range(400)]
    rows = segment_rows(reference_of(events, segments=(("region",),)))
    assert [(row.label, row.n, row.share) for row in rows] == [("region=eu", "300", "75%"), ("region=us", "100", "25%")]


def test_performance_is_shown_where_labels_were() -> None:
    builder = ReferenceBuilder(ModelSpec(name="m", task="binary"))
    builder.add([prediction(i) for i in range(600)], [int(i % 4 > 0) for i in range(600)])
    reference = builder.build("test")
    assert dict(headline(reference))["performance"].startswith("accuracy 0.75 ± 0, precision 0.75 ± 0, recall 1 ± 0")
    assert dict(headline(reference))["performance"].endswith("; 600 labelled rows (± over chunks of 100)")
    assert summary(reference)["performance"]["metrics"]["accuracy"] == 0.75
