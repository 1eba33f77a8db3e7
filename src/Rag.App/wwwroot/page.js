// On every page: times in the viewer's zone, deadlines that run, and an address that names a span scrolls to it even without its fragment.
const two = n => String(n).padStart(2, "0");
const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });
const zoneOf = at => zone.formatToParts(at).find(part => part.type === "timeZoneName").value;

/** Writes times as the viewer's clock shows them; what the server wrote, in UTC, is told on hover. */
function localTimes(within) {
  for (const element of within.querySelectorAll("time[datetime]:not([title], [data-deadline])")) {
    const at = new Date(element.dateTime);
    if (isNaN(at) || !element.textContent.endsWith(" UTC")) continue;
    element.title = element.textContent;
    if (at.getTimezoneOffset() !== 0) element.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())} ${zoneOf(at)}`;
  }
}

/** What is left of a deadline, as the server writes it. */
function left(deadline) {
  const minutes = (deadline - Date.now()) / 60000, size = Math.abs(minutes);
  const span = size < 1 ? "less than a minute" : size < 120 ? `${Math.floor(size)} min` : `${Math.floor(size / 60)} h`;
  return minutes < 0 ? `${span} late` : `in ${span}`;
}

function deadlines() {
  for (const element of document.querySelectorAll("time[data-deadline]")) {
    const at = Date.parse(element.dataset.deadline), text = left(at);
    if (element.textContent !== text) element.textContent = text;
    if (at < Date.now()) element.className = "state bad";
  }
}

localTimes(document);
// Whoever puts something new into the page says so.
document.addEventListener("fresh", event => localTimes(event.detail));
setInterval(deadlines, 1000);

// On a phone the row of pages is longer than the screen.
document.querySelector(".beside [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

const quote = document.getElementById("quote");
if (quote && !location.hash && !quote.closest("#panel")) quote.scrollIntoView({ block: "center" });

// What was asked here is nobody else's: it goes with whoever signs out.
document.querySelector('form[action="/sign-out"]')?.addEventListener("submit", () => {
  for (const key of Object.keys(localStorage).filter(name => name.startsWith("rag-history:"))) localStorage.removeItem(key);
});
