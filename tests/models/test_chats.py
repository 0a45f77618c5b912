"""Chats as the model's own template writes them, and texts that begin with special tokens of their own."""

import pytest
import torch
import transformers as hf
from tokenizers import processors

import selfattn
from selfattn import Chat, Model
from selfattn.analysis.all_heads.atlas import atlas
from selfattn.analysis.one_head.gauges import gauges
from selfattn.models.answers.generation import continuation
from selfattn.models.answers.pooling import pooled
from selfattn.models.inputs.tokens import encode
from tests.tools import made, tiny
from tests.tools.tolerance import assert_close

TEMPLATE = (
    "[CLS]{% for message in messages %}"
    "{% if message.role == 'system' and 'no' in message.content %}{{ raise_exception('No system text.') }}{% endif %}"
    "[MASK] {{ message.role }} {{ message.content }} [SEP]{% endfor %}"
    "{% if add_generation_prompt %}[MASK] good{% endif %}"
)


@pytest.fixture(scope="module", params=["fast", "slow"])
def chatty(request, tmp_path_factory):
    tokenizer = made.word_level() if request.param == "fast" else made.slow("bert", tmp_path_factory.mktemp("bert"))
    tokenizer.chat_template = TEMPLATE
    return tokenizer


@pytest.mark.parametrize("chat", [Chat("the cat"), Chat("the cat", "a film"), Chat("[SEP] <b>\nthe dog")])
def test_a_chat_is_what_the_template_makes_of_it(chatty, chat):
    said = [{"role": "system", "content": chat.system}] if chat.system else []
    said.append({"role": "user", "content": chat.user})
    expected = chatty.apply_chat_template(said, add_generation_prompt=True, return_dict=True)
    tokens, tensors = encode(chatty, chat)
    assert list(tokens.ids) == expected["input_ids"]
    assert tensors["attention_mask"].tolist() == [expected["attention_mask"]]
    assert tokens.texts == (chatty.apply_chat_template(said, tokenize=False, add_generation_prompt=True),)
    assert tokens.text[:2] == ("[CLS]", "[MASK]")
    assert tokens.text[-1] == "good"


def test_marks_within_a_text_are_part_of_no_word(chatty):
    tokens, _ = encode(chatty, "[CLS] the[SEP]cat [MASK] [SEP] dog")
    assert list(zip(tokens.pieces, tokens.words, strict=True)) == [
        *(("[CLS]", None), ("the", 1), ("[SEP]", None), ("cat", 1)),
        *(("[MASK]", 2), ("[SEP]", None), ("dog", 4), ("[SEP]", None)),
    ]


def test_a_chat_is_gone_on_with():
    tokenizer = made.word_level()
    tokenizer.chat_template = TEMPLATE
    model = Model.wrap(tiny.network("gpt2"), tokenizer, "gpt2")
    trace = selfattn.trace(model, Chat("the cat", "a film"))
    assert trace.text == tokenizer.apply_chat_template(
        [{"role": "system", "content": "a film"}, {"role": "user", "content": "the cat"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    first = int(trace.prediction.probabilities.argmax())
    assert continuation(model, Chat("the cat", "a film"), most=1) == (first,)


@pytest.mark.parametrize(
    ("chat", "template", "said"),
    [
        (Chat("the cat"), None, "no chat template; give it the text alone"),
        (Chat(" ", "a"), TEMPLATE, "The text is empty"),
        (Chat("the", "no"), TEMPLATE, r"does not take this \(No system text\); leave the system text out"),
        (Chat("the"), "{{ messages[7].content.x }}", "does not take this"),
        (Chat("the"), "{% for %}", "does not take this"),
        (Chat("the"), "{{ ''.__class__.__mro__ }}", "does not take this"),
    ],
)
def test_a_chat_that_cannot_be_written(chat, template, said):
    tokenizer = made.word_level()
    tokenizer.chat_template = template
    with pytest.raises(ValueError, match=said) as raised:
        encode(tokenizer, chat)
    assert "\n" not in str(raised.value)


def test_a_chat_is_of_texts(bert):
    with pytest.raises(ValueError, match="A Chat is of texts; got a list"):
        selfattn.trace(bert, Chat(["the"]))


@pytest.mark.parametrize("kind", ["fast", "slow"])
@pytest.mark.parametrize(
    ("text", "ids", "again"),
    [
        ("[CLS] the cat", "[CLS] the cat [SEP]", "[CLS]"),
        ("the cat [SEP]", "[CLS] the cat [SEP]", "[SEP]"),
        ("[CLS] the cat [SEP]", "[CLS] the cat [SEP]", "[CLS] [SEP]"),
        ("[SEP] the cat", "[CLS] [SEP] the cat [SEP]", ""),
        ("the [CLS] cat", "[CLS] the [CLS] cat [SEP]", ""),
        ("[CLS]", "[CLS] [SEP]", "[CLS]"),
    ],
)
def test_a_special_token_that_the_text_has_is_not_added_again(tmp_path, kind, text, ids, again):
    tokenizer = made.word_level() if kind == "fast" else made.slow("bert", tmp_path)
    tokens, tensors = encode(tokenizer, text)
    assert list(tokens.pieces) == ids.split()
    assert {tensor.shape for tensor in tensors.values()} == {(1, len(tokens))}
    said = f"The text has {again} of its own, so the tokenizer's is not added a second time."
    assert tokens.note == (said if again else "")
    own = [place for place, segment in zip(tokens.offsets, tokens.segments, strict=True) if segment == 0]
    assert [text[start:end] for start, end in own] == text.split()


def test_a_prompt_that_a_template_made_begins_once():
    tokenizer = made.word_level()
    tokenizer.chat_template = TEMPLATE
    single = [(name, tokenizer.convert_tokens_to_ids(name)) for name in ("[CLS]",)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A", special_tokens=single)
    said = [{"role": "user", "content": "the cat"}]
    prompt = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    assert list(encode(tokenizer, prompt)[0].ids) == tokenizer.apply_chat_template(
        said, add_generation_prompt=True, return_dict=False
    )


def test_padding_before_a_text_changes_no_number_about_a_head():
    tokenizer = made.word_level()
    tokenizer.padding_side = "left"
    model = Model.wrap(tiny.network("gpt2"), tokenizer, "gpt2")
    plain, padded = (selfattn.trace(model, "the cat sat on the cat", pad=count) for count in (0, 3))
    of_plain, of_padded = (atlas(trace) for trace in (plain, padded))
    assert_close(of_padded.table, of_plain.table, within=1e-5)
    real = padded.calls[0].real_queries()
    for before, after in zip(gauges(plain.stages(0, 1)), gauges(padded.stages(0, 1), real), strict=True):
        assert_close([after.value, after.baseline], [before.value, before.baseline], within=1e-5)
    output = torch.randn(len(padded.tokens), 4)
    mask = padded.inputs["attention_mask"]
    assert torch.equal(pooled(output, mask, "cls"), output[3])


def test_padding_on_the_left_moves_no_position():
    tokenizer = made.word_level()
    tokenizer.padding_side = "left"
    for name in ("gpt2", "llama", "opt"):
        network = tiny.network(name)
        model = Model.wrap(network, tokenizer, name)
        plain, padded = selfattn.trace(model, "the cat"), selfattn.trace(model, "the cat", pad=3, written=())
        assert padded.tokens.text == ("[PAD]", "[PAD]", "[PAD]", *plain.tokens.text)
        assert padded.labels(padded.calls[0])[0] == padded.tokens.text
        assert padded.prediction.position == plain.prediction.position + 3
        assert torch.allclose(padded.prediction.probabilities, plain.prediction.probabilities, atol=1e-6)
        weights = padded.stages(0, 0).weights
        assert torch.allclose(weights[3:, 3:], plain.stages(0, 0).weights, atol=1e-6)
        assert not weights[3:, :3].any()
        ids, mask = padded.inputs["input_ids"], padded.inputs["attention_mask"]
        settings = hf.GenerationConfig(max_new_tokens=1, do_sample=False, pad_token_id=0, eos_token_id=None)
        written = hf.GenerationMixin.generate(network, ids, attention_mask=mask, generation_config=settings)
        assert int(padded.prediction.probabilities.argmax()) == int(written[0, -1])
