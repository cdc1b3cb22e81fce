// A rectangle on a picture: drawn, moved and sized by pointer or keys.
import { make } from "./dom.js";
import { word } from "./language.js";

const LEAST = 8; // pixels of the picture
const SIDES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

// A picture that takes a rectangle.
//   own: {image, width, height}.   region: x0, y0, x1, y1 in pixels of the picture, or null.
//   chosen: told a region when it is done, or null for the whole picture.
export function rectangled(own, region, chosen) {
  const image = own.image.cloneNode();
  image.alt = own.name;
  image.draggable = false;
  const box = make("div", { className: "box", hidden: true }, SIDES.map((side) => make("span", { className: `handle ${side}`, data: { side } })));
  const canvas = make("div", { id: "canvas", tabIndex: 0, role: "group", ariaLabel: word("rectangle") }, image, box);
  canvas.style.maxWidth = `calc(40vh * ${own.width / own.height})`;
  let now = region;

  const place = () => {
    box.hidden = !now;
    if (!now) return;
    const [x0, y0, x1, y1] = now;
    Object.assign(box.style, {
      left: `${(100 * x0) / own.width}%`, top: `${(100 * y0) / own.height}%`,
      width: `${(100 * (x1 - x0)) / own.width}%`, height: `${(100 * (y1 - y0)) / own.height}%`,
    });
  };
  const set = (next) => {
    now = next;
    place();
  };
  const at = (event) => {
    const frame = image.getBoundingClientRect();
    return [
      clip(Math.round(((event.clientX - frame.left) / frame.width) * own.width), own.width),
      clip(Math.round(((event.clientY - frame.top) / frame.height) * own.height), own.height),
    ];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    const from = at(event), before = now, side = event.target.dataset.side;
    const inside = !side && before && event.target === box;
    const move = (next) => {
      const to = at(next);
      if (side) set(sized(before, side, to));
      else if (inside) set(shifted(before, to[0] - from[0], to[1] - from[1], own));
      else set(ordered([...from, ...to]));
    };
    const end = (stopped) => {
      for (const [name, act] of Object.entries(acts)) canvas.removeEventListener(name, act);
      const done = stopped ? before : now && isLarge(now) ? now : side || inside ? before : null;
      set(done);
      if (String(done) !== String(before)) chosen(done);
    };
    const acts = { pointermove: move, pointerup: () => end(false), pointercancel: () => end(true) };
    canvas.setPointerCapture(event.pointerId);
    for (const [name, act] of Object.entries(acts)) canvas.addEventListener(name, act);
  });

  // Arrows move a rectangle, with Shift they change its size; Enter searches, Escape takes it away.
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter") return void chosen(now);
    if (event.key === "Escape" && now) {
      event.stopPropagation();
      set(null);
      return void chosen(null);
    }
    if (!step) return;
    event.preventDefault();
    const dx = Math.round((step[0] * own.width) / 20), dy = Math.round((step[1] * own.height) / 20);
    const middle = [own.width / 4, own.height / 4, (3 * own.width) / 4, (3 * own.height) / 4].map(Math.round);
    if (!now) return set(middle);
    const next = event.shiftKey ? [now[0], now[1], clip(now[2] + dx, own.width), clip(now[3] + dy, own.height)] : shifted(now, dx, dy, own);
    if (isLarge(next)) set(next);
  });
  place();
  return canvas;
}

const clip = (value, most) => Math.min(Math.max(0, value), most);

const ordered = ([a, b, c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];

const isLarge = ([x0, y0, x1, y1]) => x1 - x0 >= LEAST && y1 - y0 >= LEAST;

function shifted([x0, y0, x1, y1], dx, dy, own) {
  const x = Math.min(Math.max(dx, -x0), own.width - x1), y = Math.min(Math.max(dy, -y0), own.height - y1);
  return [x0 + x, y0 + y, x1 + x, y1 + y];
}

function sized([x0, y0, x1, y1], side, [x, y]) {
  return ordered([side.includes("w") ? x : x0, side.includes("n") ? y : y0, side.includes("e") ? x : x1, side.includes("s") ? y : y1]);
}
