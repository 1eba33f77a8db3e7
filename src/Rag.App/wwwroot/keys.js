// Everything by keys: "/" asks, g and a letter go somewhere, Ctrl+K finds a page or asks, ? lists the keys.
const CHORD_MS = 1500;
const palette = document.getElementById("palette"), help = document.getElementById("keys");
const input = document.getElementById("palette-input"), list = document.getElementById("palette-list");
const places = [...list.children];
const asks = places.some(place => place.dataset.url === "/");
let waiting = 0, chosen = null;

const typing = target => target.closest?.("input, textarea, select, [contenteditable]");
const go = url => location.assign(url);

function ask() {
  const question = document.getElementById("q");
  if (!question) return go("/");
  question.focus();
  question.select();
}

function choose(place) {
  chosen?.setAttribute("aria-selected", "false");
  chosen = place ?? null;
  if (!chosen) return input.removeAttribute("aria-activedescendant");
  chosen.setAttribute("aria-selected", "true");
  input.setAttribute("aria-activedescendant", chosen.id);
  chosen.scrollIntoView({ block: "nearest" });
}

/** A line that is made of what was typed. */
function offer(id, text, url) {
  const line = document.createElement("li");
  line.id = id;
  line.role = "option";
  line.setAttribute("aria-selected", "false");
  line.dataset.url = url;
  line.textContent = text;
  return line;
}

function filter() {
  const words = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const found = places.filter(place => {
    const text = `${place.textContent} ${place.dataset.words}`.toLowerCase();
    return words.every(word => text.includes(word));
  });
  if (words.length > 0 && asks) {
    const typed = input.value.trim();
    found.push(offer("place-ask", `Ask: ${typed}`, "/?q=" + encodeURIComponent(typed)));
    if (!typed.includes(" ")) found.push(offer("place-documents", `Documents whose address begins with ${typed}`, "/documents?prefix=" + encodeURIComponent(typed)));
  }
  list.replaceChildren(...found);
  choose(found[0]);
}

function openPalette() {
  help.close();
  input.value = "";
  filter();
  palette.showModal();
  input.focus();
}

document.getElementById("goto").addEventListener("click", openPalette);
input.addEventListener("input", filter);
input.addEventListener("keydown", event => {
  const lines = [...list.children], at = lines.indexOf(chosen);
  if (event.key === "ArrowDown") choose(lines[(at + 1) % lines.length]);
  else if (event.key === "ArrowUp") choose(lines[(at - 1 + lines.length) % lines.length]);
  else if (event.key === "Enter") { if (chosen) go(chosen.dataset.url); }
  else return;
  event.preventDefault();
});
list.addEventListener("click", event => {
  const line = event.target.closest("li");
  if (line) go(line.dataset.url);
});
// A click beside a dialog is one on its backdrop, which is the dialog itself.
for (const dialog of [palette, help]) dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });

document.addEventListener("keydown", event => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (palette.open) palette.close();
    else openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || palette.open || typing(event.target)) return;
  const chord = event.timeStamp - waiting < CHORD_MS;
  waiting = 0;
  const place = chord && places.find(one => one.dataset.chord === event.key);
  if (place) go(place.dataset.url);
  else if (event.key === "g") waiting = event.timeStamp;
  else if (event.key === "/" && !help.open) ask();
  else if (event.key === "?") help.open ? help.close() : help.showModal();
  else return;
  event.preventDefault();
});
