// Trained networks: what they say of a picture, why, and how little it takes to fool them.
import * as address from "./address.js";
import { ask } from "./api.js";
import { announce, work } from "./busy.js";
import { curves } from "./curves.js";
import { choice, labeled, make } from "./dom.js";
import { language, named, number, percent, word } from "./language.js";
import { bars, predicted } from "./predicted.js";
import { asking, form, question, region } from "./question.js";
import { rectangled } from "./rectangle.js";
import { figure, scale } from "./why.js";

const METHODS = ["gradcam", "saliency", "input", "guided", "deconv", "smoothgrad", "integrated", "guided_gradcam", "occlusion"];
let shown = 0; // to know late answers

export async function showNetworks(root, fields, about) {
  const mine = ++shown;
  const title = make("div", { className: "head" }, make("h2", { tabIndex: -1 }, word("networks")), make("p", { className: "soft" }, word("networksLead")));
  if (!about.runs.length) return void root.replaceChildren(title, make("p", {}, word("noRuns")));
  const run = about.runs.find((own) => own.name === fields.get("run")) || about.runs[0];
  const runs = choice({ id: "run", on: { change: (event) => address.change({ run: event.target.value }) } }, about.runs.map((own) => [own.name, `${own.name} (${named("tasks", own.task)})`]), run.name);
  const facts = make("p", { className: "soft" }, word("runTold", run.net || word("unknown"), number(run.classes.length), run.classes.slice(0, 6).join(word("comma")) + (run.classes.length > 6 ? " …" : "")));
  const body = make("div", { className: "asking" });
  root.replaceChildren(title, make("div", { className: "bar" }, labeled(word("network"), runs), facts), body, learned(run));
  await work(async ({ signal }) => {
    const own = await question(fields, signal);
    if (mine !== shown) return;
    body.replaceChildren(own ? picture(own, fields, run) : nothing(), make("div", { className: "cards" }, ...cards(own, fields, run)));
  });
}

function nothing() {
  return make("section", { id: "query", className: "empty", ariaLabel: word("yourPicture") }, make("p", {}, word("choosePicture")),
    make("button", { on: { click: () => document.getElementById("file").click() } }, word("chooseOne")));
}

function picture(own, fields, run) {
  const part = region(fields), hint = { segment: "hintPixel", detect: "hintBox" }[run.task];
  return make("section", { id: "query", ariaLabel: word("yourPicture") },
    rectangled(own, part, (next) => address.change({ region: next && next.join(",") })),
    make("div", { className: "told" }, make("p", { className: "name" }, own.name),
      hint ? make("p", { className: "soft hint" }, word(hint)) : null,
      part ? make("button", { id: "whole", on: { click: () => address.change({ region: null }) } }, word("whole")) : null,
      make("a", { className: "button", href: address.link("search", asking(fields)) }, word("searchWith"))));
}

// Which object or pixel is meant: the rectangle, or its middle.
function meant(fields, run) {
  const part = region(fields);
  if (!part || !["segment", "detect"].includes(run.task)) return {};
  const [x0, y0, x1, y1] = part;
  return run.task === "detect" ? { box: part.join(",") } : { at: `${Math.floor((x0 + x1) / 2)},${Math.floor((y0 + y1) / 2)}` };
}

function cards(own, fields, run) {
  const classes = [["", word("likeliest")], ...run.classes.map((name) => [name, name])];
  const others = [["", word("anything")], ...run.classes.map((name) => [name, name])];
  const method = choice({ id: "method" }, METHODS.map((name) => [name, named("methods", name)]), "gradcam");
  const told = make("p", { className: "soft" }, named("means", "gradcam"));
  method.addEventListener("change", () => { told.textContent = named("means", method.value); });
  const target = choice({ id: "class" }, classes, ""), wrong = choice({ id: "target" }, others, "");
  const levels = make("output", {}, word("levels", "2"));
  const epsilon = make("input", { id: "epsilon", type: "range", min: 0.5, max: 16, step: 0.5, value: 2, on: { input: () => { levels.textContent = word("levels", number(Number(epsilon.value))); } } });
  return [
    card("predict", own, run, [], async (signal) => {
      const found = await ask("/predict", { fields: form(own, fields, { run: run.name, overlay: run.task === "segment" }), signal });
      return predicted(found, { width: own.width, height: own.height, show: (image) => { image.src = own.image.src; } });
    }),
    card("explain", own, run, [labeled(word("method"), method), labeled(word("forClass"), target), told], async (signal) => {
      const found = await ask("/explain", { fields: form(own, fields, { run: run.name, method: method.value, target: target.value, ...meant(fields, run) }), signal });
      return make("div", {}, bars([[found.class, found.probability]]),
        make("div", { className: "pair" }, figure(image(found.picture, found.class), word("seen")), figure(image(found.overlay, named("methods", found.method)), named("methods", found.method))),
        scale(found.scale, word("nothingThere"), word("most")));
    }),
    run.task === "classify" && card("fool", own, run, [labeled(word("target"), wrong), labeled(word("epsilon"), epsilon, levels)], async (signal) => {
      const found = await ask("/fool", { fields: form(own, fields, { run: run.name, target: wrong.value, epsilon: epsilon.value / 255 }), signal });
      const [was, is] = found.names.map((name, k) => `${name} ${percent(found.probabilities[k])}`);
      return make("div", {}, make("p", {}, word(found.fooled ? "fooled" : "notFooled", was, is)),
        make("div", { className: "pair" }, figure(image(found.before, word("before")), word("before")), figure(image(found.change, word("change")), word("change")), figure(image(found.after, word("after")), word("after"))));
    }),
  ].filter(Boolean);
}

const image = (source, text) => make("img", { src: source, alt: text });

// A question to the network, and below it the answer; what is asked later overtakes it.
function card(name, own, run, choices, answer) {
  const told = make("div", { className: "answer-of", id: `${name}-answer` });
  const button = make("button", { id: name, className: "first", disabled: !own, on: { click: () => work(async ({ signal }) => {
    const mine = shown;
    const found = await answer(signal);
    if (mine !== shown) return;
    told.replaceChildren(found);
    announce(word(`${name}Done`));
  }, button) } }, word(name));
  return make("section", { className: "card", ariaLabel: word(name) }, make("h3", {}, word(`${name}Title`)), make("p", { className: "soft" }, word(`${name}Lead`)),
    choices.length ? make("div", { className: "bar" }, choices) : null, button, told);
}

// How it learned, folded.
function learned(run) {
  if (!run.curves) return "";
  const part = make("details", { id: "curves", lang: language() }, make("summary", {}, word("curves")));
  part.addEventListener("toggle", () => part.open && work(async ({ signal }) => {
    const found = await ask(`/runs/${encodeURIComponent(run.name)}/metrics`, { signal });
    part.replaceChildren(part.firstChild, curves(found.columns, found.rows));
  }), { once: true });
  return part;
}
