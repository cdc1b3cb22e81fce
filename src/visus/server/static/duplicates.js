// Duplicates: what is the same, which picture is kept and why, and what becomes of the others.
import * as address from "./address.js";
import { ask, show } from "./api.js";
import { announce, work } from "./busy.js";
import { copyText } from "./clipboard.js";
import { compare } from "./compare.js";
import { choose, follow } from "./details.js";
import { choice, labeled, make } from "./dom.js";
import { bytes, named, number, percent, said, word } from "./language.js";

const RELATIONS = ["byte-identical", "same pixels", "re-encoded", "resized", "cropped", "turned", "mirrored", "recolored", "bordered", "captioned"];
const PART = 30; // groups that are shown at a time

let about = { moves: false };
let pictures = []; // all that are shown, for the details

export async function showDuplicates(root, fields, abilities) {
  about = abilities;
  if (about.pictures === null) return void root.replaceChildren(make("h2", { tabIndex: -1 }, word("duplicates")), make("p", {}, word("noIndex")));
  const groups = make("div", { id: "groups" });
  const totals = make("p", { id: "totals", role: "status" });
  const find = make("button", { id: "find-duplicates", className: "first", on: { click: () => (fields.has("found") ? fill(groups, totals, fields, find) : address.change({ found: 1 })) } }, word("find"));
  root.replaceChildren(
    make("div", { className: "head" }, make("h2", { tabIndex: -1 }, word("duplicates")), make("p", { className: "soft" }, word("duplicatesLead"))),
    make("div", { className: "bar" }, ...choices(fields), find),
    totals, groups);
  if (fields.has("found")) await fill(groups, totals, fields, find);
}

function choices(fields) {
  const set = (name, value = (own) => own.value) => ({ change: (event) => address.change({ [name]: value(event.target) || null }) });
  const relations = [["", word("anyRelation")], ...RELATIONS.map((name) => [name, named("relations", name)])];
  const least = fields.get("agreement") || 0.5, told = make("output", {}, percent(least, 0));
  const agreement = make("input", { id: "threshold", type: "range", min: 0.5, max: 1, step: 0.01, value: least, on: {
    ...set("agreement"), input: (event) => { told.textContent = percent(event.target.value, 0); },
  } });
  return [
    labeled(word("relation"), choice({ id: "relation", on: set("relation") }, relations, fields.get("relation"))),
    labeled(word("agreement"), agreement, told),
    labeled(word("folder"), make("input", { value: fields.get("folder") || "", size: 18, on: set("folder") })),
    make("label", {}, make("input", { id: "scenes", type: "checkbox", checked: fields.has("scenes"), on: set("scenes", (own) => (own.checked ? 1 : null)) }), make("span", {}, word("scenes"))),
  ];
}

const query = (fields, offset, limit) => {
  const wanted = { relation: fields.get("relation"), agreement: fields.get("agreement"), folder: fields.get("folder"), offset, limit };
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
};

async function fill(groups, totals, fields, button) {
  await work(async ({ signal, progress }) => {
    const found = await ask(`/duplicates?${query(fields, 0, PART)}`, { signal, progress });
    pictures = [];
    follow(sequence);
    groups.replaceChildren(...tools(found, fields), ...found.groups.map(group));
    if (!found.groups.length) groups.append(make("p", {}, word("none")));
    if (fields.has("scenes")) groups.append(...found.stacks.map(stack));
    if (found.totals.groups > PART) groups.append(further(groups, fields, PART, found.totals.groups));
    totals.textContent = word("totals", found.totals.groups, found.totals.copies, found.totals.may_go, bytes(found.totals.size));
    groups.append(...found.notes.map((note) => make("p", { className: "soft" }, said(note))));
  }, button);
}

function further(groups, fields, offset, total) {
  const button = make("button", { on: { click: () => work(async ({ signal }) => {
    const found = await ask(`/duplicates?${query(fields, offset, PART)}`, { signal });
    const parts = found.groups.map(group);
    button.replaceWith(...parts, ...(offset + PART < total ? [further(groups, fields, offset + PART, total)] : []));
    parts[0]?.querySelector("a, button")?.focus();
  }, button) } }, word("further", number(total - offset)));
  return button;
}

// What is done with all of them.
function tools(found, fields) {
  if (!found.totals.may_go) return [];
  const all = async (signal) => {
    const copies = [];
    for (let offset = 0; offset < found.totals.groups; offset += 1000) {
      const part = await ask(`/duplicates?${query(fields, offset, 1000)}`, { signal });
      copies.push(...part.groups.flatMap((own) => own.others).filter((copy) => copy.may_go));
    }
    return copies;
  };
  const copied = make("button", { id: "copy-list", on: { click: () => work(async ({ signal }) => copyText((await all(signal)).map((copy) => copy.path).join("\n")), copied) } }, word("copyList"));
  const moved = about.moves && make("button", { id: "move-all", on: { click: () => work(async ({ signal }) => {
    const copies = await all(signal);
    if (confirm(word("moveThem", copies.length))) await move(copies.map((copy) => copy.id), fields);
  }, moved) } }, word("moveAll", number(found.totals.may_go)));
  return [make("div", { className: "bar" }, copied, moved || null)];
}

async function move(ids, fields) {
  let count = 0;
  const left = [];
  for (let start = 0; start < ids.length; start += 1000) {
    const found = await ask("/duplicates/moves", { fields: { ids: ids.slice(start, start + 1000).join(",") }, again: false });
    count += found.moved.length;
    left.push(...found.left);
  }
  await fill(document.getElementById("groups"), document.getElementById("totals"), fields, null);
  const told = [word("moved", count), ...left.map(said)].join(" ");
  document.getElementById("totals").textContent = told;
}

// Groups ----------------------------------------------------------------------------------------------------------

function group(own) {
  const ids = [own.keep, ...own.others].map((picture) => picture.id);
  const part = make("section", { className: "group" },
    make("h3", {}, word("same", ids.length)),
    make("ul", { className: "grid" },
      card(own.keep, make("span", { className: "badge asked" }, word("keep")), own.why ? word("because", own.why.split(", ").map((reason) => named("reasons", reason)).join(word("comma"))) : ""),
      own.others.map((copy) => card(copy,
        make("span", { className: copy.may_go ? "badge" : "badge missing" }, word(copy.may_go ? "mayGo" : "stays")), relation(copy),
        make("button", { className: "small", on: { click: () => compare(own.keep, copy, relation(copy)) } }, word("compare"))))),
    make("div", { className: "bar" }, ["not-copies", "keep-both"].map((decision) => decided(decision, ids, () => part)),
      about.moves && own.others.some((copy) => copy.may_go) ? make("button", { className: "move", on: { click: (event) => work(
        () => move(own.others.filter((copy) => copy.may_go).map((copy) => copy.id), address.read().fields), event.currentTarget) } }, word("move")) : null));
  return part;
}

function relation(copy) {
  const names = copy.relation.names.map((name) => named("relations", name)).join(word("comma"));
  const exact = ["byte-identical", "same pixels"].includes(copy.relation.names[0]);
  const stays = copy.stays ? `${word("semicolon")}${named("reasons", copy.stays)}` : "";
  return `${names}${exact ? "" : word("agree", percent(copy.relation.agreement, 0))}${stays}`;
}

function stack(own) {
  return make("section", { className: "group" }, make("h3", {}, word("stack", named("kinds", own.kind), own.pictures.length)),
    make("ul", { className: "grid" }, own.pictures.map((picture) => card(picture, null, ""))));
}

function card(picture, badge, text, ...more) {
  const k = pictures.push(picture) - 1, name = picture.path.split("/").pop();
  const image = make("img", { alt: name, loading: "lazy", decoding: "async" });
  show(image, `/thumbnails/${picture.id}`);
  return make("li", {},
    make("a", { className: "shown", href: address.link("search", { id: picture.id }), data: { k }, on: { click: (event) => { event.preventDefault(); choose(k); } } }, image),
    badge ? make("div", { className: "badges" }, badge) : null,
    make("p", { title: picture.path }, name), make("p", { className: "soft" }, `${picture.width} × ${picture.height}, ${bytes(picture.size)}`),
    text ? make("p", { className: "relation" }, text) : null, more);
}

// A button that notes what someone decided; the group goes, and the focus to the next one.
function decided(decision, ids, part) {
  const button = make("button", { on: { click: () => work(async () => {
    await ask("/duplicates/decisions", { fields: { ids: ids.join(","), decision } });
    const own = part(), next = own.nextElementSibling || own.previousElementSibling;
    own.remove();
    announce(word("noted"));
    (next?.querySelector("a, button") || document.getElementById("find-duplicates")).focus();
  }, button) } }, word(decision));
  return button;
}

// What the details go through by arrow keys.
const sequence = {
  get count() { return pictures.length; },
  picture: async (k) => pictures[k],
  closed: (k) => document.querySelector(`#groups [data-k="${k}"]`)?.focus(),
};
