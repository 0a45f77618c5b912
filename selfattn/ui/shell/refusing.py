"""Errors as one kind sentence on the page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
import torch

from selfattn.figures import pieces


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever cannot be done is one sentence on the page, and the page ends there; what was typed stays."""
    try:
        yield
    except torch.OutOfMemoryError:
        st.html(pieces.notice("The device has no memory left for this text; shorten it, or choose a smaller model."))
        st.stop()
    except OSError as error:
        st.html(pieces.notice(f"The disk could not be used: {error.strerror or error}. Mend that, and try again."))
        st.stop()
    except (ValueError, MemoryError) as error:
        st.html(pieces.notice(str(error)))
        st.stop()
