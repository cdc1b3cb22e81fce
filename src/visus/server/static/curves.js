// Curves of a training as drawings in the page's own colors, and the trials of a study as points.
import { draw, make } from "./dom.js";
import { number, word } from "./language.js";
import { bars } from "./predicted.js";

const WIDTH = 560, HEIGHT = 220, LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 30;

// Losses, and scores where there are some, over epochs.
//   columns: names.   rows: one an epoch.   total: epochs in all, or null.
export function curves(columns, rows, total = null) {
  const epochs = rows.map((row) => row[columns.indexOf("epoch")] ?? 0);
  const lines = (names) => names.filter((name) => columns.includes(name)).map((name) => ({ name, points: rows.map((row, k) => [epochs[k], row[columns.indexOf(name)]]).filter(([, y]) => typeof y === "number") }));
  const score = columns.find((name) => name.startsWith("val_") && name !== "val_loss")?.slice(4);
  const last = Math.max(total ?? 0, ...epochs, 2);
  return make("div", { className: "curves" },
    chart(word("loss"), lines(["train_loss", "val_loss"]), [1, last]),
    score ? chart(word("score", score), lines([`train_${score}`, `val_${score}`]), [1, last]) : null);
}

// The score over each setting of a study.
export function trials(columns, rows) {
  const fixed = ["trial", "stage", "state", "score"], at = columns.indexOf("score");
  const best = Math.max(...rows.map((row) => row[at]).filter((own) => typeof own === "number"));
  const settings = columns.filter((name) => !fixed.includes(name));
  return make("div", { className: "curves" }, settings.map((name) => {
    const points = rows.filter((row) => typeof row[at] === "number" && row[columns.indexOf(name)] !== null).map((row) => [row[columns.indexOf(name)], row[at]]);
    if (!points.length) return null;
    return points.every(([value]) => typeof value === "number") ? dots(name, points, best) : choices(name, points, best);
  }));
}

function chart(title, lines, [first, last]) {
  const values = lines.flatMap((line) => line.points.map(([, y]) => y));
  if (!values.length) return figure(title, draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` }), [], word("noEpoch"));
  const frame = axes(first, last, ...spread(values));
  const paths = lines.filter((line) => line.points.length).map((line, k) => {
    const path = line.points.map(([x, y], n) => `${n ? "L" : "M"}${frame.x(x).toFixed(1)} ${frame.y(y).toFixed(1)}`).join("");
    const end = line.points[line.points.length - 1];
    return draw("g", { class: `line${k}` }, draw("path", { d: path, fill: "none" }), draw("circle", { cx: frame.x(end[0]), cy: frame.y(end[1]), r: 3 }));
  });
  const told = lines.filter((line) => line.points.length).map((line) => `${word(line.name.startsWith("train") ? "train" : "val")} ${number(line.points[line.points.length - 1][1], 3)}`);
  return figure(title, draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` }, frame.drawn, ...paths), told, `${title}: ${told.join(word("comma"))}`);
}

// Of a setting that is one of several: the best score of each.
function choices(name, points, best) {
  const found = new Map();
  for (const [value, score] of points) found.set(String(value), Math.max(score, found.get(String(value)) ?? -Infinity));
  const sorted = [...found].sort((a, b) => b[1] - a[1]);
  return make("figure", {}, make("figcaption", {}, make("b", {}, name), " ", make("span", { className: "soft" }, word("bestOfEach", number(points.length), number(best, 3)))), bars(sorted));
}

function dots(name, points, best) {
  const xs = points.map(([x]) => x), small = Math.min(...xs), large = Math.max(...xs);
  const logarithmic = small > 0 && large / small > 20;
  const along = logarithmic ? Math.log10 : (x) => x;
  const frame = axes(...spread([along(small), along(large)]), ...spread(points.map(([, y]) => y)), logarithmic);
  const drawn = points.map(([x, y]) => draw("circle", { class: y === best ? "best" : "trial", cx: frame.x(along(x)), cy: frame.y(y), r: y === best ? 6 : 4 }));
  const text = word("trialsTold", name, points.length, number(best, 3));
  return figure(name, draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` }, frame.drawn, ...drawn), [], text);
}

function figure(title, drawing, told, text) {
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", text);
  const legend = told.map((own, k) => make("span", { className: `line${k}` }, make("span", { className: "dash" }), own));
  return make("figure", {}, make("figcaption", {}, make("b", {}, title), legend), drawing);
}

function spread(values) {
  const low = Math.min(...values), high = Math.max(...values), room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}

// The frame of a drawing: where values lie in it, and its lines with their numbers.
function axes(x0, x1, y0, y1, logarithmic = false) {
  const x = (value) => LEFT + ((value - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((value - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const drawn = draw("g", { class: "axes" });
  for (const value of ticks(y0, y1, 4)) {
    drawn.append(draw("path", { d: `M${LEFT} ${y(value)}H${WIDTH - RIGHT}` }), draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const value of ticks(x0, x1, 6)) {
    if (!logarithmic && x1 > 3 && value % 1) continue;
    drawn.append(draw("text", { x: x(value), y: HEIGHT - 8, "text-anchor": "middle" }, short(logarithmic ? 10 ** value : value)));
  }
  return { x, y, drawn };
}

function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((own) => own * power).find((own) => own >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(Number(value.toPrecision(10)));
  return found;
}

const short = (value) => (value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e5) ? value.toExponential(0) : String(Number(value.toPrecision(3))));
