// On every page: "/" goes to the question, and an address that names a span scrolls to it even without its fragment.
document.documentElement.classList.add("scripts");

document.addEventListener("keydown", event => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  const question = document.getElementById("q");
  if (question) {
    question.focus();
    question.select();
  } else {
    location.assign("/");
  }
});

const quote = document.getElementById("quote");
if (quote && !location.hash && !quote.closest("#panel")) quote.scrollIntoView({ block: "center" });
