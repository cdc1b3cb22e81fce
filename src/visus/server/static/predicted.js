// What a network says: bars for classes, boxes and masks over the picture, each with its legend.
import { draw, make } from "./dom.js";
import { percent, word } from "./language.js";
import { painted } from "./masks.js";

// Colors of objects, which can be told apart on light and dark pictures (Okabe and Ito, 2008).
const COLORS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"];

// found: an answer of /predict.   picture: {width, height, show}.
export function predicted(found, picture) {
  if (found.probabilities) return bars(Object.entries(found.probabilities));
  if (found.objects) return objects(found, picture);
  const shares = Object.entries(found.shares || {}).sort((a, b) => b[1] - a[1]);
  return make("div", {},
    found.overlay ? make("img", { className: "answer", src: found.overlay, alt: word("masks", found.run) }) : null,
    bars(shares, (name) => found.colors?.[name]));
}

// Names with shares of one, as bars.
export function bars(pairs, color = () => null) {
  return make("ul", { className: "bars" }, pairs.map(([name, share]) => {
    const bar = make("span", { className: "bar-full" }, make("span", {}));
    bar.firstChild.style.width = `${100 * share}%`;
    const own = color(name);
    if (own) bar.firstChild.style.background = own;
    return make("li", {}, make("span", { className: "bar-name" }, own ? spot(own) : null, name), bar, make("span", { className: "bar-value" }, percent(share)));
  }));
}

function spot(color) {
  const made = make("span", { className: "spot" });
  made.style.background = color;
  return made;
}

function objects(found, picture) {
  if (!found.objects.length) {
    const best = found.best && word("bestObject", found.best.class, percent(found.best.score));
    return make("p", {}, word("noObjects"), " ", best || "");
  }
  const names = [...new Set(found.objects.map((own) => own.class))];
  const color = (name) => COLORS[names.indexOf(name) % COLORS.length];
  const image = make("img", { className: "answer", alt: word("boxes", found.objects.length) });
  picture.show(image);
  const masks = found.objects.filter((own) => own.segmentation).map((own) => ({ ...own, color: color(own.class) })).reverse();
  const lines = draw("svg", { viewBox: `0 0 ${picture.width} ${picture.height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...found.objects.map((own) => {
      const [x0, y0, x1, y1] = own.box;
      return draw("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0, fill: "none", stroke: color(own.class), "stroke-width": 2, "vector-effect": "non-scaling-stroke" });
    }));
  return make("div", {}, make("div", { className: "drawn" }, image, masks.length ? painted(masks, picture.width, picture.height) : null, lines),
    make("ul", { className: "bars scrolled", tabIndex: 0, ariaLabel: word("objects", found.objects.length) }, found.objects.map((own) => {
      const bar = make("span", { className: "bar-full" }, make("span", {}));
      Object.assign(bar.firstChild.style, { width: `${100 * own.score}%`, background: color(own.class) });
      return make("li", {}, make("span", { className: "bar-name" }, spot(color(own.class)), own.class), bar, make("span", { className: "bar-value" }, percent(own.score)));
    })));
}
