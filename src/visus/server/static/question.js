// What asks, as the address names it: a picture of the index or one that was dropped, perhaps a part of it; or words.
import * as address from "./address.js";
import { ask, show } from "./api.js";
import { $, make } from "./dom.js";
import { word } from "./language.js";
import { keep, kept } from "./uploads.js";

export const ASKING = ["id", "upload", "region", "also", "unlike", "words"];

let last = null; // the question that was made last: its picture is not loaded twice

export const isAsked = (fields) => fields.has("id") || fields.has("upload") || fields.has("words");

// What the address says of the question, for another view.
export const asking = (fields) => Object.fromEntries(ASKING.map((name) => [name, fields.get(name)]).filter(([, value]) => value));

export const region = (fields) => fields.get("region")?.split(",").map(Number) ?? null;

export const list = (fields, name) => fields.get(name)?.split(",") ?? [];

// The question of an address: {source, name, width, height, image}, of words alone with no source; null where there is none.
export async function question(fields, signal) {
  const key = fields.get("id") ? `id ${fields.get("id")}` : fields.get("upload") ? `upload ${fields.get("upload")}` : null;
  if (!key) return fields.has("words") ? { key: `words ${fields.get("words")}`, source: null, name: fields.get("words") } : null;
  if (last?.key !== key) last = { key, ...(fields.get("id") ? await indexed(fields.get("id"), signal) : await dropped(fields.get("upload"))) };
  return last;
}

async function indexed(id, signal) {
  const facts = await ask(`/pictures/${id}/facts`, { signal });
  const picture = await ask(`/previews/${id}`, { kind: "blob", signal }).catch((error) => {
    if (error.name === "AbortError") throw error;
    return ask(`/thumbnails/${id}`, { kind: "blob", signal });
  });
  const image = await shown(picture);
  return { source: id, name: facts.name, width: facts.width, height: facts.height, image };
}

async function dropped(key) {
  const file = await held(key);
  const image = await shown(file);
  return { source: file, name: file.name || word("yourPicture"), width: image.naturalWidth, height: image.naturalHeight, image };
}

async function held(key) {
  const file = await kept(key);
  if (!file) throw new Error(word("elsewhere"));
  return file;
}

async function shown(blob) {
  const image = make("img", { alt: "" });
  image.src = URL.createObjectURL(blob);
  await image.decode().catch(() => { throw new Error(word("unseen")); });
  return image;
}

// Take files as the question of a view, in a search several together; nothing changes where one cannot be shown.
export async function take(files, view, fields = {}) {
  const [first, ...others] = await keepAll(view === "search" ? files : files.slice(0, 1));
  $("words").value = ""; // pictures ask now, not words
  address.go(view, { ...fields, upload: first, also: others.join(",") });
}

// Let files ask beside the picture of this address.
export async function add(files, fields) {
  join("also", await keepAll(files), fields);
}

// Let pictures ask beside the one of this address, or against it; only a whole picture asks with others.
export function join(name, pictures, fields, more = {}) {
  address.change({ ...more, [name]: [...new Set([...list(fields, name), ...pictures])].join(","), region: null });
}

async function keepAll(files) {
  for (const file of files) await shown(file);
  return Promise.all(files.map(keep));
}

const isUpload = (key) => !/^\d+$/.test(key);

// A small view of a picture that asks beside another.
export async function small(image, key) {
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  if (isUpload(key)) image.src = URL.createObjectURL(await held(key));
  else await show(image, `/thumbnails/${key}`);
}

// The fields of a request for the pictures that ask beside the first, or against it.
export async function beside(fields) {
  const found = {};
  for (const name of ["also", "unlike"]) {
    const own = list(fields, name);
    found[name] = own.filter((key) => !isUpload(key)).join(",");
    found[`${name}_pictures`] = await Promise.all(own.filter(isUpload).map(held));
  }
  return found;
}

// The fields of a request with this question.
export function form(own, fields, more = {}) {
  const source = own.source instanceof Blob ? { picture: own.source } : own.source ? { id: own.source } : {};
  return { ...source, ...more };
}
