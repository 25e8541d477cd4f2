// One stream: its picture large, where a mask's time goes, what was counted, what happened.
import { Card, followLoss, followOpacity } from "./card.js";
import { Live } from "./live.js";
import { ago, make, ms, whole } from "./words.js";

const STAGES = ["decode", "wait", "infer", "stabilise", "encode"];
const name = decodeURIComponent(location.pathname.split("/").at(-1));
const root = document.getElementById("detail");
const card = new Card(root);

root.querySelector("h1").textContent = name;
document.title = `${name} · streamseg`;
followOpacity(document.getElementById("opacity"));

const live = new Live({
  summary: show,
  picture: (message) => card.overlay.show(message),
  lost: followLoss(document.getElementById("lost")),
});
live.watch([name], name);

function show(told) {
  const stream = told.streams.find((one) => one.name === name);
  if (!stream) {
    root.dataset.level = "over";
    root.querySelector(".state").textContent = "not there";
    root.querySelector(".veil").textContent = "The daemon has no stream of this name.";
    return;
  }
  const model = told.models[stream.engine];
  card.update(stream, model, told.curves?.[name]);
  showStages(stream.stages_ms);
  showCounts(stream);
  showEvents(told.events ?? [], told.now);
  document.getElementById("foot").textContent = model ? `${model.name} ${model.version} on ${model.backend} in ${model.precision} · ${model.license}` : "";
}

function showStages(spent) {
  const known = STAGES.filter((stage) => stage in spent);
  const most = Math.max(1, ...known.map((stage) => spent[stage]));
  document.getElementById("stages").replaceChildren(...known.map((stage) => {
    const row = make("li");
    const bar = make("i");
    bar.style.setProperty("--part", spent[stage] / most);
    row.append(make("b", "", stage), bar, make("span", "", ms(spent[stage])));
    return row;
  }));
}

function showCounts(stream) {
  const { queue_full: queueFull, failed, superseded } = stream.dropped;
  const rows = [
    ["Frames captured", stream.captured], ["Masks made", stream.masks], ["Masks sent", stream.published],
    ["Dropped, queue full", queueFull], ["Dropped, failed", failed], ["Dropped, superseded", superseded],
    ["Reconnects", stream.reconnects], ["Memory resets", stream.resets], ["Subscribers now", stream.subscribers],
  ];
  document.getElementById("counts").replaceChildren(...rows.map(([term, count]) => {
    const row = make("div");
    row.append(make("dt", "", term), make("dd", "", whole(count)));
    return row;
  }));
}

function showEvents(events, now) {
  document.getElementById("events").replaceChildren(...events.map(({ unix_s, what, text, count }) => {
    const row = make("li");
    row.dataset.what = what;
    const time = make("time", "", `${ago(now - unix_s)} ago`);
    time.dateTime = new Date(unix_s * 1000).toISOString();
    time.title = time.dateTime;
    row.append(time, make("b", "", count > 1 ? `${what} ×${whole(count)}` : what), make("span", "", text));
    return row;
  }));
}
