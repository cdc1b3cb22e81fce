// Where two pictures agree, or where one shows words: heat maps with their scale, the part that asked outlined.
import { ask } from "./api.js";
import { make } from "./dom.js";
import { number, word } from "./language.js";
import { form } from "./question.js";

// own: the question.   part: its region, or null.   words: that ask, or null.   hit: a picture of the index.
export async function why(own, part, words, hit, signal) {
  const found = await ask("/why", { fields: form(own, null, { hit: hit.id, region: part?.join(","), words }), signal });
  return make("section", { id: "why-told", ariaLabel: word("why") },
    make("h3", {}, word("whyScore", number(found.score, 3))),
    make("div", { className: "pair" },
      found.query ? figure(part ? outlined(own, part, found.query) : picture(found.query, word("whyQuery")), word("whyQuery")) : null,
      figure(picture(found.hit, word(words ? "whyWords" : "whyHit", words)), word(words ? "whyWords" : "whyHit", words))),
    scale(found.scale, word("nothingThere"), word("most")));
}

const picture = (source, text) => make("img", { src: source, alt: text });

export const figure = (content, text) => make("figure", {}, content, make("figcaption", {}, text));

// The whole picture, pale, with the heat map where the part lies.
function outlined(own, [x0, y0, x1, y1], source) {
  const whole = own.image.cloneNode(), heat = picture(source, word("whyQuery"));
  whole.alt = "";
  whole.className = "pale";
  heat.className = "heat";
  Object.assign(heat.style, {
    left: `${(100 * x0) / own.width}%`, top: `${(100 * y0) / own.height}%`,
    width: `${(100 * (x1 - x0)) / own.width}%`, height: `${(100 * (y1 - y0)) / own.height}%`,
  });
  return make("div", { className: "outlined" }, whole, heat);
}

// The colors of a heat map, from nothing to the most.
export function scale(colors, low, high) {
  const bar = make("span", { className: "colors" });
  bar.style.background = `linear-gradient(to right, ${colors.join(", ")})`;
  return make("p", { className: "scale" }, make("span", {}, low), bar, make("span", {}, high));
}
