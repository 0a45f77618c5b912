"""What a run leaves: the best network as a Hugging Face folder, with its tokenizer and a card."""

from safetensors.torch import save
from transformers import PreTrainedModel

from selfattn.training.run.progress import Evaluation
from selfattn.training.run.run import Run
from selfattn.training.writing import atomically

_CARD = """\
---
library_name: transformers
tags: [selfattn]
---
# {name}

{what}, trained by selfattn on {data}: {layers} layers of {heads} heads, d_model {d_model}, {parameters:,} parameters.

## Data

{rows:,} texts, {tokens:,} tokens; {held_out:,} texts were held out and never trained on.{labels}
{notes}
## Held-out quality

| | |
|---|---|
{quality}

Of {steps:,} steps this is step {step:,}, the best by its {best_by}. As it was chosen by them, the numbers are a
little better than they would be on other texts of the same kind.

## Settings

| | |
|---|---|
{settings}

## Limits

- It has seen these texts alone; of other kinds of text, and of other labels, it knows nothing.
- Its probabilities are those of a small network that was not calibrated.
- It reads the first {longest} tokens of a text.
- Attention shows where a head read from, not what caused the prediction.

    import selfattn
    model = selfattn.load("this folder")
"""


def keep(run: Run, network: PreTrainedModel, measured: Evaluation, steps: int) -> None:
    """Write the network as the run's model, each file whole or not at all, the weights last."""
    run.model.mkdir(exist_ok=True)
    if not (run.model / "config.json").exists():
        for file in (run.folder / "tokenizer").iterdir():
            atomically(run.model / file.name, file.read_bytes())
        network.config.architectures = [type(network).__name__]
        atomically(run.model / "config.json", network.config.to_json_string().encode())
    atomically(run.model / "README.md", card(run, network, measured, steps).encode())
    tied = getattr(network, "_tied_weights_keys", None) or {}
    if not network.config.tie_word_embeddings:
        tied = {}
    weights = {name: tensor for name, tensor in network.state_dict().items() if name not in tied}
    atomically(run.model / "model.safetensors", save(weights, {"format": "pt"}))


def card(run: Run, network: PreTrainedModel, measured: Evaluation, steps: int) -> str:
    """The README: data, settings, held-out quality, limits."""
    about, settings = run.about, run.settings
    numbers = {"loss": measured.held_out_loss, "accuracy": measured.accuracy, "macro F1": measured.f1}
    labels = ", ".join(f"`{name}`" for name in about["labels"][:20])
    return _CARD.format(
        name=run.title,
        what="A causal language model" if settings.task == "next token" else "A text classifier",
        data=about["name"],
        layers=settings.layers,
        heads=settings.heads,
        d_model=settings.d_model,
        parameters=network.num_parameters(),
        rows=about["rows"],
        tokens=about["tokens"],
        held_out=about["held_out"],
        labels=f" Labels: {labels}{' and others' if len(about['labels']) > 20 else ''}." if labels else "",
        notes="".join(f"- {note}\n" for note in about["notes"]),
        quality="\n".join(f"| {name} | {value:.4f} |" for name, value in numbers.items() if value is not None),
        steps=steps,
        step=measured.step,
        settings="\n".join(f"| {name} | {value} |" for name, value in vars(settings).items()),
        longest=settings.longest,
        best_by=settings.best_by,
    )
