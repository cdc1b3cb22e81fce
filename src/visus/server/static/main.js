// The page of visus: everything that it shows comes from the API of the same address.
import * as address from "./address.js";
import { ask, enter } from "./api.js";
import { cancel, complain, onLocked, work } from "./busy.js";
import { know, sync } from "./details.js";
import { $ } from "./dom.js";
import { language, speak, word } from "./language.js";
import { showPictures } from "./pictures.js";
import { take } from "./question.js";

// Views besides the first are loaded when they are shown.
const VIEWS = {
  wall: async () => showPictures,
  search: async () => (await import("./search.js")).showSearch,
  duplicates: async () => (await import("./duplicates.js")).showDuplicates,
  networks: async () => (await import("./networks.js")).showNetworks,
  trainings: async () => (await import("./trainings.js")).showTrainings,
  check: async () => (await import("./review.js")).showReview,
};
const BESIDE = ["details", "place", "at"]; // fields that change nothing of the view itself

let about = null; // what can be asked of this server
let shown = { view: null, key: null };
let leave = () => {};

async function show() {
  if (!about) return;
  const here = address.read(), view = VIEWS[here.view] ? here.view : "wall";
  const key = address.link(view, Object.fromEntries([...here.fields].filter(([name]) => !BESIDE.includes(name))));
  if (key !== shown.key) {
    const moved = shown.view !== view;
    if (moved && shown.view) remember();
    shown = { view, key };
    leave();
    leave = () => {};
    mark(view);
    document.title = `visus: ${word({ wall: "pictures", search: "search", check: "review" }[view] || view)}`;
    const draw = await VIEWS[view]();
    if (view === "trainings") leave = (await import("./trainings.js")).leaveTrainings;
    if (shown.key !== key) return;
    if (moved) scrollTo(0, 0);
    const drawn = draw($("main"), here.fields, about);
    if (moved && touched) $("main").querySelector("h2")?.focus({ preventScroll: true });
    await drawn;
  }
  await sync(address.read().fields);
}

let touched = false; // whether someone went anywhere: the first view takes no focus

function remember() {
  touched = true;
}

function mark(view) {
  for (const own of ["wall", "duplicates", "networks", "trainings", "check"]) {
    if (own === view) $(`tab-${own}`).setAttribute("aria-current", "page");
    else $(`tab-${own}`).removeAttribute("aria-current");
  }
  document.body.dataset.view = view;
}

async function start() {
  await work(async ({ signal }) => {
    about = await ask("/about", { signal });
    know(about);
    $("gate").hidden = true;
    document.body.classList.remove("locked");
    $("tab-trainings").hidden = !about.trainings;
    $("tab-check").hidden = !about.check;
    for (const id of ["words", "find-go"]) $(id).hidden = about.pictures === null;
    $("find-in").hidden = !about.words;
    if (!about.words) $("find-in").value = "paths";
    if (about.pictures === null && !location.hash) address.go(about.check && !about.runs.length ? "check" : "networks", {}, { replace: true });
    shown = { view: null, key: null };
  });
  await show();
}

function chosen(files) {
  if (!files.length) return;
  const view = shown.view === "networks" || about?.pictures === null ? "networks" : "search";
  const run = view === "networks" ? { run: address.read().fields.get("run") } : {};
  work(() => take([...files], view, run));
}

function switchTo(next) {
  speak(next);
  $("language").textContent = next === "en" ? "中文" : "English";
  $("language").lang = next === "en" ? "zh" : "en";
}

addEventListener("unhandledrejection", (event) => event.reason?.name === "AbortError" && event.preventDefault());
onLocked((sentence) => {
  document.body.classList.add("locked");
  $("gate").hidden = false;
  $("token").focus();
  complain(sentence);
});
$("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  enter($("token").value);
  start();
});
$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = $("words").value.trim();
  if (said && $("find-in").value === "pictures") address.go("search", { words: said });
  else address.go("wall", { text: said });
});
$("words").addEventListener("search", () => $("words").value || !["text", "words"].some((own) => address.read().fields.has(own)) || address.go("wall"));
$("file").addEventListener("change", () => {
  chosen([...$("file").files]);
  $("file").value = ""; // so that the same file can be chosen again
});
let over = 0;
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    over = kind === "drop" ? 0 : Math.max(0, over + ({ dragenter: 1, dragleave: -1 }[kind] || 0));
    $("dropping").hidden = !over;
    if (kind === "drop") chosen(event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => chosen(event.clipboardData.files));
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, select, textarea") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    $("words").focus();
  }
});
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
$("busy-cancel").addEventListener("click", cancel);
$("language").addEventListener("click", () => {
  switchTo(language() === "en" ? "zh" : "en");
  shown = { view: shown.view, key: null };
  show();
});
address.onChange(show);
switchTo(language());
start();
