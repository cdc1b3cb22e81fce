// Masks of objects, painted in the colors of their classes.

const LONGEST = 1024; // longest side of the drawing, in pixels
const ALPHA = 130; // of 255: the picture shows through

// A canvas with masks over each other, the last on top.
//   masks: each {segmentation, box, color}, as /predict gives them, and a color "#rrggbb".
//   width, height: of the picture that they belong to.
export function painted(masks, width, height) {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
  for (const own of masks) paint(image, own);
  context.putImageData(image, 0, 0);
  return canvas;
}

function paint(image, { segmentation, box, color }) {
  const [height, width] = segmentation.size, ends = endsOf(segmentation.counts);
  const [x0, y0, x1, y1] = box.map((value, k) => (value * (k % 2 ? image.height : image.width)) / (k % 2 ? height : width));
  const paint = [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16)).concat(ALPHA);
  let run = 0; // runs go down the columns, from left to right, and begin outside of the mask
  for (let x = Math.max(0, Math.floor(x0) - 1); x < Math.min(image.width, Math.ceil(x1) + 1); x++) {
    const column = Math.floor(((x + 0.5) * width) / image.width) * height;
    for (let y = Math.max(0, Math.floor(y0) - 1); y < Math.min(image.height, Math.ceil(y1) + 1); y++) {
      const place = column + Math.floor(((y + 0.5) * height) / image.height);
      while (run < ends.length && ends[run] <= place) run++;
      if (run % 2) image.data.set(paint, 4 * (y * image.width + x));
    }
  }
}

// Where each run of a mask ends, from COCO's text: numbers of 5 bits a letter, from the third on as differences.
function endsOf(text) {
  const lengths = [], ends = [];
  for (let at = 0; at < text.length; ) {
    let value = 0, shift = 0, letter;
    do {
      letter = text.charCodeAt(at++) - 48;
      value |= (letter & 31) << shift;
      shift += 5;
    } while (letter & 32);
    if (letter & 16 && shift < 32) value |= -1 << shift;
    lengths.push(lengths.length > 2 ? value + lengths[lengths.length - 2] : value);
    ends.push((ends[ends.length - 1] ?? 0) + lengths[lengths.length - 1]);
  }
  return ends;
}
