// Asking the server.
import { $ } from "./dom.js";
import { said, word } from "./language.js";

const PATIENCE = 5; // times that a busy server is asked again
const AGAIN = 2000; // milliseconds before a server that is gone is looked for again

let token = sessionStorage.getItem("token") || "";

export const hasToken = () => token !== "";

export function enter(given) {
  token = given;
  sessionStorage.setItem("token", given);
}

// The server wants a token, or another one.
export class Locked extends Error {}

// Ask; waits while the server is busy, gone, or works on it.
//   fields: of a form, a list for one that is there several times; the request is a POST then.   kind: "json" or "blob".
//   again: false for what must not be done twice.    progress: told {what, done, total}.
export async function ask(path, { fields = null, kind = "json", signal, progress, again = true } = {}) {
  for (let tries = 0; ; ) {
    const response = await sent(path, fields, signal, again);
    if (response === null) continue; // it was gone, and is back
    if (response.status === 202) {
      progress?.(await response.json());
      await pause(1000, signal);
    } else if ([429, 503].includes(response.status) && response.headers.has("Retry-After") && again && tries++ < PATIENCE) {
      await pause(1000 * Number(response.headers.get("Retry-After")), signal);
    } else {
      if (response.status === 401) throw new Locked(word(token ? "wrong" : "wants"));
      if (!response.ok) throw new Error(said(await sentence(response)));
      return kind === "json" ? response.json() : response.blob();
    }
  }
}

async function sent(path, fields, signal, again) {
  if (!/^[\x20-\x7e]*$/.test(token)) throw new Locked(word("wrong")); // no header can hold it
  const options = { headers: token ? { Authorization: `Bearer ${token}` } : {}, signal };
  if (fields) Object.assign(options, { method: "POST", body: form(fields) });
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!again) throw new Error(word("gone"));
    await back(signal);
    return null;
  }
}

function form(fields) {
  const made = new FormData();
  for (const [key, value] of Object.entries(fields)) {
    for (const own of Array.isArray(value) ? value : [value]) if (own !== null && own !== undefined && own !== "") made.append(key, own);
  }
  return made;
}

async function sentence(response) {
  const told = await response.json().catch(() => ({}));
  return told.error || response.statusText;
}

// Wait until a server that is gone answers again.
async function back(signal) {
  $("gone").textContent = word("gone");
  $("gone").hidden = false;
  for (;;) {
    await pause(AGAIN, signal);
    if (await fetch("/health", { signal }).then(() => true, () => signal?.throwIfAborted())) break;
  }
  $("gone").hidden = true;
}

export function pause(time, signal) {
  return new Promise((done, fail) => {
    const clock = setTimeout(done, time);
    signal?.addEventListener("abort", () => { clearTimeout(clock); fail(signal.reason); }, { once: true });
  });
}

// Show a picture of the server; a token stands in a header, so the picture is fetched and not linked then.
export async function show(image, path) {
  image.dataset.path = path;
  if (!token) {
    image.src = path;
    return;
  }
  const content = await ask(path, { kind: "blob" }).catch(() => null);
  if (image.dataset.path !== path) return; // it shows another one by now
  if (!content) return void image.dispatchEvent(new Event("error"));
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  image.src = URL.createObjectURL(content);
}

// Open the file of a picture in a tab of its own.
export async function open(path) {
  if (!token) return void window.open(path, "_blank", "noopener");
  const place = URL.createObjectURL(await ask(path, { kind: "blob" }));
  window.open(place, "_blank", "noopener");
  setTimeout(() => URL.revokeObjectURL(place), 60000);
}
