// Two pictures over each other, with a slider between them, or side by side.
import { show } from "./api.js";
import { make } from "./dom.js";
import { bytes, word } from "./language.js";

export function compare(keep, copy, text) {
  const opener = document.activeElement;
  const [below, above] = [keep, copy].map((own) => make("img", { alt: own.path.split("/").pop() }));
  for (const [image, own] of [[below, keep], [above, copy]]) {
    image.addEventListener("error", () => image.dataset.path.startsWith("/previews") && show(image, `/thumbnails/${own.id}`), { once: true });
    show(image, `/previews/${own.id}`);
  }
  above.className = "above";
  const over = make("div", { className: "over" }, below, above);
  over.style.aspectRatio = `${keep.width} / ${keep.height}`;
  over.style.maxWidth = `calc(62vh * ${keep.width / keep.height})`;
  const slide = (share) => { above.style.clipPath = `inset(0 0 0 ${share}%)`; };
  const slider = make("input", { type: "range", min: 0, max: 100, value: 50, ariaLabel: word("slider"), on: { input: () => slide(slider.value) } });
  slide(50);
  const beside = make("button", { ariaPressed: "false", on: { click: () => {
    const next = over.classList.toggle("beside");
    beside.setAttribute("aria-pressed", String(next));
    slider.hidden = next;
    slide(next ? 0 : slider.value);
  } } }, word("beside"));
  const told = (own, name) => make("p", {}, make("b", {}, name), ` ${own.path.split("/").pop()}, ${own.width} × ${own.height}, ${bytes(own.size)}`);
  const dialog = make("dialog", { id: "compare", on: { close: () => { dialog.remove(); opener?.focus(); } } },
    make("div", { className: "head" }, make("h2", { id: "compare-title" }, text), make("button", { className: "plain", ariaLabel: word("close"), on: { click: () => dialog.close() } }, "×")),
    over, slider,
    make("div", { className: "bar" }, told(keep, word("keep")), told(copy, word("copy1")), beside));
  dialog.setAttribute("aria-labelledby", "compare-title");
  document.body.append(dialog);
  dialog.showModal();
  slider.focus();
}
