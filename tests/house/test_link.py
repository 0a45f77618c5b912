"""The link is read and written in one file."""

from selfattn.places import HOME


def test_no_other_file_touches_the_address():
    files = [HOME / "app.py", *(HOME / "pages").rglob("*.py"), *(HOME / "selfattn").rglob("*.py")]
    touching = [file.relative_to(HOME).as_posix() for file in files if "query_params" in file.read_text()]
    assert touching == ["selfattn/ui/link.py"]
