"""No positional encoding: shuffle the words, and the output is shuffled with them and otherwise the same."""

import copy
import inspect
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from selfattn.analysis.mistakes.subject import MOST, Matrix, Mistake, Number, Subject, picture
from selfattn.models.answers.changes import change
from selfattn.models.encoder import SelfAttentionConfig
from selfattn.models.model import Model
from selfattn.tracing.trace import Trace, trace

# What rounding may leave between two orders of the same sum, as a share of a vector's length.
ROUNDING = 1e-3


def shuffled(subject: Subject, generator: torch.Generator) -> Mistake:
    """The text and its words shuffled, each run with positions (right) and without (wrong); special tokens stay.

    The app's own encoder is built again with the same weights and `positions="none"`; any other model is told that
    all tokens stand at place 0. Raises ValueError for a model that can be run in neither way, that hides the future
    (its mask alone tells the order), or that is still told the order in another way.
    """
    _check(subject)
    seen = subject.trace
    order = _order(seen, generator)
    blind, places = _blind(seen.model, len(order))
    in_order, without = dict(seen.inputs), dict(seen.inputs) | places
    wrong = _pair(subject, blind, without, order)
    right = _pair(subject, seen.model, in_order, order)
    moved = [_distances(pair, subject, order) for pair in (wrong, right)]
    if moved[0].max() > ROUNDING:
        raise ValueError(
            f"{seen.model.name} tells the order in yet another way: with every token at one place, the shuffled output "
            f"still differs by {moved[0].max():.3f} of its length."
        )
    sentence = (
        f"Shuffled, each word gets the very output it had before: at most {moved[0].max():.0e} of its length apart, "
        f"which is rounding. With positions the outputs move by {moved[1].mean():.3f} of their length."
    )
    numbers = [
        Number("mean distance of the outputs", moved[0].mean().item(), moved[1].mean().item()),
        Number("largest distance", moved[0].max().item(), moved[1].max().item()),
    ]
    answers = _answer(wrong), _answer(right)
    if answers[0] is not None and answers[1] is not None:
        numbers.append(Number("change of the answer (0 to 1)", answers[0], answers[1]))
    wrong_picture, right_picture = (
        _picture(subject, pair[1], order, each) for pair, each in zip((wrong, right), moved, strict=True)
    )
    return Mistake(wrong_picture, right_picture, tuple(numbers), sentence)


def _check(subject: Subject) -> None:
    call, seen = subject.call, subject.trace
    if not len(seen.tokens) or call.kind == "cross" or seen.model.network.config.is_encoder_decoder:
        raise ValueError("Words are shuffled here, in the one text of an encoder: choose a model that reads a text.")
    if not subject.right.keep[0, -1]:
        raise ValueError(
            "This model hides the future, and that mask alone tells the order, even with no positional encoding: "
            "choose a model that reads both ways, such as sentiment."
        )
    if not subject.whole:
        raise ValueError(f"Up to {MOST} tokens are shuffled here; this text has {call.shape[0]}. Shorten it.")


def _order(seen: Trace, generator: torch.Generator) -> Int[Tensor, " token"]:
    """The words' places shuffled; tokens that stand for no text stay where they are."""
    order = torch.arange(len(seen.tokens))
    words = torch.tensor([place for place, segment in enumerate(seen.tokens.segments) if segment is not None])
    order[words] = words[torch.randperm(len(words), generator=generator)]
    return order


def _blind(model: Model, length: int) -> tuple[Model, dict[str, Tensor]]:
    """The same model with no positions, and what it has to be given for that."""
    config = model.network.config
    if isinstance(config, SelfAttentionConfig):
        if config.positions == "none":
            raise ValueError(f"{model.name} has no positional encoding: it makes this mistake already.")
        config = copy.deepcopy(config)
        config.positions = "none"
        twin = type(model.network)(config)
        twin.load_state_dict(model.network.state_dict(), strict=False)  # learned positions are left out
        return Model.wrap(twin, model.tokenizer, model.name), {}
    if "position_ids" not in inspect.signature(model.network.forward).parameters:
        raise ValueError(f"{model.name} cannot be run without its positions; choose a model such as sentiment or BERT.")
    return model, {"position_ids": torch.zeros(1, length, dtype=torch.long)}


def _pair(subject: Subject, model: Model, inputs: dict[str, Any], order: Tensor) -> tuple[Trace, Trace]:
    """The runs on the text, and on its words in the other order."""
    length = len(order)
    other = {
        name: tensor[:, order.to(tensor.device)] if tensor.shape[:2] == (1, length) else tensor
        for name, tensor in inputs.items()
    }
    return trace(model, inputs), trace(model, other)


def _distances(pair: tuple[Trace, Trace], subject: Subject, order: Tensor) -> Float[Tensor, " token"]:
    """How far each shuffled word's output of the head is from the one that it had, as a share of its length."""
    before, after = (_at(subject, each).right.context.cpu() for each in pair)
    before = before[order]
    return (after - before).norm(dim=-1) / before.norm(dim=-1)


def _at(subject: Subject, seen: Trace) -> Subject:
    call = subject.call
    return Subject(seen, seen.call(call.layer, call.part, call.kind), subject.head)


def _answer(pair: tuple[Trace, Trace]) -> float | None:
    """How far the answer moved with the order; None for a model that does not give one answer to a whole text."""
    before, after = (each.prediction for each in pair)
    if before is None or after is None or before.kind != "class":
        return None
    return change(before, after).distance


def _picture(subject: Subject, seen: Trace, order: Tensor, moved: Tensor) -> Matrix:
    drawn = picture(subject, _at(subject, seen).right.weights)
    names = tuple(subject.names[0][place] for place in order.tolist())
    return replace(
        drawn, shape=f"{drawn.shape}, words shuffled", rows=names, columns=names, beside=moved, named="output moved"
    )
