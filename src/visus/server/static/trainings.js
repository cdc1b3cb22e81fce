// Trainings and studies as they go on.
import * as address from "./address.js";
import { ask, pause } from "./api.js";
import { work } from "./busy.js";
import { curves, trials } from "./curves.js";
import { make } from "./dom.js";
import { named, number, percent, word } from "./language.js";

const EVERY = 2000; // milliseconds between two looks at a training that runs
let looking = null; // stops when something else is shown

export function leaveTrainings() {
  looking?.abort();
  looking = null;
}

export async function showTrainings(root, fields, about) {
  leaveTrainings();
  const own = new AbortController();
  looking = own;
  const title = make("div", { className: "head" }, make("h2", { tabIndex: -1 }, word("trainings")), make("p", { className: "soft" }, word("trainingsLead")));
  if (!about.trainings) return void root.replaceChildren(title, make("p", {}, word("noTrainings")));
  const list = make("ul", { id: "training-list", className: "list" }), one = make("section", { id: "training" });
  one.setAttribute("aria-label", word("training"));
  root.replaceChildren(title, make("div", { className: "asking" }, make("nav", { id: "query", ariaLabel: word("trainings") }, list), one));
  for (;;) {
    const found = await work(() => look(list, one, fields, own.signal));
    if (!found?.some((other) => other.status === "running")) return;
    await pause(EVERY, own.signal).catch(() => {});
    if (own.signal.aborted) return;
  }
}

async function look(list, one, fields, signal) {
  const found = (await ask("/trainings", { signal })).trainings;
  const name = fields.get("name") || found[0]?.name;
  fill(list, found, name);
  if (name) await table(one, name, signal);
  else one.replaceChildren(make("p", {}, word("noTraining")));
  return found;
}

const share = (own) => (own.total ? `${number(own.done)} / ${number(own.total)}` : number(own.done));

function fill(list, found, name) {
  const held = document.activeElement?.closest("#training-list li")?.dataset.name;
  list.replaceChildren(...found.map((own) => make("li", { data: { name: own.name } },
    make("a", { href: address.link("trainings", { name: own.name }), ariaCurrent: own.name === name ? "true" : null },
      make("span", { className: `badge ${own.status}` }, named("states", own.status)), " ", make("b", {}, own.name),
      make("span", { className: "soft" }, ` ${word(own.task === "tune" ? "trialsDone" : "epochsDone", share(own))}${own.best === null ? "" : `${word("comma")}${word("best", percent(own.best))}`}`)))));
  if (held) list.querySelector(`[data-name="${CSS.escape(held)}"] a`)?.focus({ preventScroll: true });
}

async function table(part, name, signal) {
  const found = await ask(`/trainings/${name.split("/").map(encodeURIComponent).join("/")}`, { signal });
  const stamp = JSON.stringify([name, found.status, found.rows.length, found.rows[found.rows.length - 1]]);
  if (part.dataset.stamp === stamp) return; // nothing new
  part.dataset.stamp = stamp;
  const bar = make("progress", { max: found.total || 1, value: found.done, ariaLabel: word("epochsDone", share(found)) });
  part.replaceChildren(
    make("div", { className: "head" }, make("h3", {}, found.name), make("p", { role: "status", className: "soft" }, `${named("states", found.status)}${word("comma")}${word(found.task === "tune" ? "trialsDone" : "epochsDone", share(found))}`)),
    found.total && found.status === "running" ? bar : "",
    found.task === "tune" ? trials(found.columns, found.rows) : curves(found.columns, found.rows, found.status === "running" ? found.total : null),
    numbers(found));
}

// The numbers, the newest first, folded.
function numbers({ columns, rows }) {
  const cell = (value) => (typeof value === "number" ? String(Number(value.toPrecision(5))) : value ?? "");
  const body = [...rows].reverse().slice(0, 200).map((row) => make("tr", {}, row.map((value) => make("td", {}, cell(value)))));
  return make("details", {}, make("summary", {}, word("numbers")),
    make("div", { className: "scrolled", tabIndex: 0, role: "region", ariaLabel: word("numbers") },
      make("table", {}, make("thead", {}, make("tr", {}, columns.map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, body))));
}
