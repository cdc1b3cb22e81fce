// One picture, large: what is known of it, what can be done with it, and its neighbors by arrow keys.
import * as address from "./address.js";
import { ask, open as openFile, show } from "./api.js";
import { announce, work } from "./busy.js";
import { copyText } from "./clipboard.js";
import { make } from "./dom.js";
import { bytes, day, word } from "./language.js";
import { predicted } from "./predicted.js";
import { isAsked, join, question, region } from "./question.js";
import { why } from "./why.js";

let sequence = null; // of the view that is shown
let about = { runs: [] };
let shown = null; // {id, place} of the picture

const dialog = make("dialog", { id: "details", on: { keydown: pressed, close: closed, click: (event) => event.target === dialog && dialog.close() } });
document.body.append(dialog);

// Which pictures come before and after; a view says so when it is shown.
export function follow(next) {
  sequence = next;
}

export function know(next) {
  about = next;
}

// Show the picture at a place of the view.
export async function choose(k) {
  await work(async () => {
    const picture = await sequence.picture(k);
    if (picture) address.change({ details: picture.id, place: k }, { replace: dialog.open });
  });
}

// Open, change or close as the address says.
export async function sync(fields) {
  const id = fields.get("details");
  if (!id) {
    if (dialog.open) dialog.close();
    return;
  }
  if (dialog.open && shown?.id === id) return;
  shown = { id, place: fields.has("place") ? Number(fields.get("place")) : -1 };
  await work(async ({ signal }) => {
    const facts = await ask(`/pictures/${id}/facts`, { signal });
    if (shown.id !== id) return;
    const held = dialog.contains(document.activeElement) ? document.activeElement.id : null;
    fill(facts, fields);
    if (!dialog.open) dialog.showModal();
    (document.getElementById(held || "details-title") || dialog).focus({ preventScroll: true });
    announce(facts.name);
  });
}

function fill(facts, fields) {
  const image = pictured(facts);
  const more = make("div", { id: "details-more" });
  const step = (sign, id, text) => make("button", { id, className: `step ${id}`, ariaLabel: word(text), disabled: !there(sign), on: { click: () => go(sign) } }, sign < 0 ? "‹" : "›");
  dialog.setAttribute("aria-labelledby", "details-title");
  dialog.replaceChildren(
    make("div", { className: "large" }, step(-1, "previous", "previous"), image, step(1, "next", "next")),
    make("div", { className: "facts" },
      make("div", { className: "head" }, make("h2", { id: "details-title", tabIndex: -1 }, facts.name),
        make("button", { id: "details-close", className: "plain", ariaLabel: word("close"), on: { click: () => dialog.close() } }, "×")),
      facts.missing ? make("p", { className: "badge missing" }, word("missing")) : null,
      described(facts),
      make("div", { className: "actions" }, ...actions(facts, fields, more)),
      more));
}

// The picture, small until its large view has come.
function pictured(facts) {
  const [small, large] = [1, 2].map(() => make("img", { id: "details-picture", alt: facts.name }));
  show(small, `/thumbnails/${facts.id}`);
  large.addEventListener("load", () => small.replaceWith(large), { once: true });
  if (!facts.missing) show(large, `/previews/${facts.id}`);
  return small;
}

function described(facts) {
  const rows = [
    [word("path"), make("span", {}, make("span", { className: "path" }, facts.path), " ", make("button", { id: "copy-path", className: "plain", on: { click: () => copyText(facts.path) } }, word("copy")))],
    [word("size"), `${facts.width} × ${facts.height}, ${bytes(facts.size)}`],
    [word(facts.taken ? "taken" : "changed"), day(facts.time, true)],
  ];
  return make("dl", {}, rows.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function actions(facts, fields, more) {
  const asks = address.read().view === "search" && isAsked(fields);
  const clean = { details: null, place: null };
  const beside = (name) => join(name, [facts.id], fields, clean);
  const button = (id, text, act, first = false) => make("button", { id, className: first ? "first" : "", on: { click: (event) => act(event.currentTarget) } }, word(text));
  return [
    facts.missing ? null : button("like", "like", () => address.go("search", { id: facts.id }), true),
    asks && button("why", "why", (own) => explained(facts, fields, more, own)),
    asks && !facts.missing && button("also-add", "addAlso", () => beside("also")),
    asks && !facts.missing && button("unlike-add", "addUnlike", () => beside("unlike")),
    facts.missing ? null : button("original", "original", () => openFile(`/pictures/${facts.id}`)),
    about.runs.length && !facts.missing ? button("runs-say", "runsSay", (own) => predictions(facts, more, own)) : null,
  ];
}

async function explained(facts, fields, more, button) {
  await work(async ({ signal }) => {
    const own = await question(fields, signal);
    more.replaceChildren(await why(own, region(fields), fields.get("words"), facts, signal));
    more.scrollIntoView({ block: "nearest" });
    announce(word("whyTold"));
  }, button);
}

// What each run says of it, one after the other.
async function predictions(facts, more, button) {
  await work(async ({ signal }) => {
    more.replaceChildren();
    for (const run of about.runs) {
      const found = await ask("/predict", { fields: { run: run.name, id: facts.id, overlay: run.task === "segment" }, signal });
      const picture = { width: facts.width, height: facts.height, show: (image) => show(image, `/previews/${facts.id}`) };
      more.append(make("h3", {}, run.name), predicted(found, picture));
    }
    announce(word("runsTold", about.runs.length));
  }, button);
}

// Steps -----------------------------------------------------------------------------------------------------------

const there = (sign) => shown.place >= 0 && shown.place + sign >= 0 && sequence && shown.place + sign < sequence.count;

function go(sign) {
  if (there(sign)) choose(shown.place + sign);
}

function pressed(event) {
  const sign = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!sign || event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select")) return;
  event.preventDefault();
  go(sign);
}

function closed() {
  const place = shown?.place ?? -1;
  shown = null;
  dialog.replaceChildren();
  if (address.read().fields.has("details")) address.change({ details: null, place: null }, { replace: true });
  sequence?.closed(place);
}

