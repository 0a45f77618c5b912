"""The languages that a tokenizer of many marks its texts with."""

import re
from typing import Any

# Of languages named: who asks for one that is not there sees how they are written.
NAMED = 3


def languages(tokenizer: Any) -> tuple[str, ...]:
    """The codes of a tokenizer's languages, such as "en", "en_XX" or "eng_Latn"; none where it has no such marks."""
    if not hasattr(tokenizer, "src_lang"):
        return ()
    listed = getattr(tokenizer, "lang_code_to_id", None) or [
        name for name in tokenizer.all_special_tokens if re.fullmatch(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}", name)
    ]
    return tuple(sorted(listed))


def mark_of(tokenizer: Any, language: str) -> int:
    """The token that marks a language. Raises ValueError for one that the tokenizer does not have."""
    there = languages(tokenizer)
    if language not in there:
        known = f"it knows {len(there)}, such as {', '.join(there[:NAMED])}" if there else "it marks no languages"
        raise ValueError(f"The language {language[:20]!r} is none of this model's tokenizer: {known}.")
    numbers = getattr(tokenizer, "lang_code_to_id", None) or {}
    return int(numbers[language] if language in numbers else tokenizer.convert_tokens_to_ids(language))
