// One picture with its mask over it: two canvases, so that the mask's opacity is the browser's work.
import { color, percent } from "./words.js";

const IGNORE = 255;
const OPAQUE = 0xff000000;
const FAINT = 0x38000000; // of all classes but the one that stands out
const SMOOTH = 0.3; // of the shares, from picture to picture

export class Overlay {
  #view;
  #frame;
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
  #pinned = null; // the class that stands out while none is pointed at
  shares = new Float64Array(256);
  shown = 0; // pictures so far
  onpin = () => {};

  constructor(view) {
    this.#view = view;
    this.#frame = view.querySelector(".frame");
    this.#picture = view.querySelector(".picture");
    this.#mask = view.querySelector(".mask");
    this.#tip = view.querySelector(".tip");
    this.#frame.addEventListener("pointermove", (event) => this.#point(event));
    this.#frame.addEventListener("pointerdown", (event) => this.#point(event));
    this.#frame.addEventListener("pointerleave", (event) => this.#leave(event));
    this.#frame.addEventListener("click", (event) => this.pin(this.#at(event)?.id ?? null));
    document.addEventListener("keydown", ({ key }) => { if (key === "Escape") this.pin(null); });
  }

  // What the labels mean: [{id, name, color}].
  set classes(classes) {
    this.#classes = new Map(classes.map((one) => [one.id, one]));
    this.#colors.fill(OPAQUE | 0x808080);
    for (const { id, color: [r, g, b] } of classes) this.#colors[id] = (OPAQUE | (b << 16) | (g << 8) | r) >>> 0;
    this.#colors[IGNORE] = 0;
    if (!this.#classes.has(this.#pinned)) this.pin(null);
    if (this.#labels) this.#paint(); // a picture may come before its colours
  }

  // Let one class stand out for as long as it is pointed at; null: none is.
  set focus(id) {
    if (id === this.#focus) return;
    this.#focus = id;
    if (this.#labels) this.#paint();
  }

  get pinned() {
    return this.#pinned;
  }

  // Let one class stand out until it is pinned again; null, or no class of the model: none.
  pin(id) {
    const next = id === this.#pinned || !this.#classes.has(id) ? null : id;
    if (next === this.#pinned) return;
    this.#pinned = next;
    if (next === null) this.#unpoint();
    if (this.#labels) this.#paint();
    this.onpin();
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
    // the network's picture has the network's shape; it is shown in that of the source
    this.#view.style.setProperty("--ratio", header.seen[0] / header.seen[1]);
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
    this.#pixels = new ImageData(width, height);
  }

  #paint() {
    const one = this.#focus ?? this.#pinned;
    const colors = one === null ? this.#colors : this.#only(one);
    const pixels = new Uint32Array(this.#pixels.data.buffer);
    const labels = this.#labels;
    for (let i = 0; i < labels.length; i++) pixels[i] = colors[labels[i]];
    this.#mask.getContext("2d").putImageData(this.#pixels, 0, 0);
  }

  #only(id) {
    const faint = this.#colors.map((one) => ((one & 0xffffff) | (one ? FAINT : 0)) >>> 0);
    faint[id] = this.#colors[id];
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
    this.pointer = { clientX: event.clientX, clientY: event.clientY };
    this.#retell();
  }

  // A finger leaves as soon as it is lifted: what it pinned stays named.
  #leave(event) {
    if (event.pointerType !== "touch") return this.#unpoint();
    setTimeout(() => { if (this.#pinned === null) this.#unpoint(); }, 300); // a click comes after it
  }

  #unpoint() {
    this.pointer = null;
    this.#tip.hidden = true;
    this.focus = null;
  }

  #retell() {
    if (!this.pointer || !this.#labels) return;
    const found = this.#at(this.pointer);
    if (found) this.#tell(found.id, found.x, found.y);
    else this.#unpoint();
  }

  // The class at a point of the window, and where in the picture that is, 0…1; null beside it.
  #at({ clientX, clientY }) {
    if (!this.#labels) return null;
    const box = this.#mask.getBoundingClientRect();
    const x = (clientX - box.left) / box.width;
    const y = (clientY - box.top) / box.height;
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    const { width, height } = this.#mask;
    return { id: this.#labels[Math.floor(y * height) * width + Math.floor(x * width)], x, y };
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
