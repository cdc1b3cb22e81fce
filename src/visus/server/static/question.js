// What asks, as the address names it: a picture of the index or one that was dropped, perhaps a part of it; or words.
import * as address from "./address.js";
import { ask } from "./api.js";
import { make } from "./dom.js";
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
  const file = await kept(key);
  if (!file) throw new Error(word("elsewhere"));
  const image = await shown(file);
  return { source: file, name: file.name || word("yourPicture"), width: image.naturalWidth, height: image.naturalHeight, image };
}

async function shown(blob) {
  const image = make("img", { alt: "" });
  image.src = URL.createObjectURL(blob);
  await image.decode().catch(() => { throw new Error(word("unseen")); });
  return image;
}

// Take a file as the question of a view; nothing changes where it cannot be shown.
export async function take(file, view, fields = {}) {
  await shown(file);
  address.go(view, { ...fields, upload: await keep(file) });
}

// The fields of a request with this question.
export function form(own, fields, more = {}) {
  const source = own.source instanceof Blob ? { picture: own.source } : own.source ? { id: own.source } : {};
  return { ...source, ...more };
}
