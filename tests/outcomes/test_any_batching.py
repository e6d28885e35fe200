"""What is said about performance depends on the two logs alone: not on batches, nor on which log is read faster."""

from __future__ import annotations

import random
from collections import defaultdict

import orjson
from hypothesis import given
from hypothesis import strategies as st

from driftline.config.model_spec import DAY_MS
from driftline.processors.partition import Partition
from driftline.schemas.codec import encode
from tests.core.fewer import fewer_examples
from tests.outcomes.labelled_logs import Log, Logs, Step, apply, both_logs, make_logs, play, random_steps, spec


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_any_cut_and_any_interleaving_of_the_logs_gives_the_same_bytes(seed: int, n: int) -> None:
    rng = random.Random(seed)
    logs, model = make_logs(rng, n), spec(DAY_MS)
    whole = [encode(signal) for signal in play(logs, both_logs(logs), model)]
    assert [encode(signal) for signal in play(logs, random_steps(rng, logs), model)] == whole
    backwards = both_logs(logs)[::-1]
    assert [encode(signal) for signal in play(logs, backwards, model)] == whole


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(150, 250))
def test_the_same_while_the_reference_is_still_being_learnt(seed: int, n: int) -> None:
    rng = random.Random(seed)
    logs, model = make_logs(rng, n), spec(DAY_MS, learn_from=40)
    whole = [encode(signal) for signal in play(logs, both_logs(logs), model, learns=True)]
    assert whole
    assert [encode(signal) for signal in play(logs, random_steps(rng, logs), model, learns=True)] == whole


@fewer_examples()
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(150, 250))
def test_the_same_of_models_that_nobody_configured_whichever_log_names_them_first(seed: int, n: int) -> None:
    rng = random.Random(seed)
    logs = of_several_models(rng, make_logs(rng, n))
    model = spec(DAY_MS, learn_from=20)

    def said(steps: list[Step]) -> dict[str, list[bytes]]:
        of_model: dict[str, list[bytes]] = defaultdict(list)
        for signal in apply(Partition({}, {}, discovered=model, outcomes=True), logs, steps):
            of_model[signal.model].append(encode(signal))
        return of_model

    whole = said(both_logs(logs))
    assert whole
    assert said(both_logs(logs)[::-1]) == whole
    assert said(random_steps(rng, logs)) == whole


def of_several_models(rng: random.Random, logs: Logs) -> Logs:
    """The same records, each id of one of two models; and labels of a third, which predictions never name."""
    models = {f"p{i}": rng.choice([b"a", b"b"]) for i in range(1_000)}

    def renamed(log: Log) -> Log:
        of = [models.get(orjson.loads(record)["prediction_id"], b"only labelled") for record in log.records]
        records = [
            record.replace(b'"model":"m"', b'"model":"%b"' % name) for record, name in zip(log.records, of, strict=True)
        ]
        return Log(records, log.record_ms)

    return Logs(renamed(logs.predictions), renamed(logs.labels))


def test_two_runs_of_the_same_logs_name_their_windows_alike() -> None:
    logs: Logs = make_logs(random.Random(5), 30)
    first, second = (play(logs, both_logs(logs), spec()) for _ in range(2))
    assert [signal.id for signal in first] == [signal.id for signal in second]
    assert len({signal.id for signal in first}) == len(first)
