// Text for the clipboard; where the browser does not allow that, it is shown for the user to take.
import { announce } from "./busy.js";
import { make } from "./dom.js";
import { word } from "./language.js";

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    announce(word("copied"));
  } catch {
    offer(text);
  }
}

function offer(text) {
  const field = make("textarea", { value: text, readOnly: true, rows: 10, cols: 60, ariaLabel: word("list") });
  const dialog = make("dialog", { className: "small", ariaLabel: word("list"), on: { close: () => dialog.remove() } },
    make("p", {}, word("takeIt")), field, make("p", {}, make("button", { on: { click: () => dialog.close() } }, word("close"))));
  (document.querySelector("dialog[open]") || document.body).append(dialog);
  dialog.showModal();
  field.select();
}
