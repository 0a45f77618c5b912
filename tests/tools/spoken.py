"""Tiny models that hear, each saved with a feature extractor of its own, and those with words with a tokenizer."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import transformers as hf

from selfattn import Sound
from tests.tools.made import word_level
from tests.tools.tiny import SMALL, TWO_STACKS

RATE = 16_000
CONVOLUTIONS = {"conv_dim": (8, 8), "conv_stride": (80, 4), "conv_kernel": (100, 5)}
POSITIONS = {"num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
HEARS = SMALL | CONVOLUTIONS | POSITIONS
STACKS = TWO_STACKS | {"bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}


def sound(seconds: float = 0.5) -> Sound:
    """A sound of random samples."""
    made = np.random.default_rng(7).uniform(-0.5, 0.5, round(seconds * RATE)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, made, RATE, format="WAV", subtype="FLOAT")
    return Sound(file.getvalue(), "it.wav")


def folder(place: Path, name: str) -> Path:
    """A tiny model of that name, saved with what makes its input."""
    torch.manual_seed(7)
    network, extractor = MADE[name]()
    with torch.no_grad():
        for path, parameter in network.named_parameters():
            if parameter.dim() == 2 and "embed_positions" not in path:
                parameter.normal_(std=0.25)
    network.save_pretrained(place)
    extractor.save_pretrained(place)
    word_level().save_pretrained(place)
    return place


def _whisper() -> tuple[Any, Any]:
    sizes = {"num_mel_bins": 5, "max_source_positions": 13, "max_target_positions": 16, "suppress_tokens": None}
    config = hf.WhisperConfig(**STACKS | sizes | {"begin_suppress_tokens": None})
    own = hf.WhisperFeatureExtractor(feature_size=5, chunk_length=1, hop_length=615)
    return hf.WhisperForConditionalGeneration(config), own


def _wav2vec2_bert(adapter: bool = False) -> tuple[Any, Any]:
    sizes = {"feature_projection_input_dim": 10, "add_adapter": adapter, "output_hidden_size": 32}
    config = hf.Wav2Vec2BertConfig(**SMALL | sizes | {"conv_depthwise_kernel_size": 3})
    own = hf.SeamlessM4TFeatureExtractor(feature_size=5, num_mel_bins=5, stride=2)
    return (hf.Wav2Vec2BertModel if adapter else hf.Wav2Vec2BertForCTC)(config), own


def _speecht5() -> tuple[Any, Any]:
    sizes = {"hidden_size": 32, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "vocab_size": 101}
    layers = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 37, "decoder_ffn_dim": 37}
    config = hf.SpeechT5Config(**sizes, **layers, **CONVOLUTIONS, **POSITIONS, decoder_start_token_id=1)
    return hf.SpeechT5ForSpeechToText(config), hf.SpeechT5FeatureExtractor()


def _speech_encoder_decoder() -> tuple[Any, Any]:
    text = hf.TrOCRConfig(
        vocab_size=101, d_model=32, decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=37,
        max_position_embeddings=64, cross_attention_hidden_size=32,
    )  # fmt: skip
    config = hf.SpeechEncoderDecoderConfig.from_encoder_decoder_configs(hf.Wav2Vec2Config(**HEARS), text)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 0, 2
    return hf.SpeechEncoderDecoderModel(config), hf.Wav2Vec2FeatureExtractor()


def _parakeet() -> tuple[Any, Any]:
    sizes = SMALL | {"num_mel_bins": 16, "subsampling_conv_channels": 4, "conv_kernel_size": 3}
    config = hf.ParakeetCTCConfig(vocab_size=101, pad_token_id=0, encoder_config=hf.ParakeetEncoderConfig(**sizes))
    return hf.ParakeetForCTC(config), hf.ParakeetFeatureExtractor(feature_size=16)


MADE = {
    "whisper": _whisper,
    "wav2vec2_bert": _wav2vec2_bert,
    "wav2vec2_bert_adapter": lambda: _wav2vec2_bert(adapter=True),
    "speecht5": _speecht5,
    "speech_encoder_decoder": _speech_encoder_decoder,
    "parakeet": _parakeet,
}
