"""One tiny file for each rule, with the exact words of what is wrong and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.expected import BAD, problems_of

FILES = sorted(BAD.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_is_told_where_what_and_what_to_write_instead(file: Path) -> None:
    expected = file.with_suffix(".txt").read_text(encoding="utf-8")
    assert expected, "write the expected problems beside the file"
    assert problems_of(file) == expected


def test_every_expectation_has_its_file() -> None:
    assert {file.stem for file in BAD.glob("*.txt")} == {file.stem for file in FILES}


def test_every_problem_says_what_to_write_instead() -> None:
    remedies = ("write ", "remove ", "save ", "check ")
    lines = [line for file in FILES for line in file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if not any(f"; {remedy}" in line for remedy in remedies)] == []


def test_a_password_is_never_repeated() -> None:
    texts = {file.stem: file.read_text(encoding="utf-8") for file in BAD.glob("*.txt")}
    assert [name for name, text in texts.items() if "hunter2" in text] == []
