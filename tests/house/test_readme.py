"""The README's examples run, and print what they say."""

import re

from selfattn.places import HOME


def test_the_examples_print_what_they_say(capsys, monkeypatch):
    monkeypatch.chdir(HOME)
    examples = re.findall(r"```python\n(.*?)```", (HOME / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 2
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)
    printed = capsys.readouterr().out.strip().splitlines()
    promised = [promise for example in examples for promise in re.findall(r"print\(.*?\)\s+# (.*)", example)]
    assert len(printed) == len(promised) == 4
    for line, promise in zip(printed, promised, strict=True):
        assert line.startswith(promise.split("...")[0])
