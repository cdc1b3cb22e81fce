"use strict";
// The page of visus: everything that it shows comes from the API of the same address.

const $ = (id) => document.getElementById(id);
const METHODS = ["gradcam", "saliency", "guided", "smoothgrad", "integrated", "guided_gradcam", "occlusion"];
const state = {
  source: null, image: null, region: null, // the picture that asks
  searched: true, // whether the hits are those of that picture
  asked: 0, question: 0, busy: 0, // to know late answers
  runs: [], language: "en", token: sessionStorage.getItem("token") || "",
};
const word = (key) => WORDS[state.language][key];

// Asking the server -----------------------------------------------------------------------------------------------

async function ask(path, fields, kind = "json") {
  const options = { headers: state.token ? { Authorization: `Bearer ${state.token}` } : {} };
  if (fields) {
    options.method = "POST";
    options.body = new FormData();
    for (const [key, value] of Object.entries(fields)) if (value !== null && value !== "") options.body.append(key, value);
  }
  if (!/^[\x20-\x7e]*$/.test(state.token)) throw new Error(word("wrong")); // no header can hold it
  const response = await fetch(path, options);
  if (response.status === 401) {
    lock(true);
    throw new Error(word(state.token ? "wrong" : "wants"));
  }
  if (!response.ok) throw new Error((await response.json().catch(() => ({ error: response.statusText }))).error);
  if (response.status === 202) { // it is being worked on, and goes on without us
    const told = await response.json();
    $("message").textContent = `${word("steps")[told.what] || told.what} ${told.done.toLocaleString()} / ${told.total.toLocaleString()}`;
    await new Promise((done) => setTimeout(done, 1000));
    return ask(path, fields, kind);
  }
  return kind === "json" ? response.json() : response.blob();
}

function lock(closed) {
  $("gate").hidden = !closed;
  document.body.classList.toggle("locked", closed);
}

// One task at a time for each button; the message stays until all are done, and an error until the next one begins.
async function working(task, pressed) {
  if (pressed) pressed.disabled = true;
  if (!state.busy++) $("message").textContent = word("working");
  let failed = false;
  try {
    await task();
  } catch (error) {
    failed = true;
    $("message").textContent = error.message;
  }
  if (!--state.busy && !failed) $("message").textContent = "";
  if (pressed) pressed.disabled = false;
}

// The token stands in a header, so pictures are fetched and not linked.
async function show(image, path) {
  if (!state.token) image.src = path;
  else image.src = URL.createObjectURL(await ask(path, null, "blob"));
}

const fields = (more) => ({ ...(state.source instanceof Blob ? { picture: state.source } : { id: state.source }), ...more });

const part = () => state.region && state.region.join(",");

// The picture that asks -------------------------------------------------------------------------------------------

async function choose(source) {
  const mine = forget();
  const blob = source instanceof Blob ? source : await ask(`/pictures/${source}`, null, "blob");
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode().catch(() => { throw new Error(word("unseen")); });
  if (mine !== state.question) return; // another one was chosen meanwhile
  Object.assign(state, { source, image, region: null, searched: false });
  $("file").value = ""; // so that the same file can be chosen again
  $("frame").hidden = false;
  draw();
  $("hits").replaceChildren();
  $("query").scrollIntoView({ block: "nearest" });
  if (!$("search").hidden) await search();
}

// A new question to the networks: whatever answers an older one comes too late.
function forget() {
  $("answer").textContent = "";
  $("pictures").replaceChildren();
  return ++state.question;
}

function draw() {
  const canvas = $("canvas"), scale = Math.min(1, 480 / state.image.naturalWidth, 360 / state.image.naturalHeight);
  canvas.width = Math.max(1, Math.round(state.image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(state.image.naturalHeight * scale));
  const context = canvas.getContext("2d");
  context.drawImage(state.image, 0, 0, canvas.width, canvas.height);
  if (state.region) {
    const [x0, y0, x1, y1] = state.region.map((value) => value * scale);
    context.strokeStyle = "#ff3030";
    context.lineWidth = 3;
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  $("part").textContent = state.region ? state.region.join(", ") : word("all");
}

function place(event) {
  const box = $("canvas").getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * state.image.naturalWidth;
  const y = ((event.clientY - box.top) / box.height) * state.image.naturalHeight;
  return [Math.min(Math.max(0, Math.round(x)), state.image.naturalWidth), Math.min(Math.max(0, Math.round(y)), state.image.naturalHeight)];
}

function rectangle(from, to) {
  const [x0, x1] = [from[0], to[0]].sort((a, b) => a - b), [y0, y1] = [from[1], to[1]].sort((a, b) => a - b);
  state.region = x1 - x0 > 7 && y1 - y0 > 7 ? [x0, y0, x1, y1] : null;
  draw();
}

// By keyboard: arrows move a rectangle, with Shift they change its size.
function moved(event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key === "Enter" && state.image) return void working(search);
  if (!(event.key in steps) || !state.image) return;
  event.preventDefault();
  const width = state.image.naturalWidth, height = state.image.naturalHeight;
  const [x0, y0, x1, y1] = state.region || [width / 4, height / 4, (3 * width) / 4, (3 * height) / 4].map(Math.round);
  const dx = Math.round((steps[event.key][0] * width) / 20), dy = Math.round((steps[event.key][1] * height) / 20);
  const clip = (value, most) => Math.min(Math.max(0, value), most);
  const first = event.shiftKey ? [x0, y0] : [clip(x0 + dx, width), clip(y0 + dy, height)];
  rectangle(first, [clip(x1 + dx, width), clip(y1 + dy, height)]);
}

// Search ----------------------------------------------------------------------------------------------------------

async function search() {
  if (state.source === null) throw new Error(word("first"));
  const mine = ++state.asked;
  state.searched = true;
  const found = await ask("/search", fields({ k: $("k").value, min_score: $("least").value, region: part() }));
  if (mine !== state.asked) return; // a later question has overtaken this one
  $("hits").replaceChildren(...found.hits.map(card));
  if (!found.hits.length) $("hits").append(word("nothing"));
}

function card(hit) {
  const item = document.createElement("li"), open = document.createElement("button"), image = document.createElement("img");
  open.className = "shown";
  open.title = word("like");
  open.dataset.title = "like";
  image.alt = hit.name || hit.path.split("/").pop();
  image.loading = "lazy";
  show(image, `/thumbnails/${hit.id}`);
  open.append(image);
  open.addEventListener("click", () => working(async () => {
    await choose(hit.id);
    await tab("search");
  }));
  const text = document.createElement("p");
  const score = hit.score === undefined ? "" : `${hit.score.toFixed(3)}  `;
  const more = [hit.keep && word("keep"), hit.copies?.length && word("copies")(hit.copies.length), hit.missing && word("missing"), hit.note];
  text.textContent = [`${score}${image.alt}  ${hit.width}×${hit.height}`, ...more.filter(Boolean)].join("  ");
  text.title = hit.cosine === undefined ? hit.path : `${hit.path}\n${word("cosine")} ${hit.cosine.toFixed(3)}`;
  item.append(open, text);
  if (hit.score !== undefined) item.append(button("why", (own) => working(() => why(hit), own)));
  return item;
}

function button(key, action) {
  const made = document.createElement("button");
  made.className = "small";
  made.textContent = word(key);
  made.dataset.word = key;
  made.addEventListener("click", () => action(made));
  return made;
}

async function why(hit) {
  const mine = state.asked;
  const found = await ask("/why", fields({ hit: hit.id, region: part() }));
  if (mine !== state.asked) return;
  $("why-title").textContent = `${hit.name}: ${found.score.toFixed(3)}`;
  $("why-query").src = found.query;
  $("why-hit").src = found.hit;
  $("why").showModal();
}

async function duplicates() {
  const found = await ask(`/duplicates?agreement=${$("threshold").value}`);
  const groups = found.groups.map(group);
  const stacks = $("scenes").checked ? found.stacks.map(stack) : [];
  $("groups").replaceChildren(...groups, ...stacks);
  $("totals").textContent = [word("totals")(found.totals), ...found.notes].join(" ");
  if (!groups.length) $("groups").prepend(word("none"));
}

function group(own) {
  const ids = [own.keep, ...own.others].map((picture) => picture.id);
  const others = own.others.map((copy) => ({ ...copy, note: copy.stays ? `${copy.means}; ${word("stays")}: ${copy.stays}` : copy.means }));
  const part = titled(`${ids.length} ${word("pictures")}`, [{ ...own.keep, keep: true, note: own.why }, ...others]);
  for (const decision of ["not-copies", "keep-both"]) {
    const button = document.createElement("button");
    button.textContent = word(decision);
    button.addEventListener("click", () => working(async () => {
      await ask("/duplicates/decisions", fields({ ids: ids.join(","), decision }));
      part.remove();
    }, button));
    part.append(button);
  }
  return part;
}

function stack(own) {
  return titled(`${own.kind}: ${own.pictures.length} ${word("pictures")}`, own.pictures);
}

function titled(text, pictures) {
  const list = document.createElement("ul");
  list.className = "grid";
  list.append(...pictures.map(card));
  const title = document.createElement("h2");
  title.textContent = text;
  const part = document.createElement("div");
  part.append(title, list);
  return part;
}

// Networks --------------------------------------------------------------------------------------------------------

const run = () => state.runs.find((own) => own.name === $("run").value);

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
}

async function chosen() {
  const own = run();
  if (!own) return;
  forget();
  options($("target"), [["", word("anything")], ...own.classes.map((name) => [name, name])]);
  $("curves").hidden = !own.curves;
  if (own.curves) await show($("curves-picture"), `/runs/${encodeURIComponent(own.name)}/curves`);
}

function needed() {
  if (!run()) throw new Error(word("noRuns"));
  if (state.source === null) throw new Error(word("first"));
  return run().name;
}

function pictures(...pairs) {
  $("pictures").replaceChildren(
    ...pairs.filter(([source]) => source).map(([source, text]) => {
      const figure = document.createElement("figure"), image = document.createElement("img"), caption = document.createElement("figcaption");
      image.src = source;
      image.alt = caption.textContent = text;
      figure.append(image, caption);
      return figure;
    }),
  );
}

// Which object or pixel is meant: the rectangle, or its middle.
function meant() {
  if (!state.region) return {};
  const [x0, y0, x1, y1] = state.region;
  if (run().task === "detect") return { box: part() };
  return run().task === "segment" ? { at: `${Math.floor((x0 + x1) / 2)},${Math.floor((y0 + y1) / 2)}` } : {};
}

// Ask a network; null if something else was asked meanwhile.
async function asked(path, more) {
  const name = needed(), mine = forget();
  const found = await ask(path, fields({ run: name, ...more }));
  return mine === state.question ? found : null;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

async function predict() {
  const found = await asked("/predict", { overlay: true });
  if (!found) return;
  if (found.probabilities) $("answer").textContent = Object.entries(found.probabilities).map(([name, p]) => `${name} ${percent(p)}`).join(", ");
  else if (found.objects) $("answer").textContent = found.objects.map((own) => `${own.class} ${percent(own.score)}`).join(", ") || word("noObjects");
  else if (found.shares) $("answer").textContent = Object.entries(found.shares).filter(([, p]) => p > 0).map(([name, p]) => `${name} ${percent(p)}`).join(", ");
  pictures([found.overlay, found.run]);
}

async function explain() {
  const found = await asked("/explain", { method: $("method").value, ...(run() && meant()) });
  if (!found) return;
  $("answer").textContent = `${found.class} ${percent(found.probability)}`;
  pictures([found.picture, found.class], [found.overlay, found.method]);
}

async function fool() {
  const found = await asked("/fool", { target: $("target").value, epsilon: $("epsilon").value / 255 });
  if (!found) return;
  $("answer").textContent = found.names.map((name, k) => `${name} ${percent(found.probabilities[k])}`).join("  →  ");
  pictures([found.before, word("before")], [found.change, word("change")], [found.after, word("after")]);
}

// The page itself -------------------------------------------------------------------------------------------------

async function tab(name) {
  for (const own of ["search", "duplicates", "runs"]) {
    $(own).hidden = own !== name;
    $(`tab-${own}`).setAttribute("aria-selected", String(own === name));
  }
  $("query").hidden = name === "duplicates";
  if (name === "search" && !state.searched) await search();
}

// By keyboard: arrows go from tab to tab.
function neighbor(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const tabs = [...document.querySelectorAll("nav button")], next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

function speak(language) {
  state.language = language;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-title]")) element.title = word(element.dataset.title);
  $("canvas").setAttribute("aria-label", word($("canvas").dataset.label));
  $("language").textContent = language === "en" ? "中文" : "English";
  $("language").lang = language === "en" ? "zh" : "en";
  localStorage.setItem("language", language);
  if (state.image) draw();
  if (state.count !== undefined) $("count").textContent = `${state.count} ${word("pictures")}`;
  if ($("target").options.length) $("target").options[0].textContent = word("anything");
}

async function start() {
  const health = await ask("/health");
  if (health.pictures !== null) state.count = health.pictures.toLocaleString();
  speak(state.language);
  state.runs = (await ask("/runs")).runs;
  lock(false);
  options($("run"), state.runs.map((own) => [own.name, `${own.name} (${own.task})`]));
  await chosen();
  if (health.pictures === null) await tab("runs");
}

function labeled(id) {
  const tell = () => ($(`${id}-value`).textContent = $(id).value);
  $(id).addEventListener("input", tell);
  tell();
}

["k", "least", "epsilon", "threshold"].forEach(labeled);
["k", "least"].forEach((id) => $(id).addEventListener("change", () => state.source !== null && working(search)));
$("epsilon").addEventListener("change", () => state.source !== null && working(fool, $("fool")));
options($("method"), METHODS.map((name) => [name, name.replace("_", " ")]));
for (const name of ["search", "duplicates", "runs"]) $(`tab-${name}`).addEventListener("click", () => working(() => tab(name)));
document.querySelector("nav").addEventListener("keydown", neighbor);
$("language").addEventListener("click", () => speak(state.language === "en" ? "zh" : "en"));
$("run").addEventListener("change", () => working(chosen));
$("file").addEventListener("change", () => $("file").files[0] && working(() => choose($("file").files[0])));
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) working(() => choose(event.dataTransfer.files[0]));
  });
}
document.addEventListener("paste", (event) => event.clipboardData.files[0] && working(() => choose(event.clipboardData.files[0])));
$("canvas").addEventListener("keydown", moved);
$("canvas").addEventListener("pointerdown", (event) => {
  const from = place(event), follow = (other) => rectangle(from, place(other));
  $("canvas").setPointerCapture(event.pointerId);
  $("canvas").addEventListener("pointermove", follow);
  $("canvas").addEventListener("pointerup", () => {
    $("canvas").removeEventListener("pointermove", follow);
    if (!$("search").hidden) working(search);
  }, { once: true });
});
$("whole").addEventListener("click", () => { state.region = null; draw(); working(search); });
$("find-duplicates").addEventListener("click", () => working(duplicates, $("find-duplicates")));
$("predict").addEventListener("click", () => working(predict, $("predict")));
$("explain").addEventListener("click", () => working(explain, $("explain")));
$("fool").addEventListener("click", () => working(fool, $("fool")));
$("why-close").addEventListener("click", () => $("why").close());
$("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = $("token").value;
  sessionStorage.setItem("token", state.token);
  working(start);
});
speak(localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en"));
tab("search");
working(start);
