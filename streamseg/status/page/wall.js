// The wall: a card a stream, those without masks first; pictures only for those in sight.
import { Card, followLoss, followOpacity } from "./card.js";
import { someFull } from "./full.js";
import { Live } from "./live.js";
import { health, level, rank } from "./words.js";

const LEGEND = 5; // classes a card tells of
const wall = document.getElementById("wall");
const template = document.getElementById("card");
const header = document.getElementById("health");
const filter = document.getElementById("filter");
const nothing = document.getElementById("nothing");
const foot = document.getElementById("foot");
const cards = new Map();
const seen = new Set();
let streams = [];

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.dataset.stream);
  live.watch(seen);
}, { rootMargin: "80px" });

const live = new Live({
  summary: show,
  picture: (message) => cards.get(message.header.stream)?.overlay.show(message),
  lost: followLoss(document.getElementById("lost")),
});

followOpacity(document.getElementById("opacity"));
filter.value = new URLSearchParams(location.search).get("filter") ?? "";
filter.addEventListener("input", () => {
  const kept = filter.value.trim() ? `?${new URLSearchParams({ filter: filter.value.trim() })}` : location.pathname;
  history.replaceState(null, "", kept); // so that a filtered wall can be kept as a bookmark
  sift();
});

function show(told) {
  streams = told.streams;
  const names = new Set(streams.map((stream) => stream.name));
  for (const name of cards.keys()) if (!names.has(name)) drop(name);
  for (const stream of streams) {
    const card = cards.get(stream.name) ?? add(stream.name);
    card.update(stream, told.models[stream.engine], told.curves?.[stream.name]);
  }
  arrange();
  sift();
  tell(told);
}

function add(name) {
  const root = template.content.firstElementChild.cloneNode(true);
  root.dataset.stream = name;
  const link = root.querySelector("h2 a");
  link.textContent = name;
  link.href = `/streams/${encodeURIComponent(name)}`;
  const card = new Card(root, LEGEND);
  cards.set(name, card);
  wall.append(root);
  sight.observe(root);
  return card;
}

function drop(name) {
  sight.unobserve(cards.get(name).root);
  cards.get(name).root.remove();
  cards.delete(name);
  seen.delete(name);
  live.watch(seen);
}

// Those that are moved lose focus and full screen: the first is given back, the second is waited for.
function arrange() {
  if (someFull()) return;
  const roots = streams.toSorted((a, b) => rank(a) - rank(b)).map(({ name }) => cards.get(name).root);
  const held = wall.contains(document.activeElement) ? document.activeElement : null;
  roots.forEach((root, place) => { if (wall.children[place] !== root) wall.insertBefore(root, wall.children[place]); });
  if (held?.isConnected && held !== document.activeElement) held.focus({ preventScroll: true });
}

// Show the streams in which every word of the filter occurs.
function sift() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const stream of streams) {
    const text = [stream.name, stream.state, stream.message, stream.engine, level(stream)].join(" ").toLowerCase();
    const hidden = !words.every((word) => text.includes(word));
    cards.get(stream.name).root.hidden = hidden;
    left += !hidden;
  }
  nothing.hidden = left > 0;
  if (!left) nothing.textContent = streams.length ? "No stream matches the filter." : "No stream is configured.";
}

function tell({ ready, missing, models, version }) {
  const words = health(streams, ready);
  if (header.textContent !== words) header.textContent = words; // a screen reader says it when it changes
  header.title = Object.entries(missing).map(([name, why]) => `${name}: ${why}`).join("\n");
  header.dataset.level = ready ? "good" : "bad";
  const engines = Object.values(models).map((model) => `${model.name} ${model.version} on ${model.backend} in ${model.precision}`);
  foot.textContent = [...engines, `streamseg ${version}`].join(" · ");
}
