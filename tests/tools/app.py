"""The app's script without a browser: a link opened, and another page gone to."""

from functools import cache

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from selfattn.places import HOME

# Each run looks through all installed packages for components, which takes as long as a page.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


def app(page: str = "", **link: object) -> AppTest:
    """The app as a link opens it, at a page by its name in the address; not run yet."""
    at = AppTest.from_file(str(HOME / "app.py"), default_timeout=120)
    if page:
        at._page_hash = calc_hash(page)  # as a deep link does; `switch_page` needs a run before it, and a file
    for name, value in link.items():
        at.query_params[name] = str(value)
    return at


def go(at: AppTest, page: str) -> AppTest:
    """Another page, as a click in the navigation opens it: what stands in the link is left behind."""
    at._page_hash = calc_hash(page)
    at.query_params.clear()
    return at.run()
