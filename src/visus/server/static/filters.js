// Which pictures are wanted: folder, size, date, shape; as a condition of the server.
import { ask } from "./api.js";
import { choice, labeled, make } from "./dom.js";
import { number, word } from "./language.js";

export const FILTERS = ["folder", "pixels", "since", "until", "shape"];

const SHAPES = {
  landscape: "width > height * 1.05",
  portrait: "height > width * 1.05",
  square: "width <= height * 1.05 AND height <= width * 1.05",
  panorama: "width >= height * 2",
};

const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

// When a picture was taken, or else its file was changed.
const moment = (sign, day) => `(captured ${sign} '${day}' OR (captured IS NULL AND mtime ${sign} '${day}'))`;

function following(day) {
  const next = new Date(`${day}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}

// The condition for the fields of an address; empty for none.
export function condition(fields) {
  const folder = fields.get("folder")?.replace(/\/$/, ""), parts = [];
  if (folder) parts.push(`path >= ${quoted(`${folder}/`)} AND path < ${quoted(`${folder}0`)}`); // 0 follows /
  if (Number(fields.get("pixels"))) parts.push(`width * height >= ${Number(fields.get("pixels")) * 1e6}`);
  if (fields.get("since")) parts.push(moment(">=", fields.get("since")));
  if (fields.get("until")) parts.push(moment("<", following(fields.get("until"))));
  if (SHAPES[fields.get("shape")]) parts.push(SHAPES[fields.get("shape")]);
  return parts.map((part) => `(${part})`).join(" AND ");
}

export const count = (fields) => FILTERS.filter((name) => fields.get(name)).length;

let folders = null; // asked for once, when filters are first looked at

// The filters, folded; chosen is told the fields that change.
export function filters(fields, chosen, ...more) {
  const set = (name) => ({ change: (event) => chosen({ [name]: event.target.value }) });
  const place = make("input", { value: fields.get("folder") || "", autocomplete: "off", size: 24, list: "folders", on: set("folder") });
  place.setAttribute("list", "folders");
  const known = make("datalist", { id: "folders" });
  const pixels = [["", word("any")], ...[1, 4, 12, 24].map((least) => [String(least), word("megapixels", least)])];
  const shapes = [["", word("any")], ...Object.keys(SHAPES).map((name) => [name, word(name)])];
  const active = count(fields);
  const part = make("details", { className: "filters", open: active > 0 },
    make("summary", {}, word("filters"), active ? make("span", { className: "badge" }, String(active)) : null),
    make("div", { className: "bar" },
      labeled(word("folder"), place), known,
      labeled(word("size"), choice({ on: set("pixels") }, pixels, fields.get("pixels"))),
      labeled(word("since"), make("input", { type: "date", value: fields.get("since") || "", on: set("since") })),
      labeled(word("until"), make("input", { type: "date", value: fields.get("until") || "", on: set("until") })),
      labeled(word("shape"), choice({ on: set("shape") }, shapes, fields.get("shape"))),
      ...more,
      active ? make("button", { type: "button", on: { click: () => chosen(Object.fromEntries(FILTERS.map((name) => [name, null]))) } }, word("noFilters")) : null));
  const fill = async () => {
    folders ||= ask("/folders").catch(() => { folders = null; return { folders: [] }; });
    const found = await folders;
    known.replaceChildren(...(found.folders || []).map((own) => make("option", { value: own.path }, number(own.pictures))));
  };
  part.addEventListener("toggle", () => part.open && fill());
  return part;
}
