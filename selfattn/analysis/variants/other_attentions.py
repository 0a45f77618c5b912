"""Every variant of the page of other attentions: another similarity, another normaliser, or something cheaper."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from selfattn.analysis.variants.variant import Exact, Found, Variant, VariantSettings
from selfattn.maths import approximate, linear, normalise, similarity
from selfattn.maths.attend import Stages
from selfattn.maths.masks import MaskPattern, block, custom, dilated, window

# Of the Nystromformer towards its inverse, as in the paper.
STEPS = 6
GROUPS = ("Similarity", "Normaliser", "Cheaper")


def _of(stages: Stages, note: str = "") -> Found:
    return Found(stages.weights, stages.context, stages.keep, note)


def _untrained(settings: VariantSettings) -> str:
    return f"Its weights are untrained, drawn with seed {settings.seed}: this model learned none."


def _drawn(settings: VariantSettings, *shape: int) -> Tensor:
    """Untrained weights: normal numbers over the square root of how many are summed."""
    return torch.randn(*shape, generator=settings.generator, dtype=torch.float64) / math.sqrt(shape[0])


def _scaled_dot(exact: Exact, settings: VariantSettings) -> Found:
    return _of(exact.attend(scale=exact.stages.query.shape[-1] ** -0.5))


def _dot(exact: Exact, settings: VariantSettings) -> Found:
    return _of(exact.attend(scale=1.0))


def _cosine(exact: Exact, settings: VariantSettings) -> Found:
    return _of(exact.attend(similarity=similarity.cosine, scale=settings.tau))


def _additive(exact: Exact, settings: VariantSettings) -> Found:
    d = exact.stages.query.shape[-1]
    drawn = _drawn(settings, d, 2 * d + 1)
    vector = drawn[:, -1] * d  # of variance d, so that its sum over d bounded numbers spreads like a dot product
    alike = partial(similarity.additive, query_weight=drawn[:, :d], key_weight=drawn[:, d:-1], vector=vector)
    return _of(exact.attend(similarity=alike, scale=d**-0.5), _untrained(settings))


def _bilinear(exact: Exact, settings: VariantSettings) -> Found:
    d = exact.stages.query.shape[-1]
    alike = partial(similarity.bilinear, weight=torch.eye(d, dtype=torch.float64) + _drawn(settings, d, d))
    return _of(exact.attend(similarity=alike), _untrained(settings))


def _rbf(exact: Exact, settings: VariantSettings) -> Found:
    variance = settings.spread / abs(exact.scale)
    return _of(exact.attend(similarity=partial(similarity.rbf, variance=variance), scale=1.0))


def _plain(exact: Exact, settings: VariantSettings) -> Found:
    assert exact.layer_input is not None  # asked before
    scores = similarity.dot(exact.layer_input, exact.layer_input)
    return _of(exact.attend(similarity=lambda q, k: scores, scale=1.0, bias=None), "The values are the head's own.")


def _normalised(exact: Exact, normaliser: normalise.Normaliser) -> Found:
    weights = normaliser(exact.stages.logits)
    note = "" if exact.sink is None else "The model's learned sink is left out."
    return Found(weights, weights @ exact.stages.value, exact.stages.keep, note)


def _softmax(exact: Exact, settings: VariantSettings) -> Found:
    return _normalised(exact, normalise.softmax)


def _sigmoid(exact: Exact, settings: VariantSettings) -> Found:
    return _normalised(exact, normalise.sigmoid)


def _top_k(exact: Exact, settings: VariantSettings) -> Found:
    return _normalised(exact, partial(normalise.top_k, k=settings.k))


def _sparsemax(exact: Exact, settings: VariantSettings) -> Found:
    return _normalised(exact, normalise.sparsemax)


def _entmax(exact: Exact, settings: VariantSettings) -> Found:
    return _normalised(exact, partial(normalise.entmax, alpha=settings.alpha))


def _left_out(exact: Exact) -> str:
    """What of the model's formula a method cannot take along."""
    parts = {"position bias": exact.bias, "softcap": exact.softcap, "sink": exact.sink}
    names = [name for name, part in parts.items() if part is not None]
    return f"The model's {' and '.join(names)} cannot be a part of it." if names else ""


def _of_features(exact: Exact, query: Tensor, key: Tensor) -> Found:
    """By features, in linear time: a causal mask by running sums. Any other mask needs the whole matrix."""
    stages, causal, note = exact.stages, exact.causal, _left_out(exact)
    weights = linear.kernel_weights(query, key, stages.keep)
    if causal is None:
        note = (
            f"{note} This head's mask is not causal: it takes the whole matrix of weights, in quadratic time.".strip()
        )
        return Found(weights, weights @ stages.value, stages.keep, note)
    context = linear.kernel_context(query, key, stages.value, causal=causal, real=exact.seen)
    return Found(weights, context, stages.keep, note)


def _linear(exact: Exact, settings: VariantSettings) -> Found:
    return _of_features(exact, *map(linear.elu_features, (exact.stages.query, exact.stages.key)))


def _performer(exact: Exact, settings: VariantSettings) -> Found:
    stages, query, key = exact.stages, exact.stages.query, exact.stages.key
    shape = (settings.features, query.shape[-1])
    directions = linear.gaussian_directions(*shape, settings.generator, settings.orthogonal)
    found = _of_features(exact, *linear.performer_features(query, key, directions, exact.scale))
    longest = exact.scale * (query[:, None] + key).square().sum(-1)[stages.keep].max()
    why = f"Its variance grows as exp(s |q + k|²) / m, and here s |q + k|² goes up to {longest:.0f}."
    return replace(found, note=f"{why} {found.note}".strip())


def _unmasked(exact: Exact, why: str) -> str:
    hidden = "" if exact.causal is False else f"It is computed without the mask: {why}."
    return f"{_left_out(exact)} {hidden}".strip()


def _nystrom(exact: Exact, settings: VariantSettings) -> Found:
    stages, (rows, columns) = exact.stages, (exact.real.nonzero()[:, 0], exact.seen.nonzero()[:, 0])
    count = min(settings.landmarks, len(rows), len(columns))
    steps = None if settings.exact_inverse else STEPS
    left, inverse, right = approximate.nystrom(stages.query[rows], stages.key[columns], count, exact.scale, steps)
    weights = torch.zeros_like(stages.weights)
    weights[rows[:, None], columns] = left @ inverse @ right
    keep = torch.zeros_like(stages.keep)
    keep[rows[:, None], columns] = True
    note = _unmasked(exact, "each landmark is a mean over the future too")
    return Found(weights, weights @ stages.value, keep, note)


def _linformer(exact: Exact, settings: VariantSettings) -> Found:
    stages, real = exact.stages, exact.seen
    keys, values = _projections(settings, int(real.sum()))
    _, context = approximate.linformer(stages.query, stages.key[real], stages.value[real], keys, values, exact.scale)
    note = f"{_untrained(settings)} {_unmasked(exact, 'each of its columns mixes all tokens')}".strip()
    return Found(None, context, stages.keep, note)


def _projections(settings: VariantSettings, keys: int) -> tuple[Tensor, Tensor]:
    drawn = _drawn(settings, settings.projected, 2 * keys)
    return drawn[:, :keys], drawn[:, keys:]


def _within(pattern: Callable[[VariantSettings, int], MaskPattern], exact: Exact, settings: VariantSettings) -> Found:
    """Softmax over the keys that a pattern leaves of the model's own mask."""
    stages, (queries, keys) = exact.stages, exact.stages.keep.shape
    keep = stages.keep & pattern(settings, queries).keep(queries, keys)
    weights = normalise.softmax(stages.logits.masked_fill(~keep, -math.inf), exact.sink)
    return Found(weights, weights @ stages.value, keep)


def sinks_and_recent(sinks: int, recent: int, queries: int) -> MaskPattern:
    """Every query sees the first keys and its neighbours nearer than `recent` (Xiao et al. 2024).

    Under a causal mask this is StreamingLLM: the neighbours are the most recent keys.
    """
    return window(recent) | custom((i, j) for i in range(queries) for j in range(sinks))


_ALL = (
    Variant("scaled-dot", "Scaled dot", "Similarity", "is exact attention", r"s_{ij} = q_i \cdot k_j / \sqrt{d}",
            "Vaswani et al. 2017", _scaled_dot),
    Variant("dot", "Dot", "Similarity", "replaces the score", r"s_{ij} = q_i \cdot k_j", "Luong et al. 2015", _dot),
    Variant("cosine", "Cosine", "Similarity", "replaces the score",
            r"s_{ij} = \tau \, \frac{q_i \cdot k_j}{|q_i| |k_j|}", "Graves et al. 2014", _cosine, ("tau",)),
    Variant("additive", "Additive", "Similarity", "replaces the score",
            r"s_{ij} = v \cdot \tanh(q_i W_q + k_j W_k)", "Bahdanau et al. 2015", _additive, ("seed",)),
    Variant("bilinear", "Bilinear", "Similarity", "replaces the score", r"s_{ij} = q_i W k_j / \sqrt{d}",
            "Luong et al. 2015", _bilinear, ("seed",)),
    Variant("rbf", "RBF", "Similarity", "replaces the score", r"s_{ij} = -|q_i - k_j|^2 / 2 \sigma^2",
            "Tsai et al. 2019", _rbf, ("spread",)),
    Variant("plain", "Plain x · x", "Similarity", "replaces the score", r"s_{ij} = x_i \cdot x_j",
            "no projections at all", _plain, within_a_text=True),
    Variant("softmax", "Softmax", "Normaliser", "is exact attention", r"p_j = e^{s_j} / \sum_l e^{s_l}",
            "Vaswani et al. 2017", _softmax),
    Variant("sigmoid", "Sigmoid", "Normaliser", "replaces softmax", r"p_j = 1 / (1 + e^{-s_j + \log n})",
            "Ramapuram et al. 2024", _sigmoid),
    Variant("top-k", "Top-k", "Normaliser", "approximates softmax", r"p = \mathrm{softmax}(k \text{ largest of } s)",
            "Gupta et al. 2021", _top_k, ("k",)),
    Variant("sparsemax", "Sparsemax", "Normaliser", "replaces softmax", r"p_j = \max(s_j - \tau, 0)",
            "Martins & Astudillo 2016", _sparsemax),
    Variant("entmax", "Entmax", "Normaliser", "replaces softmax",
            r"p_j = \max((\alpha - 1) s_j - \tau, 0)^{1 / (\alpha - 1)}", "Peters et al. 2019", _entmax, ("alpha",)),
    Variant("linear", "Linear", "Cheaper", "replaces softmax",
            r"\frac{\phi(Q) \, (\phi(K)^\top V)}{\phi(Q) \sum_j \phi(k_j)}, \quad \phi = \mathrm{elu} + 1",
            "Katharopoulos et al. 2020", _linear),
    Variant("performer", "Performer", "Cheaper", "approximates softmax",
            r"\phi_w(x) = e^{w \cdot x - |x|^2 / 2} / \sqrt{m}, \quad w \sim N(0, 1)",
            "Choromanski et al. 2021", _performer, ("features", "orthogonal", "seed")),
    Variant("nystrom", "Nyströmformer", "Cheaper", "approximates softmax",
            r"\sigma(Q \tilde K^\top) \, \sigma(\tilde Q \tilde K^\top)^+ \, \sigma(\tilde Q K^\top) \, V",
            "Xiong et al. 2021", _nystrom, ("landmarks", "exact_inverse")),
    Variant("linformer", "Linformer", "Cheaper", "approximates softmax",
            r"\mathrm{softmax}(Q (E K)^\top / \sqrt{d}) \, (F V)", "Wang et al. 2020", _linformer,
            ("projected", "seed")),
    Variant("local", "Local window", "Cheaper", "softmax over fewer keys", r"|i - j| < w",
            "Beltagy et al. 2020", partial(_within, lambda by, n: window(by.window)), ("window",), True),
    Variant("dilated", "Dilated", "Cheaper", "softmax over fewer keys",
            r"|i - j| < w, \quad (i - j) \bmod c = 0", "Beltagy et al. 2020",
            partial(_within, lambda by, n: dilated(by.window, by.step)), ("window", "step"), True),
    Variant("block", "Block", "Cheaper", "softmax over fewer keys",
            r"\lfloor i / b \rfloor = \lfloor j / b \rfloor", "Qiu et al. 2020",
            partial(_within, lambda by, n: block(by.block)), ("block",), True),
    Variant("sinks", "Sinks + recent", "Cheaper", "softmax over fewer keys",
            r"j < s \;\text{ or }\; |i - j| < w", "Xiao et al. 2024",
            partial(_within, lambda by, n: sinks_and_recent(by.sinks, by.window, n)), ("window", "sinks"), True),
)  # fmt: skip
VARIANTS = {variant.name: variant for variant in _ALL}
