"""Small drawn pictures that a model of pictures can start from: plain things in plain places, and a line of writing."""

from collections.abc import Callable
from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

# Each is drawn so many times as large, and made smaller: its edges are smooth then.
FINER = 4


@cache
def scene(name: str) -> bytes:
    """The picture of that name, of `SCENES`, as a PNG."""
    file = BytesIO()
    SCENES[name]().save(file, "PNG")
    return file.getvalue()


def _house() -> Image.Image:
    """A house and a tree under the sun."""
    sheet = _Sheet(320, 240, "#BFDDF2")
    sheet.box((0, 168, 320, 240), "#7FB069")
    sheet.round((244, 24, 292, 72), "#F4C542")
    sheet.box((72, 112, 168, 192), "#F2E3C6")
    sheet.corners((60, 112, 180, 112, 120, 60), "#B5442E")
    sheet.box((108, 144, 132, 192), "#6B4A2F")
    sheet.box((84, 126, 104, 146), "#5E8FB8")
    sheet.box((140, 126, 160, 146), "#5E8FB8")
    sheet.box((234, 140, 246, 196), "#6B4A2F")
    sheet.round((208, 92, 272, 156), "#3E7D45")
    return sheet.done()


def _shapes() -> Image.Image:
    """A red circle, a blue square and a green triangle, from left to right."""
    sheet = _Sheet(320, 240, "#FAF8F3")
    sheet.round((24, 76, 112, 164), "#C8372D")
    sheet.box((124, 80, 204, 160), "#2B62A8")
    sheet.corners((216, 160, 304, 160, 260, 80), "#2F7D4F")
    return sheet.done()


def _writing() -> Image.Image:
    """Three words in one line."""
    sheet = _Sheet(320, 80, "#FFFFFF")
    sheet.text("read this line", 36, "#22211F")
    return sheet.done()


SCENES: dict[str, Callable[[], Image.Image]] = {"house": _house, "shapes": _shapes, "writing": _writing}


class _Sheet:
    """Paper to draw on, measured in the pixels of the picture that it becomes."""

    def __init__(self, width: int, height: int, paper: str) -> None:
        self.size = width, height
        self.image = Image.new("RGB", (width * FINER, height * FINER), paper)
        self.pen = ImageDraw.Draw(self.image)

    def box(self, edges: tuple[int, int, int, int], colour: str) -> None:
        self.pen.rectangle([FINER * edge for edge in edges], fill=colour)

    def round(self, edges: tuple[int, int, int, int], colour: str) -> None:
        self.pen.ellipse([FINER * edge for edge in edges], fill=colour)

    def corners(self, places: tuple[int, ...], colour: str) -> None:
        self.pen.polygon([FINER * place for place in places], fill=colour)

    def text(self, words: str, size: int, colour: str) -> None:
        middle = self.image.width // 2, self.image.height // 2
        self.pen.text(middle, words, fill=colour, font=ImageFont.load_default(FINER * size), anchor="mm")

    def done(self) -> Image.Image:
        return self.image.resize(self.size, Image.Resampling.LANCZOS)
