// Ask without a full reload: the same pages are fetched, and what changed in them is put in place.
const form = document.querySelector("form[data-ask]");
const result = document.getElementById("result");
const status = document.getElementById("status");
const wide = matchMedia("(min-width: 64rem)");
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

/** Fetches a page of this server; a later request ends an earlier one. Null where it was overtaken or could not be had. */
async function fetchPage(url) {
  running?.abort();
  const mine = running = new AbortController();
  result.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" }, signal: mine.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (page.getElementById("result")) return page;
    location.assign(url);
  } catch (error) {
    if (error.name !== "AbortError") showTrouble();
  } finally {
    if (running === mine) result.removeAttribute("aria-busy");
  }
  return null;
}

function showTrouble() {
  const box = document.createElement("p");
  box.className = "note bad narrow";
  box.textContent = "The server did not answer. See that it is running, then ask again.";
  result.replaceChildren(box);
  say(box.textContent);
}

async function load(url) {
  say("Looking through the documents…");
  const page = await fetchPage(url);
  if (!page) return false;
  const fresh = page.getElementById("result");
  document.title = page.title;
  result.replaceChildren(...fresh.childNodes);
  say(fresh.dataset.status);
  showQuote();
  return true;
}

form.addEventListener("submit", async event => {
  event.preventDefault();
  const url = "/?" + new URLSearchParams(new FormData(form));
  if (await load(url)) remember(url);
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

result.addEventListener("click", async event => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const source = event.target.closest("a[data-source]");
  const question = event.target.closest("a[data-question]");
  if (source) {
    event.preventDefault();
    await openSource(source);
  } else if (question) {
    event.preventDefault();
    form.elements.q.value = question.textContent;
    form.requestSubmit();
  }
});

result.addEventListener("submit", event => {
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
  form.elements.q.value = asked.get("q") ?? "";
  if (form.elements.collection) form.elements.collection.value = asked.get("collection") ?? "default";
  load(location.href);
});

showQuote();
