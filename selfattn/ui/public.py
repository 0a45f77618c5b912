"""A server that strangers use: which models they open, how much they may give, and what is off there."""

import json
import os
from dataclasses import dataclass

import streamlit as st

from selfattn.models.inputs.given import Input
from selfattn.models.loading.library import Choice

OFF = "This server is open to everybody, so {what} off; `pip install selfattn` brings it to your own machine."


@dataclass(frozen=True)
class Public:
    """What a server for strangers allows: models by their names, and the size of what these read."""

    models: tuple[str, ...]
    characters: int = 4_000
    tokens: int = 1_024
    megabytes: int = 5

    def check_model(self, choice: Choice) -> None:
        """Raise ValueError for what is not listed: no path of the server is looked at, and nothing is downloaded."""
        if choice.source not in self.models:
            raise ValueError(
                f"This server opens {', '.join(self.models)}; {choice.source[:80]!r} is none of these: choose one."
            )
        if choice != Choice(choice.source):
            raise ValueError("This server opens its models in the usual way alone; leave their other options out.")

    def check_input(self, given: Input) -> None:
        """Raise ValueError for what is larger than strangers may give."""
        if (count := _most(str, given)) > self.characters:
            raise ValueError(
                f"The text has {count:,} characters, and this server reads up to {self.characters:,}; shorten it."
            )
        if (count := _most(bytes, given)) > self.megabytes * 1e6:
            raise ValueError(
                f"The file has {count / 1e6:.1f} MB, and this server reads up to {self.megabytes} MB; bring a smaller."
            )


def _most(kind: type, given: object) -> int:
    """The length of the longest text, or file, in what is given."""
    if isinstance(given, str | bytes):
        return len(given) if isinstance(given, kind) else 0
    return max((_most(kind, each) for each in vars(given).values()), default=0)


def _asked() -> Public | None:
    """What the command line asked for; none is the usual app, of one reader and their friends."""
    asked = os.environ.get("SELFATTN_PUBLIC")
    return Public(tuple(json.loads(asked))) if asked else None


PUBLIC = _asked()


def check_model(choice: Choice) -> None:
    """Raise ValueError for a model that strangers may not open, where they are who reads here."""
    if PUBLIC is not None:
        PUBLIC.check_model(choice)


def check_input(given: Input) -> None:
    """Raise ValueError for what is too large, where strangers read here."""
    if PUBLIC is not None:
        PUBLIC.check_input(given)


def is_off(what: str) -> bool:
    """Whether something is off here, which is said in its place: `what` with its verb, such as "training is"."""
    if PUBLIC is not None:
        st.caption(OFF.format(what=what))
    return PUBLIC is not None
