// @ts-check
// The way of every picture out of the page: four buttons, svg, png, pdf and copy, the same in every room.

import { h, write } from "../dom.js";

const SAID = 4000; // milliseconds that a word about it stays
const BUTTONS = {
  svg: { text: "↓ svg", label: "Save the picture as svg" },
  png: { text: "↓ png", label: "Save the picture as png" },
  pdf: { text: "pdf", label: "Print the picture, or save it as pdf" },
  copy: { text: "copy", label: "Copy the picture" },
};
const NO_CLIPBOARD = "Without https the browser lets nothing be copied: save the png.";
// Browsers may remember that an address failed: it is asked for by another one then.
let lost = 0;

/** What draws a picture anew, fetched when it is asked for. */
async function fetched() {
  try {
    const again = lost ? `?again=${lost}` : "";
    return { ...(await import(`./printed.js${again}`)), ...(await import(`./files.js${again}`)) };
  } catch (error) {
    lost++;
    throw error;
  }
}

/**
 * The buttons; `picture()` is what is saved of the room.
 * @param {any} room
 * @param {() => import("./printed.js").Picture} picture
 */
export function saver(room, picture) {
  const said = h("span", { class: "saver-said", role: "status" });
  const buttons = Object.entries(BUTTONS).map(([kind, { text, label }]) =>
    h("button", { type: "button", value: kind, "aria-label": label, title: label, onclick: () => act(kind) }, text),
  );
  const element = h("div", { class: "saver unsaved", role: "group", "aria-label": "Save" }, said, ...buttons);
  let timer = 0;

  function say(words) {
    write(said, words);
    clearTimeout(timer);
    timer = setTimeout(() => write(said, ""), SAID);
  }

  async function act(kind) {
    try {
      const { printed, asSvg, asPng, give, print, mayCopy, copy } = await fetched();
      if (kind === "copy" && !mayCopy()) return say(NO_CLIPBOARD);
      const shown = picture();
      const { name, before, after } = room.source;
      const svg = printed(room, { ...shown, said: [...before, ...shown.said, ...after] });
      const file = [name[0], shown.head ?? name[1], shown.view, name[2]].filter(Boolean).join("_");
      if (kind === "svg") give(asSvg(svg), `${file}.svg`);
      else if (kind === "png") give(await asPng(svg), `${file}.png`);
      else if (kind === "pdf") await print(svg, file);
      else await copy(asPng(svg));
      say(kind === "copy" ? "Copied" : "");
    } catch (error) {
      console.error(error);
      say(
        kind === "copy" ? "The browser did not let it be copied: save the png." : "It could not be made; press again.",
      );
    }
  }
  return { element };
}
