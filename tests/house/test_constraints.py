"""The releases that are tested: each that `pyproject.toml` asks for, within its bounds, and installed by the README."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from selfattn.places import HOME

PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
ASKED = [Requirement(each) for each in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"])]
PINNED = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (HOME / "constraints.txt").read_text(), re.MULTILINE)
}


@pytest.mark.parametrize("asked", ASKED, ids=lambda each: each.name)
def test_what_is_asked_for_has_a_tested_release_and_a_lowest_one(asked):
    assert asked.specifier.contains(PINNED[canonicalize_name(asked.name)])
    assert any(each.operator in (">=", "==") for each in asked.specifier), "no lowest release"


def test_both_commands_of_the_readme_install_what_is_tested():
    commands = re.findall(r"^pip install .*", (HOME / "README.md").read_text(), re.MULTILINE)[:2]
    assert [command.split("#")[0].split() for command in commands] == [
        ["pip", "install", "-c", "constraints.txt", "-e", ".", "&&", "streamlit", "run", "app.py"],
        ["pip", "install", "-c", "constraints.txt", "-e", '".[test]"', "&&", "pytest"],
    ]
