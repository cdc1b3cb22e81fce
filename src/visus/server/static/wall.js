// The wall: all pictures of the index in rows; only those in sight are elements.
import { ask, show } from "./api.js";
import { $, make } from "./dom.js";
import { day, number, word } from "./language.js";
import { decode, places, rowAt, rowOf, rows } from "./layout.js";

const GAP = 4; // pixels between pictures
const PART = 100; // pictures that are asked for together
const REST = 90; // milliseconds without scrolling after which pictures are asked for
const MOST = 110; // pictures that are elements at the same time, each two nodes
const TALLEST = 15e6; // pixels that browsers can scroll over without loss

export class Wall {
  // open: told the place of a picture that is chosen.   moved: told the place of the first one in sight.
  constructor({ open, moved }) {
    this.open = open;
    this.moved = moved;
    this.tiles = new Map(); // by place
    this.parts = new Map(); // by number: the pictures, or a promise
    this.current = 0; // the one that Tab leads to
    this.shapes = new Uint8Array();
    this.frame = 0;
    this.root = make("div", { id: "tiles", role: "group", on: {
      click: (event) => this.#clicked(event),
      keydown: (event) => this.#pressed(event),
      focusin: (event) => this.#focused(event),
    } });
    this.when = make("p", { id: "when", hidden: true, ariaHidden: "true" });
    this.element = make("div", { id: "rows" }, this.root, this.when);
    addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(this.root);
  }

  get isShown() {
    return this.element.isConnected && this.element.offsetParent !== null;
  }

  // Ask for the order of the pictures that are wanted, and show it from a place on.
  async load(query, at, signal) {
    const found = await ask(`/wall?${query}`, { signal });
    const version = `${found.version} ${query}`;
    if (version !== this.version) {
      Object.assign(this, { version, query, shapes: decode(found.shapes) });
      this.parts.clear();
      this.#clear();
    }
    this.root.setAttribute("aria-label", word("count", found.total));
    this.#measure();
    this.current = Math.min(at, Math.max(0, this.shapes.length - 1));
    if (at && this.shapes.length) this.#scrollTo(this.current);
    else this.#render();
    this.#fetch();
    return found.total;
  }

  get count() {
    return this.shapes.length;
  }

  // The picture at a place; asks for it where it is not known yet.
  async picture(k) {
    const number = Math.floor(k / PART);
    return (await this.#part(number))[k - number * PART];
  }

  focus(k) {
    this.#scrollTo(k, true);
    this.current = k;
    this.#render();
    this.tiles.get(k)?.focus({ preventScroll: true });
  }

  // Layout ----------------------------------------------------------------------------------------------------------

  #measure() {
    this.width = this.root.clientWidth;
    if (!this.width) return;
    const high = this.width < 500 ? 110 : 190;
    // Wide windows get taller rows, so that there are never too many pictures in sight.
    const most = Math.sqrt((this.width * innerHeight * 2) / (MOST * 1.2));
    this.layout = rows(this.shapes, this.width, Math.max(high, most), GAP);
    this.height = Math.min(this.layout.total, TALLEST);
    this.root.style.height = `${this.height}px`;
  }

  #resized() {
    if (!this.isShown || this.root.clientWidth === this.width || !this.count) return;
    const first = this.first ?? 0;
    this.#measure();
    for (const tile of this.tiles.values()) tile.row = -1;
    if (first) this.#scrollTo(first);
    else this.#render();
  }

  // Where the window stands in the layout; very long walls are scrolled over in larger steps.
  #above() {
    const past = Math.max(0, scrollY - this.#top()), room = Math.max(1, this.height - innerHeight);
    return this.layout.total <= TALLEST ? past : (past / room) * (this.layout.total - innerHeight);
  }

  #top() {
    return this.root.getBoundingClientRect().top + scrollY - $("top").offsetHeight;
  }

  #scrollTo(k, gently = false) {
    const row = rowOf(this.layout.firsts, k), top = this.layout.tops[row], above = this.#above();
    const inSight = top >= above && top + this.layout.heights[row] <= above + innerHeight - $("top").offsetHeight;
    if (!(gently && inSight)) {
      const scale = this.layout.total <= TALLEST ? 1 : (this.height - innerHeight) / (this.layout.total - innerHeight);
      scrollTo({ top: this.#top() + scale * Math.max(0, top - (gently ? innerHeight / 3 : 0)), behavior: "instant" });
    }
    this.#render();
  }

  #soon() {
    if (!this.isShown || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.isShown) this.#render();
    });
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.isShown && this.#fetch(true), REST);
  }

  // Make the elements that are in sight, and a little beyond, and take the others away.
  #render() {
    if (!this.layout || !this.count) return;
    const { tops, heights, total } = this.layout;
    const above = this.#above(), spare = innerHeight / 3;
    const from = rowAt(tops, above - spare), shift = total <= TALLEST ? 0 : scrollY - this.#top() - above;
    const wanted = new Set();
    for (let row = from; row < tops.length && tops[row] < above + innerHeight + spare; row++) {
      for (const place of places(this.shapes, this.layout, row, this.width, GAP)) {
        wanted.add(place.k);
        this.#place(place, row, tops[row] + shift, heights[row]);
      }
    }
    this.first = this.layout.firsts[rowAt(tops, above + 1)];
    for (const [k, tile] of this.tiles) if (!wanted.has(k) && tile !== document.activeElement) this.#remove(k, tile);
    if (!this.tiles.has(this.current)) this.#aim(this.first);
    this.#tellWhen();
  }

  #place({ k, left, width }, row, top, height) {
    let tile = this.tiles.get(k);
    if (!tile) {
      tile = make("a", { className: "tile", href: "#wall", tabIndex: k === this.current ? 0 : -1 }, make("img", { alt: "", decoding: "async" }));
      tile.place = k;
      this.tiles.set(k, tile);
      this.root.append(tile);
      const part = this.parts.get(Math.floor(k / PART));
      if (Array.isArray(part)) this.#fill(tile, part[k % PART]);
    }
    if (tile.row === row && tile.top === top) return;
    Object.assign(tile, { row, top });
    Object.assign(tile.style, { transform: `translate(${left}px, ${top}px)`, width: `${width}px`, height: `${height}px` });
  }

  #fill(tile, picture) {
    if (!picture || tile.picture) return;
    tile.picture = picture;
    const image = tile.firstChild;
    image.alt = word("place", picture.name, number(tile.place + 1), number(this.count));
    tile.title = picture.name;
    show(image, `/thumbnails/${picture.id}`);
  }

  #remove(k, tile) {
    tile.firstChild.removeAttribute("src"); // what is on its way need not come
    tile.remove();
    this.tiles.delete(k);
  }

  #clear() {
    for (const [k, tile] of this.tiles) this.#remove(k, tile);
  }

  #tellWhen() {
    const picture = this.tiles.get(this.first)?.picture;
    this.when.hidden = !picture || this.first === 0;
    if (picture) this.when.textContent = day(picture.time);
  }

  // Pictures -----------------------------------------------------------------------------------------------------

  async #part(number) {
    if (!this.parts.has(number)) {
      const asked = this.version;
      const promise = ask(`/wall/pictures?${this.query}&offset=${number * PART}&limit=${PART}`).then(
        (found) => {
          if (asked === this.version) this.parts.set(number, found.pictures);
          if (!`${asked} `.startsWith(`${found.version} `)) this.changed?.(); // the index changed meanwhile
          return found.pictures;
        },
        (error) => { this.parts.delete(number); throw error; },
      );
      this.parts.set(number, promise);
    }
    return this.parts.get(number);
  }

  // Ask for the pictures in sight that are not known.
  #fetch(moved = false) {
    if (moved) this.moved(this.first ?? 0);
    const asked = new Set([...this.tiles.keys()].map((k) => Math.floor(k / PART)));
    for (const number of asked) {
      this.#part(number).then(() => {
        for (const [k, tile] of this.tiles) {
          const part = this.parts.get(Math.floor(k / PART));
          if (Array.isArray(part)) this.#fill(tile, part[k % PART]);
        }
        this.#tellWhen();
      }, () => {});
    }
  }

  // Keys and clicks --------------------------------------------------------------------------------------------

  #aim(k) {
    const before = this.tiles.get(this.current);
    if (before) before.tabIndex = -1;
    this.current = k;
    const tile = this.tiles.get(k);
    if (tile) tile.tabIndex = 0;
  }

  #focused(event) {
    const tile = event.target.closest(".tile");
    if (tile) this.#aim(tile.place);
  }

  #clicked(event) {
    const tile = event.target.closest(".tile");
    if (!tile || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.open(tile.place);
  }

  #pressed(event) {
    const row = rowOf(this.layout.firsts, this.current), { firsts } = this.layout, page = Math.max(1, Math.floor(innerHeight / 200));
    const inRow = (own) => {
      const bound = Math.min(Math.max(own, 0), firsts.length - 1);
      return Math.min(firsts[bound] + this.current - firsts[row], (firsts[bound + 1] ?? this.count) - 1);
    };
    const next = {
      ArrowLeft: () => this.current - 1, ArrowRight: () => this.current + 1, ArrowUp: () => inRow(row - 1), ArrowDown: () => inRow(row + 1),
      PageUp: () => inRow(row - page), PageDown: () => inRow(row + page), Home: () => 0, End: () => this.count - 1,
    }[event.key]?.();
    if (next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.focus(Math.min(Math.max(next, 0), this.count - 1));
  }
}
