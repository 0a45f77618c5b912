"""A picture that was saved: its file's name, its words, and the colour of a cell in it."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from PIL import Image

from selfattn.figures.palette import LIGHT, rgb
from tests.tools.browser import Reader, numbers

SVG = "{http://www.w3.org/2000/svg}"
# What a picture has no need of, and what would ask something of somebody.
FORBIDDEN = {f"{SVG}script", f"{SVG}foreignObject", f"{SVG}style", f"{SVG}a", f"{SVG}use"}
SHARPER = 2  # pixels of a PNG for one of the page, a side


@dataclass
class Saved:
    """A picture as SVG and as PNG; `name` without a suffix."""

    name: str
    svg: Element
    png: Image.Image

    @property
    def caption(self) -> str:
        """What stands under the picture, in one line."""
        return str(self.svg.findtext(f"{SVG}title"))

    @property
    def words(self) -> list[str]:
        """Every text in the picture."""
        return ["".join(each.itertext()) for each in self.svg.iter(f"{SVG}text")]

    def colour(self, image: int, at: tuple[int, int], shape: tuple[int, int]) -> list[int]:
        """The colour of a cell near its corner, where no outline lies, of one of the matrices in the picture."""
        found = [(matrix, each) for matrix, each in _placed(self.svg, np.eye(3)) if each.tag == f"{SVG}image"]
        matrix, each = found[image]
        x, y, width, height = (float(each.get(name, 0)) for name in ("x", "y", "width", "height"))
        (row, column), (rows, columns) = at, shape
        place = matrix @ [x + width * (column + 0.75) / columns, y + height * (row + 0.75) / rows, 1]
        return list(self.png.getpixel((int(SHARPER * place[0]), int(SHARPER * place[1]))))


def saved(reader: Reader) -> Saved:
    """Save the picture of the page both ways, and check what is true of every one."""
    files = {}
    for kind in ("svg", "png"):
        with reader.page.expect_download() as download:
            reader.page.locator(f".saver button[value={kind}]").click()
        files[kind] = download.value
    names = {kind: file.suggested_filename.removesuffix(f".{kind}") for kind, file in files.items()}
    assert names["svg"] == names["png"]
    assert re.fullmatch(r"[\w\-]{1,80}", names["svg"]), names["svg"]
    svg = ElementTree.parse(files["svg"].path()).getroot()
    assert {each.tag for each in svg.iter()} & FORBIDDEN == set()
    for each in svg.iter():
        for name, value in each.attrib.items():
            assert not name.startswith("on")
            assert not re.search(r"https?:|javascript:|url\((?!#)", value), (name, value)
            assert not name.endswith("href") or value.startswith("data:image/png;base64,")
    png = Image.open(files["png"].path()).convert("RGB")
    assert png.size == tuple(round(SHARPER * float(svg.get(side, 0))) for side in ("width", "height"))
    # White paper, whatever the theme.
    assert png.getpixel((2, 2)) == (255, 255, 255)
    found = Saved(names["svg"], svg, png)
    assert "".join(found.caption.split()) in "".join("".join(found.words).split())
    return found


def copied(reader: Reader) -> Image.Image:
    """The picture of the page by way of the clipboard."""
    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.page.locator(".saver button[value=copy]").click()
    reader.page.locator(".saver-said", has_text="Copied").wait_for()
    found = numbers(
        reader.page,
        """async () => {
          const [item] = await navigator.clipboard.read();
          return [...new Uint8Array(await (await item.getType("image/png")).arrayBuffer())];
        }""",
    )
    reader.page.context.clear_permissions()
    return Image.open(io.BytesIO(bytes(found))).convert("RGB")


def shade(weight: float, most: float) -> list[int]:
    """The colour of a weight on paper, deeper with its square root, in the symbol's own colour at `most`."""
    return [round(255 + (part - 255) * (weight / most) ** 0.5) for part in rgb(LIGHT.weights)]


def _placed(element: Element, matrix: np.ndarray) -> Iterator[tuple[np.ndarray, Element]]:
    """An element and all in it, each with the matrix that leads from its own lengths to those of the whole."""
    for name, listed in re.findall(r"(\w+)\(([^)]*)\)", element.get("transform", "")):
        parts = [float(number) for number in listed.split()]
        matrix = matrix @ _matrix(name, parts)
    yield matrix, element
    for child in element:
        yield from _placed(child, matrix)


def _matrix(name: str, parts: list[float]) -> np.ndarray:
    match name, parts:
        case "translate", [x, y]:
            return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])
        case "scale", [x, *rest]:
            return np.diag([x, rest[0] if rest else x, 1])
        case "matrix", [a, b, c, d, e, f]:
            return np.array([[a, c, e], [b, d, f], [0, 0, 1]])
    raise ValueError(f"{name} of {parts} is no transformation that pictures use.")
