// Files go up a few at a time, each with its progress and, where it was not added, the reason; the list follows.
const form = document.querySelector("form[data-upload]");
const rows = document.getElementById("uploads");
const status = document.getElementById("status");
const AT_ONCE = 2, MAX_FILES = 2000, POLL_MS = 1500, MAX_POLLS = 2400;
let queue = [], active = 0, counts = { good: 0, bad: 0 }, polling = false;

const say = text => { status.textContent = text; };

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function addRow(name, after) {
  const row = element("li", "wait");
  row.append(element("span", "name", name), element("span", "state", "Waiting"));
  if (after) after.after(row);
  else rows.append(row);
  return row;
}

function finish(row, good, text) {
  row.className = good ? "good" : "bad";
  row.querySelector("progress")?.remove();
  row.querySelector(".state").textContent = text;
  counts[good ? "good" : "bad"]++;
}

function stateOf(file) {
  switch (file.status) {
    case "created": return "Added.";
    case "updated": return `Added as version ${file.version}.`;
    case "unchanged": return "Unchanged: it is in here already.";
    default: return `Not added (${file.reason}): ${file.message}`;
  }
}

/** Sends one file. XMLHttpRequest, because fetch does not tell how much of a body has gone. */
function send(file, name, row) {
  return new Promise(done => {
    const request = new XMLHttpRequest(), body = new FormData();
    body.append("files", file, name);
    const groups = form.elements.groups.value.trim();
    if (groups) body.append("groups", groups);
    const bar = element("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", name);
    const state = row.querySelector(".state");
    state.before(bar);
    state.textContent = "Sending";
    request.upload.addEventListener("progress", event => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
    request.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      state.textContent = "Reading it";
    });
    request.addEventListener("load", () => {
      let reply = null;
      try { reply = JSON.parse(request.responseText); } catch { /* Not JSON: said below. */ }
      if (request.status === 200 && reply?.files?.length) {
        let last = row;
        reply.files.forEach((one, i) => {
          if (i > 0) last = addRow(one.uri, last);
          else row.querySelector(".name").textContent = one.uri;
          finish(last, one.status !== "failed", stateOf(one));
        });
      } else {
        finish(row, false, `Not added: ${reply?.detail ?? `the server answered ${request.status}.`} ${reply?.remedy ?? "Try again."}`);
      }
      done();
    });
    request.addEventListener("error", () => {
      finish(row, false, "Not added: the connection to the server broke. See that it is running, then send the file again.");
      done();
    });
    request.open("POST", form.dataset.upload);
    request.send(body);
  });
}

function pump() {
  while (active < AT_ONCE && queue.length > 0) {
    const { file, name, row } = queue.shift();
    active++;
    send(file, name, row).then(() => {
      active--;
      pump();
    });
  }
  if (active > 0) return;
  say(`${counts.good} added or known, ${counts.bad} not added.`);
  refresh();
}

function take(files) {
  if (files.length === 0) return;
  if (active === 0) {
    rows.replaceChildren();
    counts = { good: 0, bad: 0 };
  }
  const limit = Number(form.dataset.maxBytes);
  if (files.length > MAX_FILES) say(`Only the first ${MAX_FILES} files are taken; send the rest as a ZIP archive.`);
  else say(`Sending ${files.length} ${files.length === 1 ? "file" : "files"}.`);
  for (const file of [...files].slice(0, MAX_FILES)) {
    const name = file.webkitRelativePath || file.name;
    const row = addRow(name);
    if (file.size > limit) finish(row, false, `Not added: it has ${(file.size / 1e6).toFixed(1)} MB; at most ${(limit / 1e6).toFixed(0)} MB are read. Split it.`);
    else queue.push({ file, name, row });
  }
  pump();
}

/** Puts the list as it is now in place; while chunks wait to be embedded, again and again. */
async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("list"), shown = document.getElementById("list");
  // What has the keyboard's focus is not taken away from under it.
  if (fresh && !shown.contains(document.activeElement)) shown.replaceWith(fresh);
  watch();
}

async function watch() {
  if (polling) return;
  polling = true;
  for (let i = 0; i < MAX_POLLS && Number(document.getElementById("list").dataset.pending) > 0; i++) {
    await new Promise(wake => setTimeout(wake, POLL_MS));
    if (!document.hidden) await refresh();
  }
  polling = false;
}

form?.addEventListener("submit", event => {
  event.preventDefault();
  const input = form.elements.files;
  take([...input.files]);
  input.value = "";
});

let depth = 0;
const holdsFiles = event => form !== null && event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", event => { if (holdsFiles(event)) document.body.classList.toggle("dropping", ++depth > 0); });
addEventListener("dragleave", event => { if (holdsFiles(event)) document.body.classList.toggle("dropping", --depth > 0); });
addEventListener("dragover", event => { if (holdsFiles(event)) event.preventDefault(); });
addEventListener("drop", event => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("dropping");
  take([...event.dataTransfer.files]);
});

watch();
