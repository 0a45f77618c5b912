"""A text with a picture: by the model's own processor to the tensors that it takes, and to tokens with their places."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from selfattn.models.inputs import laying, pictures
from selfattn.models.inputs.given import Illustrated
from selfattn.models.inputs.laying import Laid
from selfattn.models.inputs.tokens import Tokens, encode, extended, joined, of_ids


def read(
    network: Any, processor: Any, given: Illustrated, written: Sequence[int] = ()
) -> tuple[Tokens, dict[str, Tensor]]:
    """The tokens of the text, those that stand for the picture among them, and the tensors for one forward pass.

    The text is said by the user in the processor's chat template, where that has a place for a picture, unless it holds
    the mark for one already; else a processor that looks for the mark finds it before the text.
    Raises ValueError where the processor does not take them.
    """
    if not given.text.strip():
        raise ValueError("The text is empty; type at least one word.")
    image = pictures.opened(given.picture)
    prompt, tensors = _processed(network, processor, given.text, image)
    tokens = _tokens(processor.tokenizer, prompt, tensors["input_ids"][0])
    tokens = _named(tokens, laying.image_token(network), laying.in_text(network, tensors, tokens.pieces))
    if written:
        ids = torch.tensor([list(written)])
        text = {name: tensor for name, tensor in tensors.items() if tensor.shape == tensors["input_ids"].shape}
        tensors |= extended(text, ids, attended=1)
        tokens = joined(tokens, of_ids(ids[0], processor.tokenizer))
    return tokens, tensors


def _processed(network: Any, processor: Any, text: str, image: Image.Image) -> tuple[str, dict[str, Tensor]]:
    """What the text was made into before it was cut into tokens, and the tensors."""
    mark = getattr(processor, "image_token", None)
    if not mark or mark in text:
        return text, _run(processor, text, image)
    if (prompt := _in_template(processor, text)) is not None and mark in prompt:
        begins = getattr(processor.tokenizer, "bos_token", None)
        own = {"add_special_tokens": False} if begins and prompt.startswith(begins) else {}
        return prompt, _run(processor, prompt, image, **own)
    try:  # some put the mark there themselves
        tensors = _run(processor, text, image)
        if laying.image_token(network) in tensors["input_ids"][0].tolist():
            return text, tensors
    except ValueError:
        pass
    return f"{mark}{text}", _run(processor, f"{mark}{text}", image)


def _in_template(processor: Any, text: str) -> str | None:
    """The text as a user says it with a picture; None without a template, or with one that takes no picture."""
    said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}]
    if not getattr(processor, "chat_template", None):
        return None
    try:
        return str(processor.apply_chat_template(said, tokenize=False, add_generation_prompt=True))
    except Exception:  # a template is written by whoever made the model; the mark alone is the way without
        return None


def _run(processor: Any, text: str, image: Image.Image, **own: Any) -> dict[str, Tensor]:
    try:
        made = processor(text=text, images=image, return_tensors="pt", **own)
    except Exception as error:  # whatever a processor of a damaged or foreign folder raises
        kind, why = type(processor).__name__, f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ValueError(f"The {kind} of this model could not read the text with its picture ({why}).") from error
    # Labels are for training, where the model says how wrong it is.
    return {name: value for name, value in made.items() if isinstance(value, Tensor) and name != "labels"}


def _tokens(tokenizer: Any, prompt: str, ids: Tensor) -> Tokens:
    """The tokens of these ids, with the places in the prompt of those that its own tokens are: the rest are spelt."""
    own, made = encode(tokenizer, prompt)[0], of_ids(ids, tokenizer)
    places: dict[int, int] = {}
    for block in SequenceMatcher(None, own.ids, made.ids, autojunk=False).get_matching_blocks():
        places |= {block.b + step: block.a + step for step in range(block.size)}

    def taken(name: str) -> tuple[Any, ...]:
        there, plain = getattr(own, name), getattr(made, name)
        return tuple(there[places[at]] if at in places else plain[at] for at in range(len(made)))

    text, offsets, words, segments = map(taken, ("text", "offsets", "words", "segments"))
    return replace(made, text=text, offsets=offsets, words=words, segments=segments, texts=own.texts)


def _named(tokens: Tokens, mark: int | None, laid: Laid | None) -> Tokens:
    """The same with the names of the image tokens, short and at length."""
    places, views = (laid.places(), len(laid.views)) if laid else ({}, 0)
    text, long = list(tokens.text), [""] * len(tokens)
    for position, index in enumerate(tokens.ids):
        if index != mark:
            continue
        long[position] = "image token"
        if position in places:
            view, row, column = places[position]
            crop = f" of crop {view + 1} of {views}" if views > 1 else ""
            text[position] = f"{view + 1}:{row},{column}" if views > 1 else f"{row},{column}"
            long[position] = f"image patch row {row}, column {column}{crop}"
    return replace(tokens, text=tuple(text), patches=tuple(long) if any(long) else ())
