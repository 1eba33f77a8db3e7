// Goes on writing what is left of a deadline, as the server wrote it first.
const left = (deadline) => {
  const minutes = (deadline - Date.now()) / 60000, size = Math.abs(minutes);
  const span = size < 1 ? "less than a minute" : size < 120 ? `${Math.floor(size)} min` : `${Math.floor(size / 60)} h`;
  return minutes < 0 ? `${span} late` : `in ${span}`;
};

const times = [...document.querySelectorAll("time[data-deadline]")].map((element) => ({ element, deadline: Date.parse(element.dataset.deadline) }));
setInterval(() => {
  for (const { element, deadline } of times) {
    const text = left(deadline);
    if (element.textContent !== text) element.textContent = text;
    if (deadline < Date.now()) element.className = "state bad";
  }
}, 1000);
