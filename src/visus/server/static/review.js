// What visus check found, and what someone decides on it: a line stays as it is, gets another class, or is left out.
import * as address from "./address.js";
import { ask, show } from "./api.js";
import { announce, work } from "./busy.js";
import { choice, labeled, make } from "./dom.js";
import { named, number, percent, said, word } from "./language.js";

const PART = 24; // lines that are shown at a time
const DECISIONS = ["keep", "relabel", "leave out"];

let classes = [];

export async function showReview(root, fields, about) {
  const title = make("div", { className: "head" }, make("h2", { tabIndex: -1 }, word("review")), make("p", { className: "soft" }, word("reviewLead")));
  if (!about.check) return void root.replaceChildren(title, make("p", {}, word("noReview")));
  const problems = make("ul", { className: "list" }), lines = make("ul", { id: "lines", className: "grid wide" });
  const state = make("p", { id: "decided", role: "status", className: "soft" });
  const open = make("input", { id: "open", type: "checkbox", checked: fields.has("open"), on: { change: (event) => address.change({ open: event.target.checked ? 1 : null }) } });
  const part = make("section", {}, make("div", { className: "bar" }, make("label", {}, open, make("span", {}, word("onlyOpen"))), state), lines);
  part.setAttribute("aria-label", word("findings"));
  root.replaceChildren(title, make("div", { className: "asking" }, make("nav", { id: "query", ariaLabel: word("problems") }, problems), part));
  await work(async ({ signal }) => {
    const found = await ask(path(fields, 0), { signal });
    classes = found.classes;
    fill(problems, found, fields.get("problem"));
    tell(state, found);
    lines.replaceChildren(...found.findings.map((own) => line(own, state, fields)));
    if (!found.total) lines.append(make("li", {}, word("nothingOpen")));
    if (found.total > PART) lines.after(further(lines, state, fields, PART, found.total));
  });
}

function path(fields, offset) {
  const wanted = { problem: fields.get("problem"), undecided: fields.has("open") ? "true" : null, offset, limit: PART };
  return `/check?${new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== null))}`;
}

function fill(list, found, chosen) {
  const all = Object.values(found.problems).reduce((sum, count) => sum + count, 0);
  list.replaceChildren(...[["", all], ...Object.entries(found.problems)].map(([name, count]) => make("li", {},
    make("a", { href: address.link("check", { problem: name || null }), ariaCurrent: name === (chosen || "") ? "true" : null },
      name ? named("problems_", name) : word("allProblems"), " ", make("span", { className: "soft" }, number(count))))));
}

function tell(state, found) {
  const all = Object.values(found.problems).reduce((sum, count) => sum + count, 0);
  state.textContent = word("decidedOf", number(found.decided), number(all), found.table.split("/").pop());
}

function further(lines, state, fields, offset, total) {
  const button = make("button", { on: { click: () => work(async ({ signal }) => {
    // What was decided meanwhile is gone from a list of open lines, so that further ones come sooner.
    const start = fields.has("open") ? lines.querySelectorAll("li[data-open]").length : offset;
    const found = await ask(path(fields, start), { signal });
    const parts = found.findings.map((own) => line(own, state, fields));
    lines.append(...parts);
    if (start + PART < found.total) button.replaceWith(further(lines, state, fields, start + PART, found.total));
    else button.remove();
    parts[0]?.querySelector("button")?.focus();
  }, button) } }, word("further", number(total - offset)));
  return button;
}

// A line: its picture, and the other one where there is one, why it is there, and three buttons.
function line(own, state, fields) {
  const name = own.file.split("/").pop();
  const part = make("li", { className: "finding", data: { line: own.id } },
    make("div", { className: "pair" }, picture(own.id, "picture", name, own.given_label), own.other ? picture(own.id, "other", own.other.split("/").pop(), "") : null),
    make("p", {}, make("b", {}, named("problems_", own.problem)), own.certainty ? ` ${percent(own.certainty)}` : ""),
    make("p", { className: "soft" }, own.file), make("p", {}, said(own.why)));
  const label = own.given_label ? choice({ className: "label" }, classes.map((one) => [one, one]), own.new_label || own.predicted_label || own.given_label) : null;
  const buttons = DECISIONS.filter((one) => one !== "relabel" || label).map((one) => make("button", {
    className: "small", data: { decision: one }, on: { click: (event) => decide(part, own, one, label?.value, state, event.currentTarget, fields) } }, named("decisions", one)));
  if (label) part.append(labeled(word("newClass"), label));
  part.append(make("div", { className: "bar" }, buttons));
  mark(part, own.decision);
  return part;
}

function picture(id, which, name, label) {
  const image = make("img", { alt: name, loading: "lazy", decoding: "async" });
  show(image, `/check/${id}/${which}`);
  return make("figure", {}, image, make("figcaption", {}, label || name));
}

function mark(part, decision) {
  for (const button of part.querySelectorAll("[data-decision]")) button.setAttribute("aria-pressed", String(button.dataset.decision === decision));
  part.toggleAttribute("data-open", !decision);
}

// A second press takes a decision back.
async function decide(part, own, wanted, label, state, button, fields) {
  await work(async () => {
    const decision = button.getAttribute("aria-pressed") === "true" ? "undecided" : wanted;
    await ask("/check/decisions", { fields: { lines: own.id, decision, label: decision === "relabel" ? label : null } });
    mark(part, decision === "undecided" ? "" : decision);
    announce(word("noted"));
    tell(state, await ask(path(fields, 0)));
  }, button);
}
