// One stream on a page: picture, mask, state, figures, curves and legend. Both pages are made of it.
import { draw } from "./curve.js";
import { followFull } from "./full.js";
import { Legend } from "./legend.js";
import { Overlay } from "./overlay.js";
import { level, ms, percent, rate, sentence } from "./words.js";

const FIGURES = {
  age: (stream) => ms(stream.age_ms.p50),
  age95: (stream) => ms(stream.age_ms.p95),
  fps: (stream) => rate(stream.fps),
  flicker: (stream) => percent(stream.flicker, 2),
  confidence: (stream) => percent(stream.confidence, 0),
};
const LEAST = { age_ms: 20, flicker: 0.005 }; // what a curve's height stands for at least
const UNITS = { age_ms: ms, flicker: (value) => percent(value, 2) };

export class Card {
  #model = "";
  #full;

  // `root` holds the figures, `most` classes are shown in the legend.
  constructor(root, most) {
    this.root = root;
    this.view = root.querySelector(".view");
    this.overlay = new Overlay(this.view);
    this.legend = new Legend(root.querySelector(".legend"), this.overlay, most);
    this.#full = followFull(this.view);
  }

  update(stream, model, curves) {
    this.root.dataset.level = level(stream);
    this.root.dataset.state = stream.state;
    this.root.querySelector(".state").textContent = stream.state;
    this.root.querySelector(".optional").hidden = stream.required;
    this.#full(stream.name);
    this.root.querySelector(".veil").textContent = sentence(stream);
    for (const at of this.root.querySelectorAll("[data-figure]")) at.textContent = FIGURES[at.dataset.figure](stream);
    this.#learn(model);
    this.legend.update();
    if (curves) this.#curves(curves);
  }

  #learn(model) {
    const known = JSON.stringify(model?.classes ?? []);
    if (known === this.#model) return;
    this.#model = known;
    this.overlay.classes = this.legend.classes = JSON.parse(known);
  }

  #curves(curves) {
    for (const svg of this.root.querySelectorAll("[data-curve]")) {
      const kind = svg.dataset.curve;
      const top = draw(svg, curves[kind], LEAST[kind]);
      const said = this.root.querySelector(`[data-top="${kind}"]`);
      if (said) said.textContent = top == null ? "" : `at most ${UNITS[kind](top)}`;
    }
  }
}

// The slider of a page: how much of the mask is seen, remembered for the next visit.
export function followOpacity(slider) {
  const set = () => document.documentElement.style.setProperty("--opacity", slider.value / 100);
  slider.value = localStorage.getItem("opacity") ?? 55;
  slider.addEventListener("input", () => { localStorage.setItem("opacity", slider.value); set(); });
  set();
}

export function followLoss(notice) {
  return (lost) => {
    notice.hidden = !lost;
    document.body.classList.toggle("stale", lost);
  };
}
