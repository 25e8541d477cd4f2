// Numbers and states as a person reads them. Whatever comes from the daemon becomes text, never markup.
const NONE = "–";

export const ms = (value) => (value == null ? NONE : value < 10 ? `${value.toFixed(1)} ms` : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`);
export const percent = (value, digits = 1) => (value == null ? NONE : `${(100 * value).toFixed(digits)} %`);
export const rate = (value) => (value == null ? NONE : `${value.toFixed(1)}/s`);
export const whole = (value) => value.toLocaleString("en");

export function ago(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

// How a stream's state is to be felt: good, wait, bad or over.
export function level(stream) {
  if (stream.state === "running") return stream.ready ? "good" : "wait";
  return { connecting: "wait", ended: "over" }[stream.state] ?? "bad";
}

const LEVELS = ["bad", "wait", "over", "good"];

// The order on the wall: without masks and required, without masks, the others.
export const rank = (stream) => 10 * (stream.ready ? 2 : stream.required ? 0 : 1) + LEVELS.indexOf(level(stream));

// The header: `ready` is what /readyz answers, and streams that it does not ask for are told apart.
export function health(streams, ready) {
  const without = streams.filter((stream) => !stream.ready);
  const some = `${streams.length - without.length} of ${streams.length} streams give masks`;
  if (!ready) return `Not ready, ${some}; ${listed(without.filter((stream) => stream.required))}`;
  if (without.length) return `Ready, ${some}; ${listed(without)}, not required`;
  if (!streams.length) return "No stream is configured";
  return streams.length === 1 ? "1 stream gives masks" : `All ${streams.length} streams give masks`;
}

function listed(streams) {
  const names = streams.slice(0, 2).map(({ name }) => name).join(", ");
  const more = streams.length - 2;
  return `none from ${more > 0 ? `${names} and ${more} more` : names}`;
}

export function sentence(stream) {
  if (level(stream) === "good") return "";
  if (stream.state === "running") return stream.silent_s == null ? "Waiting for the first mask" : `No mask for ${ago(stream.silent_s)}`;
  if (stream.state === "connecting" && !stream.engine) return "Waiting for the engine …";
  const retry = stream.retry_in_s == null ? "" : ` Next try in ${stream.retry_in_s.toFixed(1)} s.`;
  const word = { connecting: "Connecting …", ended: "It came to its end." }[stream.state] ?? "";
  return (stream.message || word) + retry;
}

export function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text != null) made.textContent = text;
  return made;
}

export const color = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
