"""One meaning a name: no two classes of the library's floors are called the same."""

import ast
from collections import defaultdict

from tests.house.test_floors import FILES, FLOORS, module_of, place_of

# A script that makes a shipped model measures it in a way of its own, and nobody imports that.
SCRIPTS = "selfattn.training.specimens."


def test_no_two_classes_have_one_name():
    homes = defaultdict(list)
    for file in FILES:
        module = module_of(file)
        if FLOORS[place_of(module)] > FLOORS["selfattn.training"] or module.startswith(SCRIPTS):
            continue
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module)
    assert len(homes) > 90
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}
