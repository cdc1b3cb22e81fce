// Work that takes a while: it is shown, can be cancelled, and errors stay until the next one begins.
import { Locked } from "./api.js";
import { $ } from "./dom.js";
import { named, number, word } from "./language.js";

const SOON = 400; // milliseconds of work that need not be shown
const running = new Set();
let locked = () => {};

export function onLocked(act) {
  locked = act;
}

// Do some work. task is given {signal, progress}; button is disabled meanwhile.
export async function work(task, button = null) {
  if (button?.getAttribute("aria-disabled")) return null; // it is at work already
  const own = { stop: new AbortController(), text: "", bar: null };
  running.add(own);
  $("message").textContent = "";
  const clock = setTimeout(() => { own.shown = true; tell(); }, SOON);
  button?.setAttribute("aria-disabled", "true");
  const progress = ({ what, done, total }) => {
    Object.assign(own, { text: `${named("steps", what)} ${number(done)} / ${number(total)}`, bar: total ? done / total : null, shown: true });
    tell();
  };
  try {
    return await task({ signal: own.stop.signal, progress });
  } catch (error) {
    if (error instanceof Locked) locked(error.message);
    else if (error.name !== "AbortError") complain(error.message);
    return null;
  } finally {
    clearTimeout(clock);
    running.delete(own);
    button?.removeAttribute("aria-disabled");
    tell();
  }
}

export function complain(sentence) {
  $("message").textContent = sentence;
}

// Say what has come of it to those who do not see it.
export function announce(sentence) {
  $("news").textContent = sentence;
}

function tell() {
  const shown = [...running].filter((own) => own.shown).pop();
  $("busy").hidden = !shown;
  if (!shown) return;
  $("busy-text").textContent = shown.text || word("working");
  if (shown.bar === null) $("busy-bar").removeAttribute("value");
  else $("busy-bar").value = shown.bar;
}

export function cancel() {
  for (const own of running) own.stop.abort();
}
