"""Bytes that once taught the fuzzer something new, or broke something, are read again."""

import time
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
SLOWEST_S = 0.05
TRIES = 3  # the machine may stop for longer than the input takes


def lasts_s(name: str, data: bytes) -> float:
    began = time.process_time()
    TARGETS[name](data)
    return time.process_time() - began


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_stranger_may_send_is_read_or_refused_quickly(name: str) -> None:
    inputs = sorted((CORPUS / name).iterdir())
    assert len(inputs) >= 3, f"no corpus for {name}: python -m tests.fuzz.run {name}"
    for path in inputs:
        data = path.read_bytes()
        try:
            quickest = min(lasts_s(name, data) for _ in range(TRIES))
        except Exception as error:
            raise AssertionError(f"{path.name}: {error!r}") from error
        assert quickest <= SLOWEST_S, f"{path.name} takes {quickest:.3f} s of CPU"


def test_every_corpus_has_its_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
