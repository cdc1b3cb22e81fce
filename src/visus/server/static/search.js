// Hits beside the picture that asks, or for words.
import * as address from "./address.js";
import { ask, show } from "./api.js";
import { announce, work } from "./busy.js";
import { choose, follow } from "./details.js";
import { $, choice, labeled, make } from "./dom.js";
import { condition, filters } from "./filters.js";
import { number, percent, said, word } from "./language.js";
import { add, asking, beside, form, list, question, region, small } from "./question.js";
import { rectangled } from "./rectangle.js";

let asked = 0; // to know late answers
let hits = [];

export async function showSearch(root, fields, about) {
  if (about.pictures === null) return address.go("networks", asking(fields), { replace: true });
  const mine = ++asked;
  await work(async ({ signal }) => {
    const own = await question(fields, signal).catch((error) => {
      if (mine === asked && error.name !== "AbortError") root.replaceChildren(nowhere());
      throw error;
    });
    if (mine !== asked) return;
    if (!own) return address.go("wall", {}, { replace: true });
    $("words").value = own.source ? "" : fields.get("words"); // beside a picture words have a field of their own
    if (fields.has("words")) $("find-in").value = "pictures";
    const results = make("section", { id: "results" });
    const before = document.getElementById("hits");
    const kept = before && root.dataset.asked === own.key ? before.parentNode : null; // the last hits stay until the next come
    root.dataset.asked = own.key;
    const held = focused(root);
    root.replaceChildren(make("div", { className: "asking" }, column(own, fields, about), kept || results));
    refocus(root, held);
    const found = await ask("/search", { fields: wanted(own, fields, await beside(fields)), signal });
    if (mine !== asked) return; // a later question has overtaken this one
    hits = found.hits;
    follow(sequence);
    const told = word(own.source ? "alike" : "showing", hits.length, own.name + further(fields));
    const again = focused(root);
    (kept || results).replaceWith(results);
    results.setAttribute("aria-labelledby", "results-title"); // which an error leaves out
    results.replaceChildren(...[
      make("div", { className: "head" }, make("h2", { id: "results-title", tabIndex: -1 }, hits.length ? told : word("nothing"))),
      ...found.notes.map((note) => make("p", { className: "soft" }, said(note))),
      hits.length || own.source || fields.has("least") ? null : make("button", { id: "all-the-same", on: { click: () => address.change({ least: "-1" }) } }, word("allTheSame")),
      filters(fields, address.change, ...options(fields, about)),
      make("ul", { id: "hits", className: "grid" }, hits.map(card)),
    ].filter(Boolean));
    refocus(root, again);
    announce(hits.length ? told : word("nothing"));
  });
}

// What stands there where the picture that is to ask cannot be had; the message says why.
const nowhere = () => make("section", {}, make("h2", { tabIndex: -1 }, word("search")), make("p", {}, make("a", { href: "#wall" }, word("showAll"))));

function wanted(own, fields, others) {
  const given = (name) => fields.get(name);
  return form(own, fields, {
    k: given("k") || 24, region: given("region"), where: condition(fields), by: given("by"), rerank: given("rerank"), min_score: given("least"),
    words: given("words"), ...others,
  });
}

// How many pictures ask with the first, and against it.
function further(fields) {
  const [also, unlike] = [list(fields, "also").length, list(fields, "unlike").length];
  return `${also ? ` + ${number(also)}` : ""}${unlike ? ` − ${number(unlike)}` : ""}`;
}

function options(fields, about) {
  const set = (name) => ({ change: (event) => address.change({ [name]: event.target.value }) });
  const k = choice({ id: "k", on: set("k") }, ["12", "24", "48", "100", "200"].map((own) => [own, own]), fields.get("k") || "24");
  const from = Math.max(0, Number(fields.get("least"))), value = make("output", {}, percent(from, 0));
  const least = make("input", { id: "least", type: "range", min: 0, max: 1, step: 0.01, value: from, on: {
    ...set("least"), input: (event) => { value.textContent = percent(event.target.value, 0); },
  } });
  const by = about.descriptors.length > 1 &&
    labeled(word("by"), choice({ id: "by", on: set("by") }, about.descriptors.map((own) => [own === "embedding" ? "" : own, word(`by_${own}`) || own]), fields.get("by")));
  const again = [["", word("plainOrder")], ["expansion", word("expansion")], ["geometry", word("geometry")]];
  return [by, labeled(word("rerank"), choice({ id: "rerank", on: set("rerank") }, again, fields.get("rerank"))), labeled(word("many"), k), labeled(word("least"), least, value)].filter(Boolean);
}

// The picture that asks, with a rectangle, and those that ask with it or against it.
function column(own, fields, about) {
  if (!own.source) return asWords(own, fields);
  const part = region(fields);
  return make("section", { id: "query", ariaLabel: word("yourPicture") },
    rectangled(own, part, (next) => address.change({ region: next && next.join(",") })),
    make("div", { className: "told" },
      make("p", { className: "name" }, own.name),
      make("p", { className: "soft part" }, word("part"), " ", make("output", { id: "part" }, part ? part.join(", ") : word("all"))),
      part ? make("button", { id: "whole", on: { click: () => address.change({ region: null }) } }, word("whole")) : make("p", { className: "soft hint" }, word("hint")),
      refined(fields, about.words ? wordsToo(fields) : null, pictures(fields),
        about.runs.length ? make("a", { className: "button small", href: address.link("networks", asking(fields)) }, word("askNetworks")) : null)));
}

// What may ask with the picture; folded where there is little room, until there is something in it.
function refined(fields, ...parts) {
  const used = ["words", "also", "unlike"].some((name) => fields.has(name));
  return make("details", { id: "refine", open: used || innerWidth > 832 }, make("summary", {}, word("refine")), make("div", { className: "actions" }, parts));
}

// Words that ask alone, with the pictures that ask with them.
const asWords = (own, fields) => make("section", { id: "query", ariaLabel: word("yourWords") },
  make("div", { className: "told" }, make("p", { className: "name" }, own.name), make("p", { className: "soft hint" }, word("mixed")), pictures(fields)));

// A field for words that ask beside the picture.
const wordsToo = (fields) => labeled(word("wordsToo"), make("input", { id: "words-too", type: "search", autocomplete: "off", placeholder: word("wordsExample"),
  value: fields.get("words") || "", on: { change: (event) => address.change({ words: event.target.value.trim() || null }) } }));

// The pictures that ask beside, and a button for more.
function pictures(fields) {
  const more = make("input", { id: "more", type: "file", multiple: true, accept: "image/*,.heic,.tif,.tiff", ariaLabel: word("addPicture"), on: { change: () => work(() => add([...more.files], fields)) } });
  return [
    make("ul", { className: "chips" }, ...chips("also", "unlike", fields), ...chips("unlike", "also", fields)),
    make("label", { className: "button small file" }, make("span", {}, word("addPicture")), more),
  ];
}

// Pictures that ask with it or against it; each can be turned into the other, or taken away.
function chips(name, other, fields) {
  const without = (key) => list(fields, name).filter((own) => own !== key).join(",");
  return list(fields, name).map((key) => {
    const image = make("img", { alt: "" });
    work(() => small(image, key));
    return make("li", { className: `chip ${name}` }, image, make("span", {}, word(name)),
      make("button", { className: "plain turn", on: { click: () => address.change({ [name]: without(key), [other]: [...list(fields, other), key].join(",") }) } }, word(`turn_${other}`)),
      make("button", { className: "plain", ariaLabel: word("without"), on: { click: () => address.change({ [name]: without(key) }) } }, "×"));
  });
}

function card(hit, k) {
  const image = make("img", { alt: word("hit", hit.name, number(hit.score, 3)), loading: "lazy", decoding: "async" });
  show(image, `/thumbnails/${hit.id}`);
  const bar = make("span", { className: "score" }, make("span", {}));
  bar.firstChild.style.width = `${100 * Math.max(0, hit.score)}%`;
  const badges = [
    hit.asked && make("span", { className: "badge asked" }, word("itself")),
    hit.missing && make("span", { className: "badge missing" }, word("missing")),
    hit.copies?.length && make("span", { className: "badge" }, word("copies", hit.copies.length)),
  ];
  return make("li", { className: hit.asked ? "asked" : "" },
    make("a", { className: "shown", href: address.link("search", { id: hit.id }), data: { k }, on: { click: (event) => opened(event, k) } }, image, bar),
    make("div", { className: "badges" }, badges),
    make("p", {}, make("b", {}, number(hit.score, 3)), " ", make("span", { title: hit.path }, hit.name)),
    hit.note ? make("p", { className: "soft" }, hit.note.split(", ").map(said).join(word("comma"))) : null);
}

function opened(event, k) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(k);
}

// What the details go through by arrow keys.
const sequence = {
  get count() { return hits.length; },
  picture: async (k) => hits[k],
  closed: (k) => document.querySelector(`#hits [data-k="${k}"]`)?.focus(),
};

// The focus, which stays where it was when parts of the page are made anew.
function focused(root) {
  const own = document.activeElement;
  if (!root.contains(own)) return null;
  return own.id ? `#${own.id}` : own.dataset.k ? `[data-k="${own.dataset.k}"]` : null;
}

function refocus(root, place) {
  if (place && !root.contains(document.activeElement)) root.querySelector(place)?.focus({ preventScroll: true });
}
