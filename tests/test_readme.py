"""The README's example runs, and prints what it says."""

import re

from selfattn.places import HOME


def test_the_example_prints_what_it_says(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", (HOME / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(example, {})
    printed = capsys.readouterr().out.strip().splitlines()
    promised = re.findall(r"print\(.*?\)\s+# (.*)", example)
    assert len(printed) == len(promised) == 3
    for line, promise in zip(printed, promised, strict=True):
        assert line.startswith(promise.split("...")[0])
