// @ts-check
// The one script that Streamlit knows. It imports nothing before it is called: where a module is lost on the way,
// somebody is here who says so and tries again.

/** @typedef {import("./shared/room.js").Room} Room */
/** @typedef {import("./shared/room.js").Message} Message */

const ROOMS = ["one_head", "all_heads", "compare", "interventions", "masks", "training", "variants"];
// Browsers may remember that an address failed: it is asked for by another one then.
let lost = 0;

/**
 * The class that draws a room.
 * @param {string} name
 * @returns {Promise<new (root: HTMLElement) => Room>}
 */
async function load(name) {
  if (!ROOMS.includes(name)) throw new Error(`There is no room ${name}.`);
  try {
    return (await import(`./${name}/index.js${lost ? `?again=${lost}` : ""}`)).default;
  } catch (error) {
    lost++;
    throw error;
  }
}

/** What stands in one mounted element: at first a word, then a room. */
class Place {
  /** @type {Room | null} */
  room = null;
  loading = false;
  /** @type {Message | null} */
  message = null;

  /** @param {HTMLElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.waiting = [...canvas.childNodes];
  }

  /** @param {Message} message */
  async show(message) {
    this.message = message;
    const { room, style, heard, payload } = opened(message.data);
    if (this.room) return this.room.hear(message, payload, heard);
    if (this.loading) return;
    this.loading = true;
    try {
      const Made = await load(room);
      if (!this.canvas.isConnected) return;
      const sheet = document.createElement("style");
      sheet.textContent = style;
      this.canvas.before(sheet);
      this.canvas.replaceChildren();
      this.room = new Made(this.canvas);
    } catch (error) {
      console.error(error);
      return this.apologise();
    } finally {
      this.loading = false;
    }
    // Another message may have come while the script was on its way.
    this.show(this.message);
  }

  /** The script did not come: the next message tries again, or the reader does. */
  apologise() {
    const said = document.createElement("p");
    said.className = "waiting";
    said.role = "alert";
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Try again" });
    button.onclick = () => {
      this.canvas.replaceChildren(...this.waiting);
      if (this.message) this.show(this.message);
    };
    said.append("What draws this picture did not arrive.", button);
    this.canvas.replaceChildren(said);
  }
}

/**
 * What `component.py` sends: a room's name, its style, what was heard of it, and its payload.
 * @param {Uint8Array} data
 * @returns {{ room: string, style: string, heard: Parameters<Room["hear"]>[2], payload: Uint8Array }}
 */
function opened(data) {
  const end = 4 + new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  return { ...JSON.parse(new TextDecoder().decode(data.subarray(4, end))), payload: data.subarray(end) };
}

/** @type {WeakMap<HTMLElement, Place>} */
const places = new WeakMap();

/**
 * Streamlit calls this with each message; the same element keeps what the reader did there.
 * @param {Message} message
 */
export default function (message) {
  // Mounted while the server starts: the scripts are there before the first head.
  if (!message.data) return void load("one_head").catch(() => {});
  const canvas = /** @type {HTMLElement} */ (message.parentElement.querySelector(".canvas"));
  const place = places.get(canvas) ?? new Place(canvas);
  places.set(canvas, place);
  place.show(message);
  // Streamlit calls this too for a message that another one overtook: then the element is still there.
  return () => canvas.isConnected || place.room?.leave();
}

// The page that readers turn to next: its scripts are there when they do.
const soon = window.requestIdleCallback ?? setTimeout;
soon(() => load("all_heads").catch(() => {}));
