"""At full size on a GPU, in one program of a few minutes: recording, edits, long texts, exactness, bits, training.

python -m tests.benchmarks.gpu [--tiny] [recording edits long exactness bits training]

Each row: what, the plain pass or the bare computation, ours, their ratio, and the limit. On a processor alone all runs
at tiny sizes, which says that it runs and nothing of speed.
"""

import argparse
import copy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from torch import Tensor
from torch.nn.functional import max_pool2d

import selfattn
from selfattn import Ablate, Mask, Model, Scale, Similarity, Temperature
from selfattn.analysis.one_head.overview import overview
from selfattn.maths.masks import window
from selfattn.recording.call import Call
from selfattn.recording.doors import Recorder, largest, recording
from selfattn.recording.edits import UNEDITED
from tests.benchmarks.edits import deberta
from tests.benchmarks.training import write
from tests.tools import exactness, tiny

# Cells a side of an overview, and queries that the bare computation holds at once.
SIDE, BARE_ROWS = 1024, 4096
# An overview that goes over this is of another computation.
SAME = 1e-5


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    gpt2: tuple[int, ...]  # tokens
    llama: tuple[int, ...]
    hidden: int  # of the Llama
    layers: int
    overviews: tuple[tuple[int, int], ...]  # (tokens, d)
    bare: int  # the most tokens for which the bare computation is run too
    trace: int
    architectures: int  # the first of so many; 0: all
    texts: int  # to train on
    rounds: int = 9


FULL = Sizes(
    (128, 1024, 4096),
    (128, 2048, 8192, 32768),
    2048,
    16,
    ((16_384, 16), (131_072, 64), (1_048_576, 64)),
    131_072,
    131_072,
    0,
    10_000,
)
TINY = Sizes((16, 64), (16, 64), 64, 2, ((512, 16), (1_024, 64)), 1_024, 256, 3, 400, rounds=1)


def llama(sizes: Sizes) -> hf.PreTrainedModel:
    """1.2 G parameters at full size: 32 heads of 64 numbers, in groups of four."""
    heads = sizes.hidden // 64 if sizes.hidden >= 2048 else 8
    config = hf.LlamaConfig(
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 4,
        intermediate_size=4 * sizes.hidden,
        vocab_size=32_000 if sizes.hidden >= 2048 else 1_000,
        max_position_embeddings=2**20,
    )
    return hf.LlamaForCausalLM(config)


class Table:
    """Rows, printed as they come."""

    def __init__(self, device: torch.device, rounds: int) -> None:
        self.device, self.rounds = device, rounds
        self.rows: list[str] = []

    def row(self, what: str, plain: str, ours: str, ratio: float | None = None, limit: float | str = "") -> None:
        self.rows.append(what)
        over = " OVER" if isinstance(limit, float) and ratio is not None and ratio > limit else ""
        quotient = "" if ratio is None else f"x{ratio:.3f}"
        print(f"{what:<58}{plain:>12}{ours:>14}{quotient:>10}   {limit}{over}", flush=True)

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def times(self, ways: dict[str, Callable[[], object]], most: int = 9) -> dict[str, float]:
        """The shortest time of each way, in turns; the first turn is a warm-up."""
        best = dict.fromkeys(ways, float("inf"))
        for turn in range(min(self.rounds, most) + 1):
            for name, way in ways.items():
                self.wait()
                start = time.perf_counter()
                way()
                self.wait()
                if turn:
                    best[name] = min(best[name], time.perf_counter() - start)
        return best

    def peak(self, way: Callable[[], object]) -> int:
        """The most bytes of the device that one run held above what was held before; what it gives is held too."""
        if self.device.type != "cuda":
            return 0
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        kept = way()
        self.wait()
        del kept
        return torch.cuda.max_memory_allocated() - before


def in_ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def passes(plain: hf.PreTrainedModel, model: Model, length: int, device: torch.device) -> dict[str, Any]:
    """A plain pass, and a function that runs one with edits."""
    ids = torch.arange(length, device=device)[None] % 900 + 4
    uncached = {} if isinstance(plain, hf.DebertaV2Model) else {"use_cache": False}
    alone = {"logits_to_keep": 1} if isinstance(plain, hf.LlamaForCausalLM) else {}

    def run(*edits: Any) -> Recorder:
        with recording(Recorder(model.names, edits)) as recorder:
            model.network(ids, **uncached, **alone)
        return recorder

    return {"plain": lambda: plain(ids, **uncached, **alone), "run": run}


@contextmanager
def wrapped(network: hf.PreTrainedModel, device: torch.device, dtype: torch.dtype) -> Iterator[tuple[Any, Model]]:
    """A plain network on the device, and a model with the same weights: the tensors are shared."""
    plain = network.to(device, dtype).eval()
    memo = {id(each): each for each in [*plain.parameters(), *plain.buffers()]}
    yield plain, Model.wrap(copy.deepcopy(plain, memo))
    del plain, memo
    if device.type == "cuda":
        torch.cuda.empty_cache()


def subjects(sizes: Sizes, device: torch.device) -> Iterator[tuple[str, Any, Model, tuple[int, ...]]]:
    """The models that are recorded and edited."""
    small = {} if sizes is FULL else {"n_embd": 64, "n_layer": 2, "n_head": 4}
    # Positions for the longest; time does not depend on the weights.
    config = hf.GPT2Config(n_positions=max(sizes.gpt2), **small)
    with wrapped(hf.GPT2LMHeadModel(config), device, torch.float32) as (plain, model):
        yield "GPT-2, float32", plain, model, sizes.gpt2
    with wrapped(llama(sizes), device, torch.bfloat16) as (plain, model):
        yield "Llama, bfloat16", plain, model, sizes.llama


def of_recording(table: Table, sizes: Sizes) -> None:
    """Recording beside the plain pass, and its memory above it in units of the queries, keys and values."""
    for name, plain, model, lengths in subjects(sizes, table.device):
        for length in lengths:
            ways = passes(plain, model, length, table.device)
            times = table.times({"plain": ways["plain"], "ours": ways["run"]}, 9 if length < 20_000 else 3)
            limit = 1.05 if length < 2048 else 1.02
            ratio = times["ours"] / times["plain"]
            table.row(f"recording, {name}, N = {length}", in_ms(times["plain"]), in_ms(times["ours"]), ratio, limit)
            recorder = ways["run"]()
            kept = sum(t.numel() * t.element_size() for c in recorder.calls for t in (c.query, c.key, c.value))
            del recorder
            held = (table.peak(ways["run"]) - table.peak(ways["plain"])) / kept
            table.row(f"  its memory above the plain pass, in Q + K + V of {kept / 1e6:.0f} MB", "", f"{held:.2f}")
    made = deberta if sizes is FULL else small_deberta
    with wrapped(made(), table.device, torch.float32) as (plain, model):
        for length in (128, 512) if sizes is FULL else (16,):
            ways = passes(plain, model, length, table.device)
            times = table.times({"plain": ways["plain"], "ours": ways["run"]})
            ratio = times["ours"] / times["plain"]
            table.row(f"second door, DeBERTa-v2, N = {length}", *map(in_ms, times.values()), ratio, 1.08)


def small_deberta() -> hf.PreTrainedModel:
    """A DeBERTa-v2 of two layers."""
    relative = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8}
    return hf.DebertaV2Model(hf.DebertaV2Config(**tiny.SMALL | {"vocab_size": 1000}, **relative))


def of_edits(table: Table, sizes: Sizes) -> None:
    """An edit in every head beside the plain pass, and in one."""
    edits: dict[str, tuple[tuple[Any, ...], float | str]] = {
        "temperature": ((Temperature(2.5),), 1.15),
        "scale": ((Scale(0.3),), 1.15),
        "window": ((Mask(window(16)),), 2.0),
        "cosine": ((Similarity("cosine"), Scale(8.0)), 1.3),
        "zeros": ((Ablate("zero"),), ""),
        "temperature in one head": ((Temperature(2.5, heads={1}),), ""),
        "zeros in one head": ((Ablate("zero", heads={1}),), ""),
        "mean in one head": ((Ablate("mean", heads={1}),), ""),
    }
    for name, plain, model, lengths in subjects(sizes, table.device):
        for length in [each for each in lengths if each <= 8192]:
            ways = passes(plain, model, length, table.device)
            runs = {label: lambda each=each, run=ways["run"]: run(*each) for label, (each, _) in edits.items()}
            times = table.times({"plain": ways["plain"]} | runs, 5)
            for label, (_, limit) in edits.items():
                what = f"{label}, {name}, N = {length}"
                table.row(what, in_ms(times["plain"]), in_ms(times[label]), times[label] / times["plain"], limit)


def bare(query: Tensor, key: Tensor, scale: float, pool: int, causal: bool) -> Tensor:
    """Nothing but blockwise products, softmax and max-pool."""
    rows, pooled = max(BARE_ROWS // pool, 1) * pool, []
    for start in range(0, len(query), rows):
        logits = query[start : start + rows] @ key.T * scale
        if causal:
            logits += torch.full_like(logits, -torch.inf).triu_(start + 1)
        pooled.append(max_pool2d(torch.softmax(logits, -1)[None], pool, ceil_mode=True)[0])
    return torch.cat(pooled)


def of_long_texts(table: Table, sizes: Sizes) -> None:
    """The overview of one head, beside the bare computation where that is not too slow; and a trace."""
    generator = torch.Generator().manual_seed(3)
    limits = {131_072: 0.05, 1_048_576: 4.0}
    for tokens, width in sizes.overviews:
        query, key = (torch.randn(1, 1, tokens, width, generator=generator).to(table.device) for _ in range(2))
        pool = -(-tokens // SIDE)
        for causal in (False, True):
            call = Call(0, "decoder", "self", "", query, key, key, None, causal, width**-0.5, 1.0, (UNEDITED,))
            ways: dict[str, Callable[[], Any]] = {"ours": lambda call=call: overview(call, 0).weights}
            compared = tokens <= sizes.bare
            if compared:
                ways["bare"] = lambda call=call, pool=pool: bare(
                    call.query[0, 0], call.key[0, 0], call.scale, pool, call.causal
                )
            times = table.times(ways, 3 if tokens < 500_000 else 1)
            what = f"overview{', causal' if causal else ''}, N = {tokens}, d = {width}"
            far = (ways["ours"]() - ways["bare"]().cpu()).abs().max().item() if compared else float("nan")
            if far > SAME:
                raise ValueError(f"{what}: differs from the bare computation by {far:.1e}.")
            known = in_ms(times["bare"]) if compared else "-"
            ratio = times["ours"] / times["bare"] if compared else None
            table.row(what, known, in_ms(times["ours"]), ratio, f"{limits[tokens]} s" if tokens in limits else "x1")
            if compared:
                table.row("  its difference from the bare computation", "", f"{far:.1e}")
    with wrapped(llama(sizes), table.device, torch.bfloat16) as (plain, model):
        ids = torch.arange(sizes.trace, device=table.device)[None] % 900 + 4
        ways = {
            "plain": lambda: plain(ids, use_cache=False),
            "ours": lambda: selfattn.trace(model, {"input_ids": ids}),
        }
        times = table.times(ways, 1)
        ratio = times["ours"] / times["plain"]
        table.row(f"trace, Llama, N = {sizes.trace}", in_ms(times["plain"]), in_ms(times["ours"]), ratio)
        table.row("  its memory above the weights", "", f"{table.peak(ways['ours']) / 1e9:.1f} GB")


def of_exactness(table: Table, sizes: Sizes) -> None:
    """Tiny networks of many architectures: is the output bit-identical, and how far are recomputed contexts?"""
    names = [*tiny.FAMILIES][: sizes.architectures or None]
    for dtype in (torch.float32, torch.bfloat16):
        changed, far = [], {}
        for name in names:
            made = exactness.through_the_door(name, dtype)
            inputs = {key: each.to(table.device) for key, each in tiny.batch(made, "right").items()}
            plain = exactness.result(exactness.run(tiny.network(name).to(table.device, dtype), inputs))
            output, recorder = exactness.record(made.to(table.device), inputs)
            if not torch.equal(plain, output):
                changed.append(name)
            most = largest(used.abs().max().item() for _, used in recorder.samples)
            far[name] = largest(recorder.differences()) / max(1.0, most)
        kind = str(dtype).removeprefix("torch.")
        same = f"{len(names) - len(changed)} of {len(names)}"
        table.row(f"exactness, {kind}, output bit-identical", "", same, None, "all" + " ".join(["", *changed]))
        worst = max(far, key=far.__getitem__)
        allowed = "1e-5" if dtype == torch.float32 else "5e-2"
        table.row(f"  contexts recomputed, the farthest: {worst}", "", f"{far[worst]:.1e}", None, allowed)


def of_bits(table: Table, sizes: Sizes) -> None:
    """Weights of few bits, where bitsandbytes and a GPU are."""
    able = find_spec("bitsandbytes") is not None and table.device.type == "cuda"
    for bits in (8, 4):
        what = f"weights of {bits} bits, Llama: recomputed contexts"
        if not able:
            table.row(what, "", "not run", None, "bitsandbytes and CUDA are needed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            llama(TINY).to(torch.bfloat16).save_pretrained(folder)
            model = selfattn.load(folder, bits=bits)
            table.row(what, "", f"{model.fidelity:.1e}", None, "5e-2")


def of_training(table: Table, sizes: Sizes) -> None:
    """The command that trains, on the processor and on the best device."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "hard.csv"
        write(data, sizes.texts)
        command = [sys.executable, "-m", "selfattn.cli.main", "train", str(data)]
        if "--device" not in subprocess.run([*command[:4], "--help"], capture_output=True, text=True).stdout:
            table.row("training", "", "not run", None, "the command knows no --device")
            return
        times = []
        for device in ("cpu", "auto"):
            begun = time.perf_counter()
            out = ["--device", device, "--out", str(Path(folder) / device)]
            subprocess.run([*command, *out], check=True, capture_output=True)
            times.append(time.perf_counter() - begun)
        table.row(f"training, {sizes.texts} texts", *(f"{each:.1f} s" for each in times), times[1] / times[0])


SECTIONS = {
    "recording": of_recording,
    "edits": of_edits,
    "long": of_long_texts,
    "exactness": of_exactness,
    "bits": of_bits,
    "training": of_training,
}


def main(arguments: list[str] | None = None) -> list[str]:
    """Print the table; what each of its rows is of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", default=[*SECTIONS])
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args(arguments)
    hf.logging.set_verbosity_error()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = TINY if given.tiny or device.type == "cpu" else FULL
    table = Table(device, sizes.rounds)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "a processor, at tiny sizes"
    print(f"{name}; torch {torch.__version__}, transformers {hf.__version__}")
    print(f"{'what':<58}{'plain':>12}{'ours':>14}{'ratio':>10}   limit")
    begun = time.perf_counter()
    with torch.inference_mode():
        for section in given.sections:
            SECTIONS[section](table, sizes)
    print(f"{time.perf_counter() - begun:.0f} s.")
    return table.rows


if __name__ == "__main__":
    main()
