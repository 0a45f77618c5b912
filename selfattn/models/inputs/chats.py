"""What is said to a model that answers, as its own chat template writes it."""

from typing import Any

from selfattn.models.inputs.given import Chat


def rendered(tokenizer: Any, chat: Chat) -> str:
    """The text that the model reads, with its special tokens and the mark after which its answer begins.

    Raises ValueError where the tokenizer has no template, and where the template does not take what is said.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ValueError("This model's tokenizer has no chat template; give it the text alone.")
    system = [{"role": "system", "content": chat.system}] if chat.system else []
    said = [*system, {"role": "user", "content": chat.user}]
    try:
        return str(tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))
    except Exception as error:  # a template is written by whoever made the model
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        without = "; leave the system text out, or give it the text alone." if system else "; give it the text alone."
        raise ValueError(f"The chat template of this model does not take this ({why[:200]}){without}") from error
