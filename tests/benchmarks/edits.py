"""What does an edit in every head cost, and recording without one? Ratios to the plain pass, interleaved in one run.

python -m tests.benchmarks.edits [--beside CHECKOUT] [--rounds 9] [--threads 2] [minilm gpt2 llama deberta]

With `--beside`, another checkout runs the same in turns: each round asks both for one pass of each kind. With one
thread the clock is the processor's own, which stands still while others have it: for a machine that is not idle.
"""

import argparse
import copy
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf

HOME = Path(__file__).parents[2]
LENGTHS = (32, 128, 512)
LIMITS = {"recorded": 1.05, "temperature": 1.05, "scale": 1.05, "window": 1.3, "cosine": 1.3}
# The second door's module by itself runs eleven dozen operations a layer.
SECOND_DOOR = 1.08


def minilm() -> hf.PreTrainedModel:
    """The size of MiniLM."""
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    return hf.BertModel(hf.BertConfig(**sizes))


def gpt2() -> hf.PreTrainedModel:
    """The size of GPT-2 small."""
    return hf.GPT2LMHeadModel(hf.GPT2Config())


def llama() -> hf.PreTrainedModel:
    """The size of SmolLM2-135M, with a third of its layers: grouped heads."""
    sizes = {"hidden_size": 576, "num_hidden_layers": 10, "num_attention_heads": 9, "num_key_value_heads": 3}
    return hf.LlamaModel(hf.LlamaConfig(**sizes, intermediate_size=1536, vocab_size=8000))


def deberta() -> hf.PreTrainedModel:
    """The size of DeBERTa-v3-small, which takes the second door."""
    sizes = {"hidden_size": 768, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 3072}
    relative = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 256}
    return hf.DebertaV2Model(hf.DebertaV2Config(**sizes, **relative, share_att_key=True, vocab_size=8000))


MODELS = {made.__name__: made for made in (minilm, gpt2, llama, deberta)}


def passes(make: Callable[[], hf.PreTrainedModel], length: int) -> dict[str, Callable[[], object]]:
    """One plain pass, one recorded, and one with each kind of edit in every head."""
    from selfattn import Ablate, Mask, Model, Scale, Similarity, Temperature
    from selfattn.maths.masks import window
    from selfattn.recording.doors import Recorder, recording

    torch.manual_seed(0)
    plain = make().eval()
    model = Model.wrap(copy.deepcopy(plain))
    ids = torch.arange(length)[None] % 1000 + 4
    uncached = {} if make in (minilm, deberta) else {"use_cache": False}

    def run(*edits: Any) -> object:
        with recording(Recorder(model.names, edits)) as recorder:
            return model.network(ids, **uncached), recorder

    heats = [Temperature(1.0 + head / 10, heads={head}) for head in range(model.network.config.num_attention_heads)]
    return {
        "plain": lambda: plain(ids, **uncached),
        "recorded": run,
        "temperature": lambda: run(Temperature(2.5)),
        "another in each head": lambda: run(*heats),
        "scale": lambda: run(Scale(0.3)),
        "window": lambda: run(Mask(window(16))),
        "cosine": lambda: run(Similarity("cosine"), Scale(8.0)),
        "mean": lambda: run(Ablate("mean")),
        "one head": lambda: run(Temperature(2.5, heads={1})),
    }


def serve(name: str, length: int) -> None:
    """Answer each line with the seconds that one pass of each kind took, as JSON."""
    hf.logging.set_verbosity_error()
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    runs = passes(MODELS[name], length)
    with torch.inference_mode():
        for _ in sys.stdin:
            times = {}
            for kind, run in runs.items():
                run()  # so that no kind pays for whoever had the processor before
                start = clock()
                run()
                times[kind] = clock() - start
            print(json.dumps(times), flush=True)


class Checkout:
    """A process that runs the passes by the code of one checkout."""

    def __init__(self, tree: Path, name: str, length: int, threads: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name, str(length)],
            env=os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": str(threads)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.rounds: list[dict[str, float]] = []

    def run(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.rounds.append(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def ratio(self, kind: str) -> tuple[float, float]:
        """To the plain pass: of the shortest times, and the median of those of each round."""
        rounds = self.rounds[1:]  # the first is a warm-up
        least = min(each[kind] for each in rounds) / min(each["plain"] for each in rounds)
        return least, statistics.median(each[kind] / each["plain"] for each in rounds)


def compare(name: str, length: int, trees: dict[str, Path], rounds: int, threads: int) -> None:
    """Print a row for each kind of pass."""
    checkouts = {label: Checkout(tree, name, length, threads) for label, tree in trees.items()}
    for _ in range(rounds + 1):
        for each in checkouts.values():
            each.run()
    here = checkouts["here"].rounds
    print(f"{name}, N = {length}: plain {min(each['plain'] for each in here[1:]) * 1e3:.1f} ms")
    for kind in here[0]:
        if kind == "plain":
            continue
        limit = SECOND_DOOR if name == "deberta" and kind == "recorded" else LIMITS.get(kind)
        cells = (f"{label} x{each.ratio(kind)[0]:.2f} ({each.ratio(kind)[1]:.2f})" for label, each in checkouts.items())
        print(f"  {kind:<22}" + "   ".join(cells) + (f"   limit {limit:.2f}" if limit else ""), flush=True)
    for each in checkouts.values():
        each.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=[*MODELS])
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS)
    parser.add_argument("--serve", nargs=2)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], int(given.serve[1]))
        return
    trees = ({"beside": given.beside.resolve()} if given.beside else {}) | {"here": HOME}
    print("The ratio of the shortest times to the plain pass (and the median of the rounds' ratios).")
    for name in given.models:
        for length in given.lengths:
            compare(name, length, trees, given.rounds, given.threads)


if __name__ == "__main__":
    main()
