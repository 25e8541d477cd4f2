// The wall: a card a stream, pictures only for those in sight.
import { Card, followLoss, followOpacity } from "./card.js";
import { Live } from "./live.js";

const LEGEND = 5; // classes a card tells of
const wall = document.getElementById("wall");
const template = document.getElementById("card");
const health = document.getElementById("health");
const foot = document.getElementById("foot");
const cards = new Map();
const seen = new Set();

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

function show(told) {
  const names = told.streams.map((stream) => stream.name);
  for (const name of cards.keys()) if (!names.includes(name)) drop(name);
  for (const stream of told.streams) {
    const card = cards.get(stream.name) ?? add(stream.name);
    card.update(stream, told.models[stream.engine], told.curves?.[stream.name]);
  }
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

function tell({ streams, models, version }) {
  const ready = streams.filter((stream) => stream.ready).length;
  const all = ready === streams.length;
  health.textContent = all ? `${ready === 1 ? "1 stream gives" : `All ${ready} streams give`} masks` : `${ready} of ${streams.length} streams give masks`;
  health.dataset.level = all ? "good" : "bad";
  const engines = Object.values(models).map((model) => `${model.name} ${model.version} on ${model.backend} in ${model.precision}`);
  foot.textContent = [...engines, `streamseg ${version}`].join(" · ");
}
