"""Famous mistakes: each is wrong in exactly the way that its page says, and the code beside it does the same."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

import selfattn
from selfattn import Scale
from selfattn.analysis.mistakes import axes, dropout, masking, order, parts, scale
from selfattn.analysis.mistakes.exhibits import EXHIBITS, Way
from selfattn.analysis.mistakes.subject import MOST, Mistake, Subject
from selfattn.models.inputs.given import Pair
from tests.tools.tolerance import assert_close

TEXT = "The plot was dull, but the acting was not bad at all, I think."  # 19 tokens, where a head has 16 numbers
WAYS = [
    pytest.param(way, id=f"{exhibit.title}, {way.name}".replace(" ", "-"))
    for exhibit in EXHIBITS
    for way in exhibit.ways
]


def subject_of(model: str, given: object, layer: int = 1, head: int = 2, part=None, kind=None) -> Subject:
    trace = selfattn.trace(selfattn.load(model), given)
    return Subject(trace, trace.call(layer, part, kind), head)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return subject_of("sentiment", TEXT)


@pytest.fixture(scope="module")
def future_hidden() -> Subject:
    """A head of a model that hides the future."""
    return subject_of("induction", "the cat sat on the mat because the cat")


def number(mistake: Mistake, name: str) -> tuple[float, float]:
    """(wrong, right) of the number whose name starts so."""
    found = next(each for each in mistake.numbers if each.name.startswith(name))
    return found.wrong, found.right


def softmax_of(row: list[float]) -> list[float]:
    exponentials = [math.exp(x - max(row)) for x in row]
    return [x / sum(exponentials) for x in exponentials]


def loop_scores(subject: Subject, factor: float) -> list[list[float]]:
    """`q . k` times a factor, one product after another, of what the call recorded."""
    call, head = subject.call, subject.head
    query, key = (x[0, head].double().tolist() for x in (call.query, call.key))
    return [[factor * sum(a * b for a, b in zip(q, k, strict=True)) for k in key] for q in query]


def entropy_of(rows: list[list[float]]) -> float:
    return sum(-sum(p * math.log(p) for p in row if p) for row in rows) / len(rows) / math.log(len(rows[0]))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_called_right_is_what_the_model_computed(subject, way):
    found = way.make(subject, torch.Generator().manual_seed(0))
    own = subject.call.stages(subject.head)
    title = next(exhibit.title for exhibit in EXHIBITS if way in exhibit.ways)
    if title in ("Masked the wrong way", "No positional encoding"):  # another mask, another order of the words
        assert found.right.values.shape == own.weights.shape
    else:
        assert_close(found.right.values, own.context if title == "The formula without V" else own.weights)
    assert found.wrong.shape
    assert found.sentence.endswith(".")
    assert any(each.wrong != each.right for each in found.numbers)


def test_undivided_scores_are_sqrt_d_as_large_and_the_softmax_picks_one_key(subject):
    found = scale.undivided(subject)
    assert_close(found.wrong.values, [softmax_of(row) for row in loop_scores(subject, 1.0)], within=1e-5)
    wrong, right = number(found, "standard deviation")
    assert wrong / right == pytest.approx(math.sqrt(16), rel=1e-5)
    assert number(found, "entropy")[0] < number(found, "entropy")[1] - 0.05
    assert number(found, "gradient")[0] < number(found, "gradient")[1]
    assert found.edits == (Scale(1.0, part="encoder", kind="self"),)


def test_softmax_over_the_queries_makes_columns_sum_to_1_and_rows_not(subject):
    found = axes.over_queries(subject)
    columns = [softmax_of(list(column)) for column in zip(*loop_scores(subject, 0.25), strict=True)]
    assert_close(found.wrong.values, torch.tensor(columns).T, within=1e-5)
    assert_close(found.wrong.values.sum(0), 1.0, within=1e-5)
    rows = found.wrong.values.sum(1)
    assert number(found, "smallest row sum")[0] == pytest.approx(rows.min().item())
    assert number(found, "largest row sum")[0] == pytest.approx(rows.max().item())
    assert rows.min() < 0.7 < 1.3 < rows.max()
    assert f"{rows.min():.3f} to {rows.max():.3f}" in found.sentence


def test_heads_that_are_not_transposed_attend_to_heads_and_no_token_reads_another(subject):
    found = axes.heads_by_heads(subject)
    call, tokens = subject.call, subject.call.shape[0]
    token = tokens // 2
    query, key = (x[0, :, token].double().tolist() for x in (call.query, call.key))
    scores = [[0.25 * sum(a * b for a, b in zip(q, k, strict=True)) for k in key] for q in query]
    assert_close(found.wrong.values, [softmax_of(row) for row in scores], within=1e-5)
    assert number(found, "rows of a matrix") == (4, tokens)
    # Other words at all other places: this token's output stays, to the last bit.
    elsewhere = torch.arange(tokens) != token
    other = {name: getattr(call, name).clone() for name in ("key", "value")}
    for each in other.values():
        each[:, :, elsewhere] += 3.0
    after = axes.heads_by_heads(replace(subject, call=replace(call, **other)))
    assert torch.equal(found.context[token], after.context[token])
    right = [each.right.context[token] for each in (subject, replace(subject, call=replace(call, **other)))]
    assert (right[0] - right[1]).abs().max() > 1


def test_a_second_softmax_lets_no_weight_pass_its_bound(subject, future_hidden):
    found = axes.softmax_twice(subject)
    once = [softmax_of(row) for row in loop_scores(subject, 0.25)]
    assert_close(found.wrong.values, [softmax_of(row) for row in once], within=1e-5)
    keys = len(once)
    assert found.wrong.values.max() <= math.e / (math.e + keys - 1) + 1e-6 < found.right.values.max()
    # A hidden key had the weight 0, and e^0 is 1.
    hidden = axes.softmax_twice(future_hidden).wrong
    assert (hidden.values[~hidden.keep] > 0.05).all()


def test_a_division_by_the_other_axis_breaks_the_rows_and_by_the_own_sum_changes_nothing(subject):
    other, own = axes.by_other_axis(subject), axes.by_own_sum(subject)
    right = other.right.values.tolist()
    sums = [sum(row[key] for row in right) for key in range(len(right))]
    assert_close(other.wrong.values, [[x / total for x, total in zip(row, sums, strict=True)] for row in right])
    assert_close(other.wrong.values.sum(0), 1.0, within=1e-5)
    assert (other.wrong.values.sum(1) - 1).abs().max() > 0.3
    assert_close(own.wrong.values, own.right.values)
    assert number(own, "relative error")[0] < 1e-6


def test_without_v_the_output_is_as_wide_as_the_text_and_knows_no_value(subject):
    found = parts.without_value(subject)
    assert found.wrong.values.shape == (19, 19)
    assert found.right.values.shape == (19, 16)
    assert number(found, "of a text with one word more") == (20, 16)
    doubled = replace(subject, call=replace(subject.call, value=2 * subject.call.value))
    assert torch.equal(parts.without_value(doubled).wrong.values, found.wrong.values)
    assert number(found, "change when all values double")[1] == pytest.approx(1.0)
    assert "made for 16, refuses" in found.sentence
    exactly = Subject(subject.trace, replace(subject.call, value=torch.ones(1, 4, 19, 19)), 2)
    assert "runs without an error" in parts.without_value(exactly).sentence


@pytest.mark.parametrize("name", ["subject", "future_hidden"])
def test_masked_after_the_softmax_a_row_loses_exactly_what_was_masked(name, request):
    subject = request.getfixturevalue(name)
    found = masking.after_softmax(subject)
    for query, row in enumerate(loop_scores(subject, 0.25)):
        open_row = softmax_of(row)
        expected = [weight if key <= query else 0.0 for key, weight in enumerate(open_row)]
        assert_close(found.wrong.values[query], expected, within=1e-5)
        assert found.wrong.values[query].sum().item() == pytest.approx(1 - sum(open_row[query + 1 :]), abs=1e-5)
        before = softmax_of(row[: query + 1]) + [0.0] * (len(row) - query - 1)
        assert_close(found.right.values[query], before, within=1e-5)
    assert number(found, "mean row sum")[0] == pytest.approx(found.wrong.values.sum(1).mean().item())


def test_zero_in_place_of_minus_infinity_leaves_weight_on_masked_keys(subject):
    found = masking.zero_for_infinity(subject)
    for query, row in enumerate(loop_scores(subject, 0.25)):
        zeroed = [x if key <= query else 0.0 for key, x in enumerate(row)]
        assert_close(found.wrong.values[query], softmax_of(zeroed), within=1e-5)
        total = sum(math.exp(x) for x in zeroed)
        assert_close(found.wrong.values[query, query + 1 :], 1 / total, within=1e-5)
    masked = (found.wrong.values * ~found.wrong.keep).sum(1)
    assert number(found, "mean weight on masked keys")[0] == pytest.approx(masked.mean().item())
    assert masked.mean() > 0.01
    assert_close(found.wrong.values.sum(1), 1.0, within=1e-5)


def test_a_row_with_no_key_left_is_nan_or_uniform_and_right_are_zeros(subject):
    found = masking.no_key_left(subject)
    empty = 19 // 2
    assert found.wrong.values[empty].isnan().all()
    assert found.wrong.values.isnan().any(1).sum() == 1
    assert (found.right.values[empty] == 0).all()
    assert number(found, "sum of that row, −10⁹")[0] == pytest.approx(1.0)
    assert f"uniform ({1 / 19:.3f} each" in found.sentence
    value = torch.ones(19, 16)
    value[empty] = math.nan  # the next layer's value of that row
    assert (found.right.values @ value).isnan().any(1).sum() == 19
    assert "19 of 19 rows are NaN" in found.sentence


def test_pooled_first_the_output_is_the_mean_value_whatever_the_queries_say(subject):
    found = parts.pooled_first(subject)
    assert found.wrong.values.tolist() == [[1.0]]
    mean = [sum(column) / 19 for column in zip(*subject.call.value[0, 2].tolist(), strict=True)]
    assert_close(found.context, torch.tensor(mean).expand(19, 16), within=1e-5)
    other = replace(subject.call, query=torch.randn(1, 4, 19, 16, generator=torch.Generator().manual_seed(5)))
    assert torch.equal(parts.pooled_first(replace(subject, call=other)).context, found.context)
    wrong, right = number(found, "change when queries turn around")
    assert wrong == 0 < 0.1 < right


def test_another_order_transposes_the_scores_or_hands_on_queries(subject):
    swapped, turned = parts.query_for_key(subject), parts.value_for_query(subject)
    transposed = [softmax_of(list(column)) for column in zip(*loop_scores(subject, 0.25), strict=True)]
    assert_close(swapped.wrong.values, transposed, within=1e-5)
    assert number(swapped, "difference from the transposed scores")[0] < 1e-4
    assert (swapped.wrong.values - swapped.right.values).abs().max() > 0.3
    query, key, value = (x[0, 2] for x in (subject.call.query, subject.call.key, subject.call.value))
    expected = (value @ key.T / 4).softmax(-1)
    assert_close(turned.wrong.values, expected, within=1e-5)
    assert_close(turned.context, expected @ query, within=1e-4)


def test_divided_by_the_whole_width_scores_are_too_small_and_rows_too_even(subject):
    found = scale.by_the_whole_width(subject)
    wrong = [softmax_of(row) for row in loop_scores(subject, 1 / math.sqrt(64))]
    right = [softmax_of(row) for row in loop_scores(subject, 1 / math.sqrt(16))]
    assert_close(found.wrong.values, wrong, within=1e-5)
    deviations = number(found, "standard deviation")
    assert deviations[0] / deviations[1] == pytest.approx(1 / math.sqrt(4), rel=1e-5)
    assert number(found, "entropy") == pytest.approx((entropy_of(wrong), entropy_of(right)), abs=1e-5)
    assert entropy_of(wrong) > entropy_of(right) + 0.05


@pytest.mark.parametrize(("model", "head"), [("sentiment", 2), ("minilm", 7)])
def test_without_positions_shuffled_words_take_their_outputs_with_them(model, head):
    subject = subject_of(model, TEXT, head=head)
    found = order.shuffled(subject, torch.Generator().manual_seed(3))
    wrong, right = number(found, "largest distance")
    assert wrong < 1e-4 < 0.1 < right
    own, names = subject.names[0], found.wrong.rows
    assert sorted(names) == sorted(own) != list(names)
    assert (names[0], names[-1]) == ("[CLS]", "[SEP]")
    if model == "sentiment":
        assert number(found, "change of the answer")[0] < 1e-5 < number(found, "change of the answer")[1]
    again = order.shuffled(subject, torch.Generator().manual_seed(4))
    assert again.wrong.rows != names


def test_a_twin_without_positions_leaves_the_model_as_it_was(subject):
    model = subject.trace.model
    before = selfattn.trace(model, TEXT).prediction.probabilities
    order.shuffled(subject, torch.Generator().manual_seed(0))
    assert model.network.config.positions == "rope"
    assert torch.equal(selfattn.trace(model, TEXT).prediction.probabilities, before)


def test_dropout_at_inference_makes_two_runs_differ_and_is_right_on_average_alone(subject):
    first, again = (dropout.at_inference(subject, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    right = first.right.values
    dropped = first.wrong.values == 0
    assert 0.03 < dropped.float().mean() < 0.2
    assert_close(first.wrong.values[~dropped], right[~dropped] / 0.9)
    assert (first.wrong.values.sum(1) - 1).abs().max() > 0.05
    assert not torch.equal(first.wrong.values, again.wrong.values)
    generator = torch.Generator().manual_seed(7)
    runs = torch.stack([dropout.dropped(right, 0.1, generator) for _ in range(3000)])
    assert_close(runs.mean(0), right, within=0.03)
    error, of_mean = (number(first, name)[0] for name in ("relative error", "error of the mean"))
    assert of_mean < error / 2
    same = dropout.at_inference(subject, torch.Generator().manual_seed(1))
    assert torch.equal(first.wrong.values, same.wrong.values)


def names_of(subject: Subject, found: Mistake, split: bool) -> dict[str, object]:
    """What the pieces of code take, as `exhibits` says."""
    call = subject.call
    one = [x[0, subject.head] for x in (call.query, call.key, call.value)]
    query, key, value = one if split else [x[0].transpose(0, 1) for x in (call.query, call.key, call.value)]
    generator = torch.Generator().manual_seed(0)
    return {
        "math": math,
        "dropout": functional.dropout,
        "q": query,
        "k": key,
        "v": value,
        "qkv": torch.cat(one, dim=-1),
        "mask": found.right.keep,
        "embedding": torch.randn(23, 7, generator=generator),
        "positions": torch.randn(19, 7, generator=generator),
        "ids": torch.tensor([3, 11, 5, 2, 13]),
        "d_model": 64,
        "heads": 4,
        "module": torch.nn.Dropout().eval(),
    }


@pytest.mark.parametrize("way", WAYS)
def test_the_code_beside_an_exhibit_gives_what_the_exhibit_shows(subject, way: Way):
    found = way.make(subject, torch.Generator().manual_seed(0))
    title = next(exhibit.title for exhibit in EXHIBITS if way in exhibit.ways)
    ran = {}
    for which in ("wrong", "right"):
        ran[which] = names_of(subject, found, split=title != "Heads not transposed")
        torch.manual_seed(0)
        exec(getattr(way, which), ran[which])
    assert way.wrong != way.right
    if title == "No positional encoding":
        shuffle = torch.tensor([4, 0, 3, 1, 2])
        for which, same in (("wrong", True), ("right", False)):
            again = names_of(subject, found, split=True)
            again["ids"] = again["ids"][shuffle]
            exec(getattr(way, which), again)
            assert torch.allclose(again["context"], ran[which]["context"][shuffle], atol=1e-5) is same
        return
    right, wrong = ran["right"]["weights"], ran["wrong"]["weights"]
    if title == "Heads not transposed":
        assert wrong.shape == (19, 4, 4)
        assert_close(ran["wrong"]["context"][:, subject.head], found.context, within=1e-5)
        assert_close(ran["right"]["context"][:, subject.head], subject.right.context, within=1e-4)
        right, wrong = right[subject.head], wrong[19 // 2]
    if title == "The formula without V":
        right, wrong = ran["right"]["context"], ran["wrong"]["context"]
    if title == "Dropout still on":
        kept = wrong != 0
        assert not kept.all()
        assert_close(wrong[kept], found.right.values[kept] / 0.9, within=1e-5)
    else:
        assert_close(wrong, found.wrong.values, within=1e-5)
    assert_close(right, found.right.values, within=1e-4)


def test_where_a_mistake_makes_no_sense_one_sentence_says_why(subject, future_hidden):
    with pytest.raises(ValueError, match="hides the future"):
        order.shuffled(future_hidden, torch.Generator())
    one_head = replace(subject, call=replace(subject.call, query=subject.call.query[:, :1]), head=0)
    for make in (axes.heads_by_heads, scale.by_the_whole_width):
        with pytest.raises(ValueError, match="one head"):
            make(one_head)
    with pytest.raises(ValueError, match="trained with no division"):
        scale.undivided(replace(subject, call=replace(subject.call, scale=1.0)))
    with pytest.raises(ValueError, match="another divisor"):
        scale.by_the_whole_width(replace(subject, call=replace(subject.call, scale=0.2)))
    with pytest.raises(ValueError, match="learned sink"):
        axes.over_queries(replace(subject, call=replace(subject.call, sink=torch.zeros(4))))
    cross = subject_of("dates", "the 12th day of June, 1987", part="decoder", kind="cross")
    for make in (axes.heads_by_heads, parts.query_for_key, parts.value_for_query):
        with pytest.raises(ValueError, match="self-attention"):
            make(cross)
    with pytest.raises(ValueError, match="reads itself alone"):
        subject_of("dates", "the 12th day of June, 1987", part="decoder", kind="self")


def test_of_a_long_text_the_first_tokens_are_taken(subject):
    long = subject_of("pairs", Pair("the food was good " * 40, "it was bad"))
    assert long.right.weights.shape == (MOST, MOST)
    assert_close(long.right.scores, long.call.scores(long.head)[:MOST, :MOST], within=1e-4)
    with pytest.raises(ValueError, match="Up to 128 tokens"):
        order.shuffled(long, torch.Generator())
