"""Translation: marks of languages, and the token that is forced to come first, as Transformers' own search has them."""

import pytest
import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GenerationConfig, GenerationMixin

import selfattn
from selfattn import Model, Translation
from selfattn.models.answers.generation import continuation
from selfattn.models.inputs.languages import languages
from selfattn.models.inputs.tokens import encode
from tests.tools import made, tiny

COUNT = 6
SIZES = tiny.STACKS_OF_TEXT | {"vocab_size": 400, "init_std": 0.5}
# Two tokenizers of many languages, and their codes; M2M100 keeps no places, NLLB does.
CODES = {"m2m100": ("en", "fr", "de"), "nllb": ("eng_Latn", "fra_Latn", "deu_Latn")}


def tokenizer_of(name, place):
    if name == "m2m100":
        return made.slow("m2m100", place)
    words = {word: index for index, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "▁the", "▁cat", "▁", "t"])}
    return hf.NllbTokenizer(vocab=words, merges=[])


def searched(model, inputs, forced=None):
    """What Transformers writes after the decoder's start."""
    settings = GenerationConfig(do_sample=False, num_beams=1, max_new_tokens=COUNT + 2, pad_token_id=1)
    settings.decoder_start_token_id, settings.eos_token_id = model.start, None
    settings.forced_bos_token_id = forced
    encoded = {name: tensor for name, tensor in inputs.items() if name != "decoder_input_ids"}
    return GenerationMixin.generate(model.network, **encoded, generation_config=settings)[0, 1:].tolist()


def until_the_end(model, ids):
    return tuple(ids[: next((place + 1 for place, index in enumerate(ids) if index in model.ends), len(ids))])


@pytest.fixture(scope="module", params=CODES)
def translator(request, tmp_path_factory):
    torch.manual_seed(3)
    network = hf.M2M100ForConditionalGeneration(hf.M2M100Config(**SIZES)).eval()
    return Model.wrap(network, tokenizer_of(request.param, tmp_path_factory.mktemp("m")), request.param)


def test_a_source_language_is_what_the_tokenizer_would_put_there(translator, tmp_path):
    english, french, german = CODES[translator.name]
    assert {english, french, german} <= set(languages(translator.tokenizer))
    other = tokenizer_of(translator.name, tmp_path)
    for language in (english, french, german):
        other.src_lang = language
        tokens, _ = encode(translator.tokenizer, Translation("the cat", source=language))
        assert list(tokens.ids) == other("the cat")["input_ids"]
        assert tokens.pieces[0] in (language, f"__{language}__")
    assert translator.tokenizer.src_lang == english  # which others use too
    assert encode(translator.tokenizer, Translation("the cat"))[0] == encode(translator.tokenizer, "the cat")[0]


def test_a_target_language_is_what_the_decoder_stands_on(translator):
    given = Translation("the cat", *CODES[translator.name][1:])
    trace = selfattn.trace(translator, given)
    assert trace.text == "the cat"
    start, mark = trace.inputs["decoder_input_ids"][0].tolist()
    assert start == translator.start
    assert trace.labels(trace.call(0, "decoder", "self"))[0][1] in ("deu_Latn", "__de__")
    found = searched(translator, trace.inputs, mark)
    assert found[0] == mark
    assert continuation(translator, given, most=COUNT) == until_the_end(translator, found[1 : COUNT + 1])
    assert int(trace.prediction.probabilities.argmax()) == found[1]
    once = selfattn.trace(translator, given, written=found[1:3])
    assert once.inputs["decoder_input_ids"].tolist() == [[start, mark, *found[1:3]]]


@pytest.mark.parametrize("place", ["config", "generation_config"])
@pytest.mark.parametrize("kind", ["m2m100", "mbart", "bart"])
def test_a_token_that_is_forced_to_come_first_comes_first(kind, place):
    torch.manual_seed(5)
    made_of = {
        "m2m100": (hf.M2M100ForConditionalGeneration, hf.M2M100Config),
        "mbart": (hf.MBartForConditionalGeneration, hf.MBartConfig),
        "bart": (hf.BartForConditionalGeneration, hf.BartConfig),
    }
    network, config = made_of[kind]
    model = Model.wrap(network(config(**tiny.STACKS_OF_TEXT, init_std=0.5)), made.word_level(), kind)
    plain = continuation(model, "the cat", most=COUNT)
    getattr(model.network, place).forced_bos_token_id = 57
    trace = selfattn.trace(model, "the cat")
    assert trace.inputs["decoder_input_ids"].tolist() == [[model.start, 57]]
    found = searched(model, trace.inputs, 57)
    assert found[0] == 57
    assert continuation(model, "the cat", most=COUNT) == until_the_end(model, found[1 : COUNT + 1])
    assert found[: len(plain)] != list(plain)
    with pytest.raises(ValueError, match="writes at most 62 tokens; got 63"):
        selfattn.trace(model, "the cat", written=[5] * 63)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            Translation("the", "xx"),
            "The language 'xx' is none of this model's tokenizer: it knows 100, such as af, am, ar",
        ),
        (Translation("the", "en", "de_DE"), "The language 'de_DE' is none"),
        (Translation(" ", "en"), "The text is empty"),
        (Translation(7), "A Translation is of texts; got an int"),
    ],
)
def test_a_language_that_is_not_there(tmp_path, given, said):
    network = hf.M2M100ForConditionalGeneration(hf.M2M100Config(**SIZES))
    model = Model.wrap(network, made.slow("m2m100", tmp_path), "m2m100")
    with pytest.raises(ValueError, match=said):
        selfattn.trace(model, given)


def test_a_tokenizer_of_one_language(bert):
    assert languages(bert.tokenizer) == ()
    with pytest.raises(ValueError, match="The language 'en' is none of this model's tokenizer: it marks no languages"):
        selfattn.trace(bert, Translation("the cat", source="en"))


def test_a_tokenizer_without_marks():
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    assert languages(tokenizer) == ()
