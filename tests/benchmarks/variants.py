"""What do rankings cost? Each head silenced, or patched, one by one and together, interleaved in one run.

python -m tests.benchmarks.variants [--beside CHECKOUT] [--rounds 3] [--step 5] [--only silencing]

With `--beside`, another checkout runs one by one as well, in a process of its own, in turns with this one. Of a model
of many layers every fifth is measured, with all its heads: together a layer is a batch of its own. Seconds are those of
a clock and, behind the stroke, of the processor: on a machine that others use these are the steadier.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch
import transformers as hf

import selfattn
from selfattn.analysis.interventions import effects, patching

Case = tuple[list[Any], Callable[[Any], Any], Callable[[list[Any]], dict[Any, Any]]]  # what, one of it, all of it

TEXTS = [
    f"When Mary and John went to the store, John gave a drink to {name}. Then Anna and Peter had a long argument, and "
    "afterwards Peter said to Anna that the book which she had lent to him was still lying on the table in the "
    "kitchen, where he had left it on Monday, and then he gave it to"
    for name in ("Mary", "Paul")
]


def text_of(model: selfattn.Model, text: str, tokens: int = 64) -> dict[str, torch.Tensor]:
    """The first tokens of a text."""
    return {name: each[:, :tokens] for name, each in model.inputs(text * 2)[1].items()}


def gpt2() -> selfattn.Model:
    """A network of GPT-2's size, with weights of nobody, that writes like SmolLM2's tokens."""
    torch.manual_seed(0)
    return selfattn.Model.wrap(hf.GPT2LMHeadModel(hf.GPT2Config(initializer_range=0.08)).eval(), name="gpt2-size")


def silencing(model: selfattn.Model, inputs: dict[str, torch.Tensor], step: int) -> Case:
    measure = effects.on_text(lambda edits: selfattn.trace(model, inputs, edits))
    return _silencing(measure, model.attention(), step)


def _silencing(measure: effects.Measure, attention: Any, step: int) -> Case:
    places = [place for place in effects.places(attention) if place[0] % step == step // 2]
    others = [place for place in effects.places(attention) if place not in places]

    def one(place: Any) -> list[float]:
        found = measure.effect(effects.silence([place], attention))
        return [found.after, found.moved]

    def every(_: list[Any]) -> dict[Any, Any]:
        found = effects.silencing(measure, attention, done=others)
        return {place: [each.after, each.moved] for place, each in found}

    return places, one, every


def patched(model: selfattn.Model, inputs: list[dict[str, torch.Tensor]], step: int) -> Case:
    clean, corrupt = (selfattn.trace(model, each) for each in inputs)
    attention = model.attention()
    names = [clean.prediction.top(2)[n][0] for n in range(2)] if clean.prediction else []
    recovery = patching.Recovery.of(clean, corrupt, "logit difference", names)

    def run(contexts: Any) -> selfattn.Trace:
        return selfattn.trace(model, inputs[1], contexts=contexts)

    all_places = [(layer, head) for layer in attention.numbers for head in [*range(attention.heads), None]]
    places = [place for place in all_places if place[0] % step == step // 2 and place[1] is not None]
    others = [place for place in all_places if place not in places]

    def one(place: Any) -> list[float]:
        return [recovery.share(run(patching.contexts(clean, attention, [place])))]

    def every(_: list[Any]) -> dict[Any, Any]:
        return {place: [share] for place, share in patching.patching(recovery, attention, clean, run, others)}

    return places, one, every


def cases(step: int) -> Iterator[tuple[str, Callable[[], Case]]]:
    """What is measured, by name; a model is loaded when its first case is made."""
    loaded: list[selfattn.Model] = []

    def smollm2() -> selfattn.Model:
        loaded[:] = loaded or [selfattn.load("smollm2")]
        return loaded[0]

    def generator() -> torch.Generator:
        return torch.Generator().manual_seed(effects.SEED)

    yield "silencing, SmolLM2, 64 tokens", lambda: silencing(smollm2(), text_of(smollm2(), TEXTS[0]), step)
    yield "patching, SmolLM2, 64 tokens", lambda: patched(smollm2(), [text_of(smollm2(), t) for t in TEXTS], step)
    yield (
        "silencing, SmolLM2, repeats",
        lambda: _silencing(effects.on_repeats(smollm2(), generator()), smollm2().attention(), step),
    )

    def of_gpt2() -> Case:
        ids = torch.randint(50257, (1, 64), generator=generator())
        return silencing(gpt2(), {"input_ids": ids}, max(1, step // 2))

    yield "silencing, GPT-2 size, 64 tokens", of_gpt2


Seconds = tuple[float, float]


def timed(act: Callable[[], Any]) -> tuple[Seconds, Any]:
    """Seconds of the clock and of the processor, and what is found."""
    begun = time.perf_counter(), time.process_time()
    found = act()
    return (time.perf_counter() - begun[0], time.process_time() - begun[1]), found


def one_by_one(places: list[Any], one: Callable[[Any], Any]) -> tuple[Seconds, dict[Any, Any]]:
    return timed(lambda: {place: one(place) for place in places})


class Beside:
    """Another checkout that runs one by one when it is told."""

    def __init__(self, tree: Path, case: str, step: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), "--serve", case, "--step", str(step)],
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._line()

    def _line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def seconds(self) -> Seconds:
        assert self.process.stdin is not None
        print("go", file=self.process.stdin, flush=True)
        wall, processor = self._line()
        return wall, processor


def serve(case: str, step: int) -> None:
    places, one, _ = dict(cases(step))[case]()
    one(places[0])
    print("[0, 0]", flush=True)
    for _ in sys.stdin:
        print(json.dumps(one_by_one(places, one)[0]), flush=True)


def measure(name: str, case: Case, beside: Beside | None, rounds: int) -> str:
    """A line of the table."""
    places, one, every = case
    rows: list[tuple[Seconds, Seconds, Seconds]] = []
    differences: list[float] = []
    for _ in range(rounds):
        before = beside.seconds() if beside else (math.nan, math.nan)
        alone, wanted = one_by_one(places, one)
        together, found = timed(lambda: every(places))
        rows.append((before, alone, together))
        differences += [abs(a - b) for place in places for a, b in zip(found[place], wanted[place], strict=True)]
    columns = [" / ".join(f"{median(row[at][n] for row in rows):.2f}" for n in range(2)) for at in range(3)]
    first = 0 if beside else 1
    ratio = " / ".join(f"{median(row[first][n] / row[2][n] for row in rows):.1f}" for n in range(2))
    return (
        f"{name:34}{len(places):9}"
        + "".join(f"{each:>16}" for each in columns)
        + f"{ratio:>12}{max(differences):11.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.step)
        return
    print(
        f"{torch.get_num_threads()} threads; seconds by the clock / of the processor, medians of {given.rounds} rounds"
    )
    heads = "".join(f"{each:>16}" for each in ("beside", "one by one", "together"))
    print(f"{'':34}{'versions':>9}{heads}{'ratio':>12}{'difference':>11}", flush=True)
    for name, make in cases(given.step):
        if given.only in name:
            beside = Beside(given.beside, name, given.step) if given.beside else None
            print(measure(name, make(), beside, given.rounds), flush=True)
            if beside:
                beside.process.kill()


if __name__ == "__main__":
    main()
