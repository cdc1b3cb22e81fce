// The first view: what this is, and the wall.
import * as address from "./address.js";
import { announce, work } from "./busy.js";
import { choose, follow } from "./details.js";
import { $, choice, labeled, make } from "./dom.js";
import { condition, filters } from "./filters.js";
import { word } from "./language.js";
import { Wall } from "./wall.js";

let wall = null;

function query(fields) {
  const wanted = { text: fields.get("text"), where: condition(fields), order: fields.get("order") };
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
}

export async function showPictures(root, fields, about) {
  if (about.pictures === null) return void root.replaceChildren(make("h2", { tabIndex: -1 }, word("pictures")), make("p", {}, word("noIndex")));
  wall ||= new Wall({
    open: choose,
    moved: (k) => address.read().view === "wall" && address.change({ at: k || null }, { replace: true, quiet: true }),
  });
  wall.changed = () => load(address.read().fields);
  const chosen = (changed) => address.change({ ...changed, at: null });
  const order = choice({ on: { change: (event) => chosen({ order: event.target.value }) } }, [["", word("newest")], ["oldest", word("oldest")]], fields.get("order"));
  const title = make("h2", { id: "count", tabIndex: -1 }, word("count", about.pictures));
  root.replaceChildren(
    make("div", { className: "head" }, title, make("p", { className: "soft" }, word("lead"))),
    filters(fields, chosen, labeled(word("order"), order)),
    make("p", { id: "show-all", hidden: true }, make("button", { on: { click: () => address.go("wall") } }, word("showAll"))),
    wall.element,
  );
  follow(sequence);
  $("words").value = fields.get("text") || "";
  if (fields.get("text")) $("find-in").value = "paths";
  await load(fields);
}

async function load(fields) {
  await work(async ({ signal }) => {
    const total = await wall.load(query(fields), Number(fields.get("at")) || 0, signal);
    const some = fields.get("text") || condition(fields);
    const told = some ? word(total ? "found" : "foundNone", total) : word("count", total);
    $("count").textContent = told;
    $("show-all").hidden = Boolean(total) || !some;
    announce(told);
  });
}

// What the details go through by arrow keys.
const sequence = {
  get count() { return wall.count; },
  picture: (k) => wall.picture(k),
  closed: (k) => k >= 0 && wall.isShown && wall.focus(k),
};
