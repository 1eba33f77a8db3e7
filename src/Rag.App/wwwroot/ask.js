// Ask without a full reload: the same pages are fetched, and what changed in them is put in place. Where a model writes, its sentences come one by one.
const form = document.querySelector("form[data-ask]");
const result = document.getElementById("result");
const status = document.getElementById("status");
const wide = matchMedia("(min-width: 64rem)");
const RETRY_MS = 1500, MAX_KEPT = 200;
const kept = "rag-history:" + document.body.dataset.who;
let running = null, shown = location.search;

const say = text => { status.textContent = text; };

/** Brings the quote into the middle of its panel, without moving the page. */
function showQuote() {
  const quote = document.getElementById("quote"), box = document.getElementById("scroller");
  if (!quote || !box) return;
  const at = quote.getBoundingClientRect(), frame = box.getBoundingClientRect();
  box.scrollTop += at.top - frame.top - Math.max(24, (frame.height - at.height) / 3);
}

/** Puts the address in the bar; what is shown now belongs to it. */
function remember(url) {
  history.pushState(null, "", url);
  shown = location.search;
}

/** Begins something that a later request ends. */
function begin() {
  running?.abort();
  running = new AbortController();
  result.setAttribute("aria-busy", "true");
  return running;
}

function end(mine) {
  if (running === mine) result.removeAttribute("aria-busy");
}

/** Fetches a page of this server; a later request ends an earlier one. Null where it was overtaken or could not be had. */
async function fetchPage(url) {
  const mine = begin();
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" }, signal: mine.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (page.getElementById("result")) return page;
    location.assign(url);
  } catch (error) {
    if (error.name !== "AbortError") trouble("The server did not answer. See that it is running, then ask again.");
  } finally {
    end(mine);
  }
  return null;
}

function trouble(text) {
  const box = document.createElement("p");
  box.className = "note bad narrow";
  box.textContent = text + " ";
  if (form) {
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Ask again";
    again.addEventListener("click", () => form.requestSubmit());
    box.append(again);
  }
  result.replaceChildren(box);
  say(text);
}

/** Remembers in this browser what was asked, the latest first, each question once. */
function keep(answer) {
  const { question, collection } = result.dataset;
  if (!question || !answer || !form) return;
  try {
    const past = JSON.parse(localStorage.getItem(kept) ?? "[]").filter(one => one.question !== question || one.collection !== collection);
    localStorage.setItem(kept, JSON.stringify([{ id: answer, question, collection, at: Date.now() }, ...past].slice(0, MAX_KEPT)));
  } catch { /* Storage is full or forbidden: asking goes on. */ }
}

function show(page) {
  const fresh = page.getElementById("result");
  document.title = page.title;
  Object.assign(result.dataset, { question: "", collection: "" }, fresh.dataset);
  result.replaceChildren(...fresh.childNodes);
  document.dispatchEvent(new CustomEvent("fresh", { detail: result }));
  say(fresh.dataset.status);
  keep(result.querySelector("[data-answer]")?.dataset.answer);
  showQuote();
}

async function load(url) {
  say("Looking through the documents…");
  const page = await fetchPage(url);
  if (page) show(page);
  return page !== null;
}

/** Events of a stream (WHATWG HTML, 9.2), as far as this server sends them. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = "", end; ;) {
    while ((end = text.indexOf("\n\n")) >= 0) {
      const [name, data] = text.slice(0, end).split("\n").map(line => line.slice(line.indexOf(": ") + 2));
      yield [name, JSON.parse(data)];
      text = text.slice(end + 2);
    }
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
  }
}

/** The place where sentences of an answer appear while it is being made. */
function streamBox(question) {
  const box = document.createElement("article"), title = document.createElement("h1"), prose = document.createElement("p"), note = document.createElement("p");
  box.id = "answer-stream";
  box.className = "answer narrow";
  title.textContent = question;
  prose.className = "prose";
  note.className = "quiet";
  note.textContent = "Being written; each sentence was checked against its sources before it is shown…";
  box.append(title, prose, note);
  result.replaceChildren(box);
  return prose;
}

/** Asks for sentences as they are settled. The id of the whole answer; null where it was overtaken; throws where it broke off. */
async function stream(asked) {
  const mine = begin();
  try {
    const response = await fetch("/v1/ask", {
      method: "POST", headers: { "Content-Type": "application/json" }, signal: mine.signal,
      body: JSON.stringify({ question: asked.get("q"), collection: asked.get("collection") ?? undefined, stream: true }),
    });
    // Problems are shown by the page, which words them.
    if (!response.ok) return "";
    let prose = null;
    for await (const [name, data] of events(response)) {
      if (name === "sentence") {
        prose ??= streamBox(asked.get("q"));
        prose.append(data.kind === "sentence" || data.kind === "composed" ? data.text + " " : data.text + "\n");
      } else if (name === "answer") {
        return data.id;
      } else {
        throw new Error(data.message ?? data.title);
      }
    }
    throw new Error("the connection broke");
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw error;
  } finally {
    end(mine);
  }
}

/** Streams where sentences come one by one, and then shows the answer as it is kept; a stream that breaks off is begun again once. */
async function ask(url, asked) {
  result.querySelector(".note.bad")?.remove();
  if (!form?.dataset.streams || asked.get("after")) return load(url);
  say("Looking through the documents…");
  for (let attempt = 1; ; attempt++) {
    try {
      const id = await stream(asked);
      return id === null ? false : load(id ? `/answers/${id}?as=asked` : url);
    } catch (error) {
      // Half an answer must not pass for a whole one.
      if (attempt === 2) {
        trouble(`The answer broke off: ${error.message}.`);
        return false;
      }
      result.replaceChildren();
      say("The answer broke off. Asking again…");
      await new Promise(wake => setTimeout(wake, RETRY_MS));
    }
  }
}

form?.addEventListener("submit", async event => {
  event.preventDefault();
  const asked = new URLSearchParams(new FormData(form)), url = "/?" + asked;
  if (await ask(url, asked)) remember(url);
});

/** Opens another source: only the panel and what is marked as chosen change. */
async function openSource(link) {
  const page = await fetchPage(link.href);
  const panel = page?.getElementById("panel");
  if (!panel) return;
  const number = link.dataset.source;
  document.getElementById("panel").replaceWith(panel);
  for (const said of result.querySelectorAll("[data-n]")) said.classList.toggle("chosen", said.dataset.n === number);
  for (const cite of result.querySelectorAll("a[data-source]")) {
    if (cite.dataset.source === number) cite.setAttribute("aria-current", "true");
    else cite.removeAttribute("aria-current");
  }
  remember(link.href);
  showQuote();
  const title = document.getElementById("panel-title");
  title.focus({ preventScroll: true });
  if (!wide.matches) panel.scrollIntoView({ block: "start" });
  say(`Source ${number}: ${title.textContent.replace(/^\s*\d+\s*/, "")}`);
}

/** A rating is said where the buttons were. */
async function rate(feedback, rating) {
  const response = await fetch(`/v1/answers/${feedback.dataset.feedback}/feedback`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ rating }),
  }).catch(() => null);
  const thanks = document.createElement("p");
  thanks.className = "thanks";
  thanks.tabIndex = -1;
  thanks.textContent = response?.ok ? "Thank you, noted." : "That could not be noted; the server did not take it.";
  feedback.replaceWith(thanks);
  thanks.focus();
  say(thanks.textContent);
}

/** Why this answer, where the question is, without leaving it. */
async function why(link) {
  if (document.getElementById("why")) return document.getElementById("why").scrollIntoView({ block: "start" });
  const page = await fetchPage(link.href), section = page?.getElementById("why");
  if (!section) return;
  result.append(section);
  document.dispatchEvent(new CustomEvent("fresh", { detail: section }));
  section.tabIndex = -1;
  section.focus({ preventScroll: true });
  section.scrollIntoView({ block: "start" });
}

async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
    return done;
  } catch {
    say("The browser does not let this page copy.");
    return "Not copied";
  }
}

/** The answer as text, each sentence with its numbers, and under it what they stand for. */
async function withSources(id) {
  const answer = await (await fetch("/v1/answers/" + id)).json();
  const said = answer.sentences.map(one => `${one.text} ${(one.sources ?? [one.source]).map(n => `[${n}]`).join("")}`);
  const sources = answer.sources.map(one => `[${one.number}] ${one.title}, ${one.uri}, version ${one.version}${one.page ? `, page ${one.page}` : ""}: “${one.quote}”`);
  return `${answer.question}\n\n${said.join("\n")}\n\n${sources.join("\n")}\n\n${location.origin}/answers/${id}\n`;
}

result.addEventListener("click", async event => {
  const button = event.target.closest("#copy");
  if (button) {
    const text = await withSources(result.querySelector("[data-answer]").dataset.answer).catch(() => null);
    button.textContent = text === null ? "Not copied" : await copy(text, "Copied with sources");
    return;
  }
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const source = event.target.closest("a[data-source]");
  const question = form && event.target.closest("a[data-question]");
  const reason = event.target.closest("a[data-why]"), share = event.target.closest("#share");
  if (source) {
    event.preventDefault();
    await openSource(source);
  } else if (reason) {
    event.preventDefault();
    await why(reason);
  } else if (share && navigator.clipboard) {
    event.preventDefault();
    share.textContent = await copy(share.href, "Link copied");
  } else if (question) {
    event.preventDefault();
    form.elements.q.value = question.textContent;
    form.requestSubmit();
  }
});

result.addEventListener("submit", async event => {
  const follow = form && event.target.closest("form[data-follow]");
  if (follow) {
    event.preventDefault();
    const asked = new URLSearchParams(new FormData(follow)), url = "/?" + asked;
    if (!await load(url)) return;
    form.elements.q.value = asked.get("q");
    remember(url);
    scrollTo({ top: 0 });
    return;
  }
  const feedback = event.target.closest("form[data-feedback]");
  if (!feedback) return;
  event.preventDefault();
  rate(feedback, Number(event.submitter?.value));
});

addEventListener("popstate", () => {
  // A link within the page comes here too; the browser has done all there is to do.
  if (location.search === shown) return;
  shown = location.search;
  const asked = new URLSearchParams(location.search);
  if (form) form.elements.q.value = asked.get("q") ?? "";
  if (form?.elements.collection) form.elements.collection.value = asked.get("collection") ?? "default";
  load(location.href);
});

showQuote();
keep(result.querySelector("[data-answer]")?.dataset.answer);
