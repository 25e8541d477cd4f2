// The classes of a stream with their live shares; the largest first.
import { color, make, percent } from "./words.js";

export class Legend {
  #list;
  #most;
  #items = new Map();
  #classes = [];

  constructor(list, overlay, most = Infinity) {
    this.#list = list;
    this.#most = most;
    this.overlay = overlay;
  }

  set classes(classes) {
    this.#classes = classes;
    this.#items = new Map(classes.map((one) => [one.id, this.#item(one)]));
    this.#list.replaceChildren();
  }

  update() {
    const shares = this.overlay.shares;
    const shown = this.#classes.filter(({ id }) => shares[id] >= 0.0005).sort((a, b) => shares[b.id] - shares[a.id]).slice(0, this.#most);
    for (const { id } of shown) {
      const item = this.#items.get(id);
      item.lastChild.textContent = percent(shares[id], shares[id] < 0.01 ? 1 : 0);
      item.style.setProperty("--share", shares[id]);
    }
    const wanted = shown.map(({ id }) => this.#items.get(id));
    if (wanted.some((item, place) => this.#list.children[place] !== item) || this.#list.children.length !== wanted.length) this.#list.replaceChildren(...wanted);
  }

  #item({ id, name, color: rgb }) {
    const item = make("li");
    const dot = make("i");
    dot.style.background = color(rgb);
    item.append(dot, make("b", "", name), make("span"));
    item.addEventListener("pointerenter", () => { this.overlay.focus = id; });
    item.addEventListener("pointerleave", () => { this.overlay.focus = null; });
    return item;
  }
}
