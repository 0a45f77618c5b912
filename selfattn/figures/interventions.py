"""Effects in words and as a table of heads: every change beside what it is compared with."""

from collections.abc import Mapping, Sequence
from html import escape

from selfattn.analysis.interventions.effects import DISTANCE, Effect, Place, Spread, spread
from selfattn.figures.palette import Palette

# Percent of colour behind a number: more would leave too little contrast to read it.
DEEPEST = 45


def moved(what: str, effect: Effect, name: str) -> str:
    """What a change moved: "The change moved the probability of 'positive' from 0.930 to 0.410 (−0.520)"."""
    if name == DISTANCE:
        return f"{what} moved the output by {effect.after:.3f} of its length"
    before, after = (f"{number:.3f}".replace("-", "−") for number in (effect.before, effect.after))
    return f"{what} moved the {name} from {before} to {after} ({signed(effect.change)})"


def against(found: Spread, size: int, every: bool) -> str:
    """The control, beside the change that it is compared with: "20 random sets of 3 heads: −0.020 ± 0.050"."""
    sets = f"set{'s' if found.draws != 1 else ''} of {size} others" if size > 1 else "other heads, one by one"
    which = f"all {found.draws} {sets}" if every else f"{found.draws} random {sets}"
    return f"{which}: {signed(found.mean)} ± {found.deviation:.3f}"


def silenced(heads: int, effect: Effect, name: str) -> str:
    """What silencing heads moved, and by how much."""
    what = "Silencing this head" if heads == 1 else f"Silencing these {heads} heads"
    return moved(what, effect, name)


def seen_and_needed(scores: Mapping[Place, float], alone: Mapping[Place, Effect]) -> str:
    """The head that looks most like induction, whether copying needs it, and which head it needs more."""
    looks = max(alone, key=lambda place: scores[place])
    needed = min(alone, key=lambda place: alone[place].change)
    others = spread(alone[place] for place in alone if place != looks)
    found = (
        f"Highest induction score: head {looks[0]}.{looks[1]} with {scores[looks]:.2f}; silencing it alone: "
        f"{signed(alone[looks].change)}; each of the {others.draws} others alone: {signed(others.mean)} ± "
        f"{others.deviation:.3f}."
    )
    if needed == looks:
        return found
    return (
        f"{found} Most needed: head {needed[0]}.{needed[1]}, {signed(alone[needed].change)}, with an induction score "
        f"of {scores[needed]:.2f}."
    )


def signed(number: float) -> str:
    """A number with its sign, and a true minus."""
    return f"{number:+.3f}".replace("-", "−")


def table(values: Mapping[tuple[int, int | None], float], layers: Sequence[int], heads: int, palette: Palette) -> str:
    """The share that each head recovers, layers down and heads across, and each layer's heads together at the end."""
    columns: Sequence[int | None] = [*range(heads), None]
    top = "".join(f'<th scope="col">{"all" if head is None else head}</th>' for head in columns)
    rows = "".join(
        f'<tr><th scope="row">{layer}</th>'
        + "".join(_cell(values.get((layer, head)), palette) for head in columns)
        + "</tr>"
        for layer in layers
    )
    about = escape("Share recovered by each head, layers in rows, heads in columns")
    return (
        f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{about}">'
        f'<table class="sa-heads"><thead><tr><th scope="col">L \\ H</th>{top}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
    )


def _cell(value: float | None, palette: Palette) -> str:
    if value is None:
        return "<td></td>"
    colour = palette.weights if value >= 0 else palette.key
    share = round(DEEPEST * min(abs(value), 1.0))
    background = f"color-mix(in srgb, {colour} {share}%, {palette.panel})"
    return f'<td style="background:{background}">{f"{value:+.2f}".replace("-", "−")}</td>'


def two_texts(first: Sequence[str], second: Sequence[str]) -> str:
    """Two texts token under token; what differs is marked."""
    rows = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(
            f'<td class="{"sa-differs" if differs else ""}">{escape(token)}</td>'
            for token, differs in _differing(tokens, others)
        )
        + "</tr>"
        for name, tokens, others in (("other", first, second), ("this", second, first))
    )
    about = "The other text and this one, token by token"
    return (
        f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{about}">'
        f'<table class="sa-texts"><tbody>{rows}</tbody></table></div>'
    )


def _differing(tokens: Sequence[str], others: Sequence[str]) -> list[tuple[str, bool]]:
    return [(token, place >= len(others) or others[place] != token) for place, token in enumerate(tokens)]
