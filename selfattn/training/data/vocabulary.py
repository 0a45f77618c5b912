"""The tokenizer of a run: byte-level BPE trained on its texts, or an existing one."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from selfattn.models.loading import sources

SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]


def train_tokenizer(texts: Iterable[str], size: int, *, framed: bool = True) -> PreTrainedTokenizerFast:
    """Byte-level BPE of at most `size` entries, trained on `texts`; no text at all is unknown to it.

    `framed` puts [CLS] before a text and [SEP] after it, as a classifier wants it and a language model does not.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    trimmed = processors.ByteLevel(trim_offsets=True)
    frame = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.post_processor = processors.Sequence([trimmed, frame]) if framed else trimmed
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def open_tokenizer(name_or_folder: str) -> PreTrainedTokenizerFast:
    """An existing tokenizer: of a model that is here by name, of a folder, or of a hub id. No code of it is run.

    Raises ValueError where there is none, or where it is none of the `tokenizers` library.
    """
    from selfattn.models.loading.names import names

    folder = names().get(name_or_folder) or sources.as_folder(name_or_folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder or name_or_folder), trust_remote_code=False, use_fast=True, local_files_only=folder is not None
        )
    except Exception as error:  # whatever a broken or missing folder makes a library raise
        raise ValueError(
            f"{name_or_folder!r} has no tokenizer that could be opened; give a model's name, folder or hub id."
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast) or len(tokenizer) <= len(tokenizer.all_special_ids) + 1:
        raise ValueError(f"The tokenizer of {name_or_folder!r} is none of the tokenizers library; choose another.")
    if tokenizer.pad_token_id is None:
        # Padding is masked wherever it stands, so that any token can stand in for it.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer
