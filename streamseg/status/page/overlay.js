// One picture with its mask over it: two canvases, so that the mask's opacity is the browser's work.
import { color, percent } from "./words.js";

const IGNORE = 255;
const OPAQUE = 0xff000000;
const FAINT = 0x38000000; // of all classes but the one pointed at
const SMOOTH = 0.3; // of the shares, from picture to picture

export class Overlay {
  #picture;
  #mask;
  #tip;
  #labels = null;
  #pixels = null; // ImageData of the mask
  #colors = new Uint32Array(256);
  #classes = new Map();
  #waiting = null; // the newest message while one is being drawn
  #busy = false;
  #focus = null; // the class pointed at
  shares = new Float64Array(256);
  shown = 0; // pictures so far

  constructor(view) {
    this.#picture = view.querySelector(".picture");
    this.#mask = view.querySelector(".mask");
    this.#tip = view.querySelector(".tip");
    view.addEventListener("pointermove", (event) => this.#point(event));
    view.addEventListener("pointerdown", (event) => this.#point(event));
    view.addEventListener("pointerleave", () => this.#unpoint());
  }

  // What the labels mean: [{id, name, color}].
  set classes(classes) {
    this.#classes = new Map(classes.map((one) => [one.id, one]));
    this.#colors.fill(OPAQUE | 0x808080);
    for (const { id, color: [r, g, b] } of classes) this.#colors[id] = (OPAQUE | (b << 16) | (g << 8) | r) >>> 0;
    this.#colors[IGNORE] = 0;
    if (this.#labels) this.#paint(); // a picture may come before its colours
  }

  // Let one class stand out; null: all alike.
  set focus(id) {
    if (id === this.#focus) return;
    this.#focus = id;
    if (this.#labels) this.#paint();
  }

  async show(message) {
    this.#waiting = message;
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#waiting) {
        const next = this.#waiting;
        this.#waiting = null;
        await this.#draw(next);
      }
    } finally {
      this.#busy = false;
    }
  }

  async #draw({ header, jpeg, labels }) {
    const [bitmap, unfolded] = await Promise.all([createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })), inflate(labels)]);
    const [width, height] = header.size;
    if (this.#pixels?.width !== width || this.#pixels?.height !== height) this.#resize(width, height);
    this.#picture.getContext("2d").drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    this.#labels = unfolded;
    this.#count(unfolded);
    this.#paint();
    this.shown += 1;
    this.#retell();
  }

  #resize(width, height) {
    for (const canvas of [this.#picture, this.#mask]) Object.assign(canvas, { width, height });
    this.#picture.parentElement.style.aspectRatio = `${width} / ${height}`;
    this.#pixels = new ImageData(width, height);
  }

  #paint() {
    const colors = this.#focus === null ? this.#colors : this.#focused();
    const pixels = new Uint32Array(this.#pixels.data.buffer);
    const labels = this.#labels;
    for (let i = 0; i < labels.length; i++) pixels[i] = colors[labels[i]];
    this.#mask.getContext("2d").putImageData(this.#pixels, 0, 0);
  }

  #focused() {
    const faint = this.#colors.map((one) => ((one & 0xffffff) | (one ? FAINT : 0)) >>> 0);
    faint[this.#focus] = this.#colors[this.#focus];
    return faint;
  }

  #count(labels) {
    const counts = new Uint32Array(256);
    for (let i = 0; i < labels.length; i++) counts[labels[i]]++;
    const weight = this.shown ? SMOOTH : 1;
    for (let id = 0; id < 256; id++) this.shares[id] += weight * (counts[id] / labels.length - this.shares[id]);
  }

  // Say which class is under the pointer.
  #point(event) {
    this.pointer = { x: event.clientX, y: event.clientY };
    this.#retell();
  }

  #unpoint() {
    this.pointer = null;
    this.#tip.hidden = true;
    this.focus = null;
  }

  #retell() {
    if (!this.pointer || !this.#labels) return;
    const box = this.#mask.getBoundingClientRect();
    const x = (this.pointer.x - box.left) / box.width;
    const y = (this.pointer.y - box.top) / box.height;
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return this.#unpoint();
    const { width, height } = this.#mask;
    this.#tell(this.#labels[Math.floor(y * height) * width + Math.floor(x * width)], x, y);
  }

  #tell(id, x, y) {
    const known = this.#classes.get(id);
    const [dot, name, share] = this.#tip.children;
    dot.style.background = known ? color(known.color) : "transparent";
    name.textContent = known?.name ?? (id === IGNORE ? "unknown" : `class ${id}`);
    share.textContent = percent(this.shares[id], 0);
    this.#tip.style.left = `${100 * x}%`;
    this.#tip.style.top = `${100 * y}%`;
    this.#tip.classList.toggle("left", x > 0.6);
    this.#tip.classList.toggle("below", y < 0.2);
    this.#tip.hidden = false;
    this.focus = known ? id : null;
  }
}

async function inflate(bytes) {
  const unfolded = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(unfolded).arrayBuffer());
}
