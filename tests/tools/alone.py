"""A live picture alone on a blank page: what the app sends it for a link, drawn without the app around it."""

import base64
from dataclasses import fields

from selfattn.figures.palette import LIGHT
from tests.tools.app import app

MOUNT = """async ([text, palette]) => {
  const { default: show } = await import("/main.js");
  for (const [name, value] of Object.entries(palette)) document.body.style.setProperty(`--sa-${name}`, value);
  const parentElement = document.createElement("div");
  parentElement.innerHTML = '<div class="canvas"></div>';
  document.body.replaceChildren(parentElement);
  window.told = {};
  const tell = (name, value) => (window.told[name] = value);
  const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  show({ data, parentElement, setStateValue: tell, setTriggerValue: tell });
}"""
TOLD = "() => window.told"
# Both must be drawn: what was asked for last, and what follows from it.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def alone(page: object, **link: object) -> object:
    """The root of the head that a link opens; `told(page)` is what it has told Python since."""
    at = app(**link).run()
    assert not at.exception
    (sent,) = (each.proto.bytes for each in at.get("bidi_component") if each.proto.bytes)
    palette = {each.name: getattr(LIGHT, each.name) for each in fields(LIGHT)}
    page.evaluate(MOUNT, [base64.b64encode(sent).decode(), palette])
    root = page.locator(".head[data-ready=true]")
    root.wait_for()
    root.evaluate(DRAWN)
    return root


def told(page: object) -> dict[str, object]:
    """What a picture has told Python, once the hand has rested."""
    page.locator("[data-resting]").wait_for(state="detached")
    return page.evaluate(TOLD)
