// What is shown stands in the address, so that reload, back and a copied address lead to it again.

const listeners = [];

export function read() {
  const [view, fields] = location.hash.slice(1).split("?");
  return { view: view || "wall", fields: new URLSearchParams(fields || "") };
}

export function link(view, fields = {}) {
  const kept = Object.entries(fields instanceof URLSearchParams ? Object.fromEntries(fields) : fields);
  const text = new URLSearchParams(kept.filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return `#${view}${text.size ? `?${text}` : ""}`;
}

// Go elsewhere; whoever shows the page is told.
export function go(view, fields = {}, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", link(view, fields));
  for (const listen of listeners) listen();
}

// Change some fields of this address; null takes one away.
export function change(fields, { replace = false, quiet = false } = {}) {
  const here = read();
  const next = link(here.view, { ...Object.fromEntries(here.fields), ...fields });
  if (next === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", next);
  if (!quiet) for (const listen of listeners) listen();
}

export function onChange(listen) {
  listeners.push(listen);
  addEventListener("popstate", listen);
}
