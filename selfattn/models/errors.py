"""What libraries and damaged files raise, in one line."""


def first_line(error: Exception) -> str:
    """What a library's error says, without its traceback and its advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


def unopened(name: str, what: str, why: str) -> str:
    """The sentence on a file beside a model that is there and could not be opened."""
    return (
        f"The {what} of {name} could not be opened ({why.rstrip('.')}), so it reads tensors alone; "
        "copy it again, or install what it asks for."
    )
