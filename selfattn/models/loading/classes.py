"""Which class of Transformers, or of this package, a checkpoint is opened with."""

from typing import Any

from transformers.models.auto import modeling_auto as auto

from selfattn.models import encoder as encoder  # registers the local model with the Auto classes

HEADS = (
    auto.AutoModelForSequenceClassification,
    auto.AutoModelForMaskedLM,
    auto.AutoModelForCausalLM,
    auto.AutoModelForSeq2SeqLM,
    auto.AutoModelForSpeechSeq2Seq,
    auto.AutoModelForImageClassification,
    auto.AutoModelForTokenClassification,
    auto.AutoModelForQuestionAnswering,
    auto.AutoModelForCTC,
    auto.AutoModelForAudioClassification,
)


def class_of(config: Any) -> Any:
    """The class that the checkpoint was saved from, if Transformers or this package has it; else its base model."""
    wanted = (config.architectures or [""])[0]
    for head in HEADS:
        found = head._model_mapping.get(type(config), None)
        for kind in found if isinstance(found, tuple) else (found,):
            if kind is not None and kind.__name__ == wanted:
                return kind
    return auto.AutoModel
