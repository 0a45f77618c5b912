"""What do rankings cost? Each head silenced, or patched, one by one and together, interleaved in one run.

python -m tests.benchmarks.variants [--beside CHECKOUT] [--rounds 3] [--step 5] [--only silencing]

With `--beside`, another checkout runs one by one as well, in a process of its own, in turns with this one. Of a model
of many layers every fifth is measured, with all its heads: together a layer is a batch of its own.
"""

import argparse
import json
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


def one_by_one(places: list[Any], one: Callable[[Any], Any]) -> tuple[float, dict[Any, Any]]:
    begun = time.perf_counter()
    found = {place: one(place) for place in places}
    return time.perf_counter() - begun, found


class Beside:
    """Another checkout that runs one by one when it is told."""

    def __init__(self, tree: Path, case: str, step: int) -> None:
        command = [sys.executable, str(Path(__file__)), "--serve", case, "--step", str(step)]
        env = os.environ | {"PYTHONPATH": str(tree)}
        self.process = subprocess.Popen(command, cwd=tree, env=env, text=True, stdin=-1, stdout=-1, stderr=-3)
        self.line()

    def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def seconds(self) -> float:
        assert self.process.stdin is not None
        print("go", file=self.process.stdin, flush=True)
        return float(self.line())


def serve(case: str, step: int) -> None:
    places, one, _ = dict(cases(step))[case]()
    one(places[0])
    print(0.0, flush=True)
    for _ in sys.stdin:
        print(one_by_one(places, one)[0], flush=True)


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
    print(f"{torch.get_num_threads()} threads; seconds, the median of {given.rounds} rounds")
    print(f"{'':34}{'versions':>9}{'beside':>9}{'alone':>9}{'together':>9}{'ratio':>8}{'largest difference':>20}")
    for name, make in cases(given.step):
        if given.only not in name:
            continue
        places, one, every = make()
        beside = Beside(given.beside, name, given.step) if given.beside else None
        rows, differences = [], []
        for _ in range(given.rounds):
            before = beside.seconds() if beside else float("nan")
            alone, wanted = one_by_one(places, one)
            begun = time.perf_counter()
            found = every(places)
            rows.append((before, alone, time.perf_counter() - begun))
            differences += [abs(a - b) for place in places for a, b in zip(found[place], wanted[place], strict=True)]
        if beside:
            beside.process.kill()
        before, alone, together = (median(column) for column in zip(*rows, strict=True))
        first = [row[0] if beside else row[1] for row in rows]
        ratio = median(each / row[2] for each, row in zip(first, rows, strict=True))
        print(
            f"{name:34}{len(places):9}{before:9.2f}{alone:9.2f}{together:9.2f}{ratio:8.2f}{max(differences):20.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
