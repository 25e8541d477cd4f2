// The connection to the daemon: says what is shown, hands on what comes, and comes back after a loss.
const FIRST_MS = 500;
const LONGEST_MS = 5000;
const SILENCE_MS = 5000; // the daemon speaks every second

export class Live {
  #socket = null;
  #wish = { streams: [], detail: "" };
  #wait = FIRST_MS;
  #heard = 0;

  constructor({ summary, picture, lost }) {
    this.told = { summary, picture, lost };
    this.#open();
    setInterval(() => this.#look(), 1000);
    document.addEventListener("visibilitychange", () => this.#say());
  }

  // Ask for these streams' pictures from now on, and for all that is known of one.
  watch(streams, detail = "") {
    const wish = { streams: [...streams].sort(), detail };
    if (JSON.stringify(wish) === JSON.stringify(this.#wish)) return;
    this.#wish = wish;
    this.#say();
  }

  #open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.#heard = Date.now(); this.#say(); };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = () => this.#again(socket);
    this.#socket = socket;
  }

  // The token may be another by now: a socket does not tell a refusal from a daemon that is gone.
  async #reopen() {
    const signal = AbortSignal.timeout(LONGEST_MS);
    const answer = await fetch("/api/streams", { method: "HEAD", signal }).catch(() => null);
    if (answer?.status === 401) location.assign("/login");
    else this.#open();
  }

  #hear(data) {
    this.#heard = Date.now();
    this.#wait = FIRST_MS;
    this.told.lost(false);
    if (typeof data === "string") this.told.summary(JSON.parse(data));
    else this.told.picture(unpack(data));
  }

  #again(socket) {
    if (socket !== this.#socket) return;
    this.told.lost(true);
    setTimeout(() => this.#reopen(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_MS);
  }

  // A peer that is gone without a word closes nothing.
  #look() {
    if (this.#socket.readyState !== WebSocket.OPEN || document.hidden) return;
    if (Date.now() - this.#heard < SILENCE_MS) return;
    const silent = this.#socket;
    this.#socket = null;
    silent.close();
    this.#socket = silent;
    this.#again(silent);
  }

  #say() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const wish = document.hidden ? { ...this.#wish, streams: [] } : this.#wish;
    this.#socket.send(JSON.stringify(wish));
  }
}

// u32 length of the header, header (JSON), JPEG, label map in zlib
function unpack(data) {
  const length = new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const jpeg = new Uint8Array(data, 4 + length, header.jpeg);
  const labels = new Uint8Array(data, 4 + length + header.jpeg, header.labels);
  return { header, jpeg, labels };
}
