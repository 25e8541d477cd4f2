// The classes of a stream with their live shares, the largest first; a press keeps one in colour.
import { color, make, percent } from "./words.js";

const LEAST = 0.0005; // of the picture; what has less is not listed, unless it is pinned

export class Legend {
  #list;
  #most;
  #items = new Map();
  #classes = [];

  constructor(list, overlay, most = Infinity) {
    this.#list = list;
    this.#most = most;
    this.overlay = overlay;
    overlay.onpin = () => this.update();
  }

  set classes(classes) {
    this.#classes = classes;
    this.#items = new Map(classes.map((one) => [one.id, this.#item(one)]));
    this.#list.replaceChildren();
  }

  update() {
    const shares = this.overlay.shares;
    const shown = this.#shown();
    for (const { id } of shown) {
      const item = this.#items.get(id);
      item.querySelector("span").textContent = percent(shares[id], shares[id] < 0.01 ? 1 : 0);
      item.style.setProperty("--share", shares[id]);
      item.firstChild.setAttribute("aria-pressed", id === this.overlay.pinned);
    }
    this.#put(shown.map(({ id }) => this.#items.get(id)));
  }

  // The largest, and the one that is pinned however small it is.
  #shown() {
    const { shares, pinned } = this.overlay;
    const largest = this.#classes.filter(({ id }) => shares[id] >= LEAST).sort((a, b) => shares[b.id] - shares[a.id]).slice(0, this.#most);
    if (pinned === null || largest.some(({ id }) => id === pinned)) return largest;
    return [this.#classes.find(({ id }) => id === pinned), ...largest.slice(0, this.#most - 1)];
  }

  #put(items) {
    if (items.length === this.#list.children.length && items.every((item, place) => this.#list.children[place] === item)) return;
    const held = this.#list.contains(document.activeElement) ? document.activeElement : null;
    this.#list.replaceChildren(...items);
    if (held?.isConnected) held.focus({ preventScroll: true }); // an element that is moved loses it
  }

  #item({ id, name, color: rgb }) {
    const item = make("li");
    const button = make("button");
    const dot = make("i");
    button.type = "button";
    dot.style.background = color(rgb);
    button.append(dot, make("b", "", name), make("span"));
    button.addEventListener("click", () => this.overlay.pin(id));
    button.addEventListener("pointerenter", ({ pointerType }) => { if (pointerType === "mouse") this.overlay.focus = id; });
    button.addEventListener("pointerleave", () => { this.overlay.focus = null; });
    item.append(button);
    return item;
  }
}
