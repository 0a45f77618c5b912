"""Every model type of the installed Transformers: does it open as what it was saved, exactly, with true labels?

python -m tests.benchmarks.architectures --all [--results FILE] [--jobs N] [--table] [type ...]

Each type is made tiny and random, saved, loaded in a process of its own with limits of time and memory, traced, and
compared with every softmax of a fresh network. What was found is kept in a file, so that a run that broke off goes
on; the table goes to docs/reach.md.
"""

import argparse
import json
import multiprocessing
import re
import resource
import sys
import tempfile
import textwrap
import time
import traceback
import warnings
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import selfattn
from selfattn.models.inputs.given import uncached
from selfattn.models.probe import probes
from selfattn.recording.call import Call
from selfattn.recording.modules import attends
from selfattn.recording.refused import refusal
from selfattn.tracing.audit import audited
from tests.tools import shrunk

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reach.md"
VERSIONS = f"Transformers {hf.__version__} with PyTorch {torch.__version__.partition('+')[0]}"
UNBROKEN: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
SECONDS, BYTES = 120, 24 << 30
EXACT = 1e-5
KINDS = {
    "exact": "exact, and opened with the class it was saved from",
    "base": "exact, but opened without its head",
    "label": "exact, but a label is wrong",
    "inexact": "weights differ from the model's own",
    "traceback": "an error that is no sentence",
    "refused": "refused, for a reason that is true of it",
    "gate": "refused, though Transformers runs it",
    "untested": "opened, and not tested before its first input: none is known here that Transformers runs it on",
    "inputs": "refused, and no inputs are known that Transformers runs it on",
    "late": "not known: it took longer than it was given",
    "package": "not tried: it needs a package that is not installed here",
    "unmade": "not tried: Transformers makes no tiny one of its config",
}
# What only this package does not see: the reasons that hold for a model as such.
TRUE = (
    "cannot be recorded exactly",
    "from its recomputation",
    "has no attention",
    "no forward pass of its own",
    "by a session that it is given",
    "reads ",
    "requires the",
    "is not installed",
)
CROSS = re.compile(r"cross|encoder_?attn|enc_?dec", re.I)


class Softmaxes(TorchDispatchMode):
    """What every softmax and every fused attention of a forward pass gave, as (..., query, key)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Tensor] = []

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        output = function(*arguments, **(keywords or {}))
        name = function.overloadpacket.__name__
        if name in ("_softmax", "_safe_softmax") and output.dim() >= 2:
            self.found.append(output.detach().float())
        elif name == "_scaled_dot_product_flash_attention_for_cpu":
            self.found.append(_fused(*arguments, **(keywords or {})))
        return output


def _fused(
    query: Tensor, key: Tensor, value: Tensor, dropout: float = 0, is_causal: bool = False, **rest: Any
) -> Tensor:
    scale, mask = rest.get("scale") or query.shape[-1] ** -0.5, rest.get("attn_mask")
    key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    scores = query.float() @ key.float().transpose(-1, -2) * scale
    if is_causal:
        scores = scores.masked_fill(~torch.ones_like(scores, dtype=torch.bool).tril(), float("-inf"))
    elif mask is not None:
        hidden = mask.dtype == torch.bool
        scores = scores.masked_fill(~mask, float("-inf")) if hidden else scores + mask.float()
    return scores.softmax(-1)


def nearest(call: Call, found: list[Tensor]) -> float:
    """The least largest difference of a call's weights, every head of them, from one of the softmaxes.

    Rows that may attend to nothing are left out: models differ in what they put there. Where a sink takes a share, it
    is one column more of a softmax, or a factor after it.
    """
    weights, batch, best = call.weights(), call.query.shape[0], float("inf")
    rows = call.keep_of_heads().any(-1)
    shares = weights / weights.sum(-1, keepdim=True).clamp(min=1e-30)
    for each in found:
        # Some keep windows after the heads.
        for turned in (each, each.transpose(1, 2)) if each.dim() == 5 else (each,):
            for part in (turned, turned[..., :-1], turned[..., 1:]):
                if part.shape[-2:] == weights.shape[-2:] and part.numel() == batch * weights.numel():
                    own = part.reshape(batch, *weights.shape)[0]
                    for ours in (weights, shares) if call.sink is not None else (weights,):
                        far = (own - ours).abs().nan_to_num(0.0).amax(-1).where(rows, torch.tensor(0.0))
                        best = min(best, far.max().item())
    return best


def wrong_labels(trace: selfattn.Trace) -> list[str]:
    """Labels that the paths of the modules and the masks contradict."""
    found, places = [], {}
    for call in trace.calls:
        numbers = re.findall(r"(?:^|\.)(\d+)(?=\.|$)", call.name)
        if len(numbers) == 1 and call.layer != int(numbers[0]):
            found.append(f"{call.name} is called layer {call.layer}")
        crosses = bool(CROSS.search(call.name.rsplit(".", 1)[-1]))
        if crosses and call.kind != "cross":
            found.append(f"{call.name} is called self-attention")
        other = places.setdefault((call.part, call.kind, call.layer), call.name)
        if other != call.name:
            found.append(f"{call.name} and {other} are one layer")
    found += [f"{each.title} sees the future" for each in audited(trace) if each.future_hidden is False]
    return found


def measured(model_type: str) -> dict[str, Any]:
    """What happens with one model type: with the first network of it that opens, else with the first that runs."""
    first, idle, why = None, None, []
    for each in shrunk.networks(model_type):
        if isinstance(each, str):
            why.append(each)
        elif refusal(each):  # whatever its numbers are
            return _opened(each)
        elif any(attends(type(module)) for module in each.modules()) and _runs(each):
            found = _opened(each)
            if found["kind"] not in ("gate", "inputs", "unmade"):  # numbers that were cut may not fit each other
                return found
            first = first or found
        else:  # of a hybrid, too few layers may have been left
            idle = idle or each
    if first is None and idle is not None:
        first = _opened(idle)
    if first is not None:
        return first
    if lacking := dict.fromkeys(found for each in why for found in re.findall(r"requires the (\S+) library", each)):
        return {"kind": "package", "why": f"it needs {' and '.join(lacking)}"}
    return {"kind": "unmade", "why": f"its config, cut down, makes no network ({'; '.join(dict.fromkeys(why))})"}


def _opened(made: hf.PreTrainedModel) -> dict[str, Any]:
    """What happens with one network."""
    name = type(made).__name__
    with tempfile.TemporaryDirectory() as folder:
        try:
            made.save_pretrained(folder)
        except Exception as error:  # a config or a table of tied weights that its own class cannot write
            return {"class": name, "kind": "unmade", "why": f"it cannot be saved: {error}".splitlines()[0][:200]}
        try:
            model = selfattn.load(folder)
            if not model.tested:
                why = f"{model.why_untested}; its first input is its test"
                return {"class": name, "kind": "gate" if _runs(made) else "untested", "why": why}
            torch.manual_seed(0)  # some choose patches at random
            trace = selfattn.trace(model, model.probe)
            return {"class": name} | _compared(trace, folder, name)
        except ValueError as error:
            why = str(error).replace(folder, "it").replace(Path(folder).name, "it")
            if any(reason in why for reason in TRUE):
                return {"class": name, "kind": "refused", "why": why}
            if not _loads(made, folder):
                return {"class": name, "kind": "unmade", "why": f"Transformers does not load what it saved ({why})"}
            return {"class": name, "kind": "gate" if _runs(made) else "inputs", "why": why}
        except Exception as error:  # what is looked for
            at = traceback.extract_tb(error.__traceback__)[-1]
            why = f"{type(error).__name__}: {error}".splitlines()[0][:160]
            return {"class": name, "kind": "traceback", "why": f"{why} ({Path(at.filename).name}:{at.lineno})"}


def _compared(trace: selfattn.Trace, folder: str, name: str) -> dict[str, Any]:
    kind = type(trace.model.network)
    softmaxes = Softmaxes()
    # Without a mask some mean another thing by "eager" than by their default.
    for how in ({}, {"attn_implementation": "eager"}):
        fresh = kind.from_pretrained(folder, **how).eval()
        torch.manual_seed(0)
        try:
            with torch.no_grad(), softmaxes:  # in inference mode operations are not taken apart
                fresh(**trace.inputs, **uncached(fresh))
        except RuntimeError:  # the eager functions of some know no heads that share keys
            if not how:
                raise
    worst = max(nearest(call, softmaxes.found) for call in trace.calls)
    if not worst <= EXACT:
        return {"kind": "inexact", "why": f"{worst:.1e}"}
    if wrong := wrong_labels(trace):
        return {"kind": "label", "why": "; ".join(wrong[:3])}
    return {"kind": "exact" if kind.__name__ == name else "base", "why": f"{worst:.0e}, {len(trace.calls)} calls"}


def _runs(made: hf.PreTrainedModel) -> bool:
    """Does Transformers run it on what we would give it?"""
    for inputs in probes(made):
        try:
            with torch.inference_mode():
                made(**inputs, **uncached(made))
        except Exception:  # it reads something else
            continue
        return True
    return False


def _loads(made: hf.PreTrainedModel, folder: str) -> bool:
    """Does Transformers load all of what it saved?"""
    try:
        return not type(made).from_pretrained(folder, output_loading_info=True)[1]["missing_keys"]
    except Exception:
        return False


def _limited(model_type: str, answer: Any) -> None:
    """In a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    torch.set_num_threads(1)
    hf.logging.set_verbosity_error()
    hf.logging.disable_progress_bar()
    warnings.filterwarnings("ignore")
    answer.send(measured(model_type))


def one(model_type: str) -> dict[str, Any]:
    """What happens with one model type, whatever it does to its process."""
    context, start = multiprocessing.get_context("forkserver"), time.monotonic()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_limited, args=(model_type, theirs), daemon=True)
    process.start()
    theirs.close()
    found: dict[str, Any] = {"kind": "late", "why": f"no answer within {SECONDS} s"}
    try:
        if ours.poll(SECONDS):
            found = ours.recv()
    except EOFError:
        found = {"kind": "traceback", "why": "its process died"}
    process.join(1)
    process.kill()
    process.join()
    return {"type": model_type, "versions": VERSIONS, "seconds": round(time.monotonic() - start, 1)} | found


def known(results: Path) -> dict[str, dict[str, Any]]:
    """What a file of results holds, by type."""
    rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    return {row["type"]: row for row in rows}


def run(types: list[str], results: Path, jobs: int) -> Iterator[dict[str, Any]]:
    """What was found before, and what is found now, each as it comes: a file of results holds it at once."""
    before = known(results)
    yield from (before[name] for name in types if name in before)
    multiprocessing.get_context("forkserver").set_forkserver_preload([__name__])
    with ThreadPoolExecutor(jobs) as pool, results.open("a") as file:
        for done in as_completed([pool.submit(one, name) for name in types if name not in before]):
            file.write(json.dumps(done.result()) + "\n")
            file.flush()
            yield done.result()


def table(rows: list[dict[str, Any]]) -> str:
    """The counts, and the types of each kind with what was said of them."""
    kinds = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["type"]):
        kinds[row["kind"]].append(row)
    versions = " and of ".join(sorted({row["versions"] for row in rows}))
    lines = [
        "# Reach",
        "",
        f"Every model type of {versions} that has a network, made tiny and random: {len(rows)}.",
        "Written by `python -m tests.benchmarks.architectures --all`.",
        "",
        "| | types |",
        "|---|---|",
        *(f"| {said} | {len(kinds[kind])} |" for kind, said in KINDS.items()),
        "",
    ]
    for kind, said in KINDS.items():
        if not kinds[kind]:
            continue
        lines += [f"## {said[0].upper()}{said[1:]}", ""]
        if kind == "exact":
            lines += [*textwrap.wrap(", ".join(row["type"] for row in kinds[kind]) + ".", 120, **UNBROKEN), ""]
            continue
        lines += [f"- `{row['type']}` ({row.get('class') or 'no class'}): {row['why']}" for row in kinds[kind]] + [""]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("types", nargs="*")
    parser.add_argument("--results", type=Path, default=Path("build/reach.jsonl"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="write docs/reach.md of the results as they are")
    asked = parser.parse_args(arguments)
    asked.results.parent.mkdir(parents=True, exist_ok=True)
    rows = [*known(asked.results).values()] if asked.table else []
    for row in [] if asked.table else run(asked.types or shrunk.model_types(), asked.results, asked.jobs):
        print(f"{row['kind']:<10}{row['type']:<28}{row['seconds']:>6.1f} s  {row['why'][:140]}", flush=True)
        rows.append(row)
    for kind, said in KINDS.items():
        print(f"{sum(row['kind'] == kind for row in rows):>5}  {said}")
    if asked.table or not asked.types:
        DOCS.write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
