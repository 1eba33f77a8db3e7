// Keeps what is shown as it is: the server says which parts have changed, and they are fetched again. Nothing is taken from under somebody's hands.
const CLOCK_MS = 30_000, SPREAD_MS = 4_000, APART_MS = 5_000, LOST_MS = 6_000, AGAIN_MS = 15_000;
const body = document.body, stale = document.getElementById("stale"), badge = document.querySelector("[data-open]");
let versions = JSON.parse(body.dataset.liveVersions), wanted = new Set(), timer = 0, lostAt = 0, last = Date.now();

const parts = () => [...document.querySelectorAll("[data-live]")];
const concerns = part => part.dataset.live.split(" ").some(topic => wanted.has(topic));
/** Somebody writes, chooses or has opened something there. */
const busy = part => part.contains(document.activeElement) || part.querySelector("details[open]") || [...part.querySelectorAll("input, textarea")].some(field => field.value !== field.defaultValue) || document.querySelector("dialog[open]") || !getSelection().isCollapsed && part.contains(getSelection().anchorNode);

function want(topics) {
  for (const topic of topics) wanted.add(topic);
  if (timer || !parts().some(concerns)) return;
  // Many consoles hear of it at once; they do not all ask at once.
  timer = setTimeout(refresh, Math.max(APART_MS - (Date.now() - last), 0) + Math.random() * SPREAD_MS);
}

async function refresh() {
  timer = 0;
  if (document.hidden || wanted.size === 0) return;
  const topics = wanted, ready = parts().filter(concerns);
  wanted = new Set();
  last = Date.now();
  const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!response?.ok || response.redirected) return want(topics);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  let later = false;
  for (const part of ready) {
    const fresh = page.getElementById(part.id);
    if (!fresh || !part.isConnected) continue;
    if (busy(part)) { later = true; continue; }
    part.replaceWith(fresh);
    document.dispatchEvent(new CustomEvent("fresh", { detail: fresh }));
  }
  if (later) want(topics);
}

function tell(text) {
  stale.textContent = text;
  stale.hidden = text === "";
}

let source = null;

function connect() {
  if (source || document.hidden) return;
  source = new EventSource("/live");
  source.addEventListener("change", event => {
    const now = JSON.parse(event.data);
    lostAt = 0;
    tell("");
    if (badge && now.open !== undefined) {
      badge.dataset.open = now.open;
      badge.querySelector(".count").textContent = now.open;
    }
    const changed = Object.keys(now).filter(topic => now[topic] !== versions[topic]);
    versions = now;
    want(changed);
  });
  source.addEventListener("error", () => {
    lostAt ||= Date.now();
    // The browser comes again by itself, but not after an answer that is no stream.
    if (source?.readyState === EventSource.CLOSED) {
      disconnect();
      setTimeout(connect, AGAIN_MS * (1 + Math.random()));
    }
  });
}

function disconnect() {
  source?.close();
  source = null;
}

// Browsers make six connections to a server over HTTP/1.1: a page that nobody sees, or has left, holds none of them.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return disconnect();
  connect();
  want([]);
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", connect);

setInterval(() => {
  if (lostAt && Date.now() - lostAt > LOST_MS && parts().length > 0) tell(`Not live: the server does not answer. What is shown is as of ${new Date(last).toTimeString().slice(0, 5)}.`);
}, 1000);
setInterval(() => want(["clock"]), CLOCK_MS);
connect();
