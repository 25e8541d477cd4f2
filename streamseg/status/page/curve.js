// A small curve of the last two minutes; long gaps stay gaps.
const SPAN = 120;
const BRIDGE = 5; // seconds without a mask that are no gap: a stream may give one now and then
const SVG = "http://www.w3.org/2000/svg";

export function draw(svg, values, least) {
  const width = svg.clientWidth || 100;
  const height = svg.clientHeight || 24;
  const known = values.filter((value) => value != null);
  const top = Math.max(least, ...known) * 1.15;
  const place = (value, index) => [
    ((SPAN - values.length + index) / (SPAN - 1)) * (width - 4) + 1,
    height - 2 - (value / top) * (height - 5),
  ];
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts(values, place, height));
  return known.length ? Math.max(...known) : null;
}

function parts(values, place, height) {
  const lines = runs(values).map((run) => run.map(([value, index]) => place(value, index)));
  const made = lines.flatMap((line) => [
    shape("path", { class: "area", d: `M${line[0][0]},${height}L${line.map((at) => at.map((n) => n.toFixed(1))).join("L")}L${line.at(-1)[0]},${height}Z` }),
    shape("path", { class: "line", d: `M${line.map((at) => at.map((n) => n.toFixed(1))).join("L")}` }),
  ]);
  const last = values.at(-1);
  if (last == null) return made;
  const [cx, cy] = place(last, values.length - 1);
  return [...made, shape("circle", { cx, cy, r: 2 })];
}

// Stretches of known values, each with its index.
function runs(values) {
  const found = [];
  values.forEach((value, index) => {
    if (value == null) return;
    const before = found.at(-1)?.at(-1)?.[1];
    if (before === undefined || index - before > BRIDGE) found.push([]);
    found.at(-1).push([value, index]);
  });
  return found;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
