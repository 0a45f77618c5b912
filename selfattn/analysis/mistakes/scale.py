"""The wrong divisor: none at all, and the square root of the whole width where a head has a part of it."""

import math

from selfattn.analysis.mistakes.subject import Mistake, Number, Subject, even_weight, pictures, spread
from selfattn.maths.attend import Stages
from selfattn.maths.saturation import score_variance
from selfattn.recording.edits import Scale


def undivided(subject: Subject) -> Mistake:
    """Scores that nobody divides by sqrt(d): the softmax picks one key and its gradient dies.

    Raises ValueError for a head whose model does not divide.
    """
    own = subject.parts["scale"]
    if own == 1:
        raise ValueError(f"{subject.trace.model.name} was trained with no division, so none can be left out.")
    wrong, right = subject.attend(scale=1.0), subject.right
    largest, uniform = [spread(each)[1] for each in (wrong, right)], even_weight(right.keep)
    sentence = (
        f"Undivided, a row gives its largest key {largest[0]:.3f} of its weight on average; multiplied by "
        f"{own:.3g}, as the model does, {largest[1]:.3f} (uniform {uniform:.3f})."
    )
    return _made(subject, wrong, 1.0, sentence)


def by_the_whole_width(subject: Subject) -> Mistake:
    """Scores divided by sqrt(d_model) where a head has d_model / h numbers: 1/sqrt(h) as large, and too even.

    Raises ValueError where the head does not divide by the square root of its own size, and where it is alone.
    """
    heads, size = subject.call.heads, subject.right.query.shape[-1]
    own, whole = subject.parts["scale"], (heads * size) ** -0.5
    if heads == 1:
        raise ValueError(f"This layer has one head: d_model and the head's size are both {size}, and nothing differs.")
    if abs(own * math.sqrt(size) - 1) > 1e-3:
        raise ValueError(
            f"This model multiplies its scores by {own:.4g}, and not by 1/√{size} = {size**-0.5:.4g}: it was trained "
            "with another divisor, so this mistake cannot be made in it."
        )
    wrong = subject.attend(scale=whole)
    entropies = [spread(each)[0] for each in (wrong, subject.right)]
    sentence = (
        f"√{heads * size} in place of √{size}: every score is 1/√{heads} = {whole / own:.3f} of what it should be, "
        f"and the entropy rises from {entropies[1]:.3f} to {entropies[0]:.3f} (uniform 1)."
    )
    return _made(subject, wrong, whole, sentence)


def _made(subject: Subject, wrong: Stages, scale: float, sentence: str) -> Mistake:
    right, call = subject.right, subject.call
    uniform = even_weight(right.keep)
    deviations = (math.sqrt(score_variance(each.scaled, each.keep)) for each in (wrong, right))
    names = (
        "entropy / log n (uniform 1)",
        f"largest weight (uniform {uniform:.3f})",
        f"gradient, tr J (uniform {1 - uniform:.3f})",
    )
    gauges = (Number(*each) for each in zip(names, spread(wrong), spread(right), strict=True))
    return Mistake(
        *pictures(subject, wrong.weights, right.weights),
        (Number("standard deviation of scores", *deviations), *gauges),
        sentence,
        wrong.context,
        edits=(Scale(scale, part=call.part, kind=call.kind),),
    )
