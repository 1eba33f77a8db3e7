// The questions that this browser remembers.
const kept = "rag-history:" + document.body.dataset.who;
const list = document.getElementById("past"), find = document.getElementById("past-find"), none = document.getElementById("past-none");

function past() {
  try {
    return JSON.parse(localStorage.getItem(kept) ?? "[]");
  } catch {
    return [];
  }
}

function line({ id, question, collection, at }) {
  const item = document.createElement("li"), link = document.createElement("a"), when = document.createElement("span");
  link.href = "/answers/" + encodeURIComponent(id);
  link.textContent = question;
  when.className = "quiet";
  when.textContent = `${new Date(at).toLocaleString()}, ${collection}`;
  item.append(link, when);
  return item;
}

function show() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = past().filter(one => words.every(word => one.question.toLowerCase().includes(word)));
  list.replaceChildren(...found.map(line));
  none.hidden = found.length > 0;
}

find.addEventListener("input", show);
document.getElementById("past-forget").addEventListener("click", () => {
  localStorage.removeItem(kept);
  show();
});
show();
