// One picture over the whole screen: the browser's full screen, or over the whole window where it has none.
const IN_WINDOW = "in-window";

// Returns what is to be told the stream's name.
export function followFull(view) {
  const button = view.querySelector(".full");
  let name = "";
  const isFull = () => document.fullscreenElement === view || view.classList.contains(IN_WINDOW);
  const say = () => {
    const words = `${isFull() ? "Leave full screen" : "Full screen"}: ${name}`;
    if (button.title === words) return;
    button.title = words;
    button.setAttribute("aria-label", words);
  };
  const fill = (full) => {
    view.classList.toggle(IN_WINDOW, full);
    document.body.classList.toggle("held", full); // what is behind does not scroll
    say();
  };
  const toggle = () => {
    if (view.classList.contains(IN_WINDOW)) fill(false);
    else if (document.fullscreenElement === view) document.exitFullscreen();
    else if (view.requestFullscreen) view.requestFullscreen().catch(() => fill(true));
    else fill(true);
  };
  button.addEventListener("click", toggle);
  view.querySelector(".frame").addEventListener("dblclick", toggle);
  document.addEventListener("fullscreenchange", say);
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape" && isFull()) toggle(); });
  return (stream) => { name = stream; say(); };
}

export const someFull = () => document.fullscreenElement !== null || document.querySelector(`.${IN_WINDOW}`) !== null;
