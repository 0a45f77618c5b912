"""Where things lie: the app beside the package in a checkout, inside it once installed; what is trained, at home."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
HOME = _PACKAGE / "shipped" if (_PACKAGE / "shipped").is_dir() else _PACKAGE.parent
SPECIMENS = HOME / "assets" / "specimens"
RUNS = Path(os.environ.get("SELFATTN_RUNS") or Path.home() / ".selfattn" / "runs")
