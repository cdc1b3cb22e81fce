// Rows of pictures that fill the width, each picture at its own shape.

// Ratios of width over height from the server's bytes: 128 is a square, 32 more is twice as wide.
const RATIOS = Float64Array.from({ length: 256 }, (_, code) => 2 ** ((code - 128) / 32));

export const decode = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Lay pictures out.
//   shapes: a byte a picture.   width: of the rows.   target: their height at most.   gap: between pictures.
// Gives the first picture of each row, the top and the height of each, and the height of all.
export function rows(shapes, width, target, gap) {
  const firsts = [], tops = [], heights = [];
  let start = 0, sum = 0, top = 0;
  const end = (next, height) => {
    firsts.push(start);
    tops.push(top);
    heights.push(height);
    top += height + gap;
    start = next;
    sum = 0;
  };
  for (let k = 0; k < shapes.length; k++) {
    sum += RATIOS[shapes[k]];
    const height = (width - gap * (k - start)) / sum;
    if (height <= target) end(k + 1, Math.max(height, 40));
  }
  if (start < shapes.length) end(shapes.length, target); // the last row is not stretched
  return { firsts, tops, heights, total: Math.max(0, top - gap) };
}

// The row at a height, or the last one above it.
export function rowAt(tops, y) {
  let low = 0, high = tops.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

// The row of a picture.
export const rowOf = (firsts, k) => rowAt(firsts, k);

// Left edges and widths of the pictures of a row.
export function places(shapes, layout, row, width, gap) {
  const first = layout.firsts[row], next = layout.firsts[row + 1] ?? shapes.length, height = layout.heights[row];
  const found = [];
  let left = 0;
  for (let k = first; k < next; k++) {
    const own = Math.min(RATIOS[shapes[k]] * height, width - left);
    found.push({ k, left, width: own });
    left += own + gap;
  }
  return found;
}
