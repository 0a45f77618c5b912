"""What many tests share: models, and a browser with its server; which tests need the browser, and how they fail."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.tools.browser import CHROMIUM, DESK, FLAGS, SPARED, Reader, modules, require_chromium, server

# Without a GPU its kernels run in Triton's interpreter, which has to be asked for before anything imports Triton.
if not Path("/dev/nvidiactl").exists():
    os.environ["TRITON_INTERPRET"] = "1"

# What takes seconds to import is imported where tests run, and not by the process that hands them out.


@pytest.fixture(scope="session")
def minilm():
    import selfattn

    return selfattn.load("minilm")


@pytest.fixture(scope="session")
def smollm2():
    import selfattn
    from selfattn.models.loading.names import PACKAGES, names

    if "smollm2" not in names():
        pytest.skip(f"{PACKAGES['smollm2'][2]} brings the model")
    return selfattn.load("smollm2")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with a tokenizer of words, on disk: copy it before breaking it."""
    from tests.tools import made

    return made.folder(tmp_path_factory.mktemp("models") / "bert", "bert", made.word_level())


@pytest.fixture(scope="session")
def bert(bert_folder: Path):
    import selfattn

    return selfattn.load(bert_folder)


@pytest.fixture(scope="session")
def chromium():
    require_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def modules_address():
    with modules() as address:
        yield address


@pytest.fixture
def module_page(chromium, modules_address):
    """A blank page that can import the components' modules: `page.evaluate("import('/shared/payload.js')")`."""
    page = chromium.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    # Any file of the folder gives the page its origin.
    page.goto(f"{modules_address}/shared/payload.js")
    page.set_content("<!doctype html><body></body>")
    yield page
    page.close()
    assert faults == []


@pytest.fixture(scope="session")
def runs_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app keeps what is trained: a folder of the tests, not the one of who runs them."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def address(runs_home: Path):
    require_chromium()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFATTN_RUNS", str(runs_home))
        with server() as address:
            yield address


@pytest.fixture(scope="session")
def tab(chromium):
    """The tab of one worker, for one reader after the other."""
    page = chromium.new_context(viewport=DESK, accept_downloads=True).new_page()
    page.add_init_script(SPARED)
    return page


@pytest.fixture
def reader(tab, address):
    """A reader, who leaves nothing behind."""
    reader = Reader(tab, address)
    yield reader
    try:
        reader.check()
    finally:
        reader.leave()


@pytest.fixture
def another(tab, address):
    """Another reader, in a tab of their own."""
    other = Reader(tab.context.new_page(), address)
    yield other
    other.check()
    other.page.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser, and begin with it, then with what is slow: a file stays on one worker."""
    for item in items:
        if {"chromium", "address"} & {*item.fixturenames}:
            item.add_marker("browser")
    items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in ("browser", "slow")])


def is_quick(config: pytest.Config) -> bool:
    return "not slow" in config.option.markexpr


def pytest_configure(config: pytest.Config) -> None:
    """Shapes are checked in the whole suite: the checks are two fifths of the time of tests of arrays."""
    if not is_quick(config):
        from tests.tools import shapes

        shapes.check()


def pytest_collection_finish(session: pytest.Session) -> None:
    """All that is tested is imported by now."""
    import torch

    from tests.tools import shapes

    # Tests run side by side, on tiny models: more threads for each would only be in each other's way.
    torch.set_num_threads(1)
    if not is_quick(session.config):
        shapes.let_go()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Slow tests run without the checks of shapes: they would take twice as long."""
    import jaxtyping

    jaxtyping.config.update("jaxtyping_disable", item.get_closest_marker("slow") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """A browser test that fails leaves a picture of each of its pages, and says where."""
    report = yield
    if report.when == "call" and report.failed and (browser := item.funcargs.get("chromium")):
        folder = Path(tempfile.mkdtemp(prefix=f"{item.originalname}-"))
        pages = [page for context in browser.contexts for page in context.pages]
        for place, page in enumerate(pages):
            page.screenshot(path=folder / f"{place}.png")
        said = [f"{folder}/{place}.png  {page.url}" for place, page in enumerate(pages)]
        report.sections.append(("Screenshots", "\n".join(said)))
    return report
