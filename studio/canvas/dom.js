// Small helpers. Text that came from a visitor or the model only ever enters the page as text nodes.

const part = (name) => element.querySelector(`[data-part="${name}"]`);

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const share = (value) => `${(100 * value).toFixed(3)}%`;

// One Tab stop for a row of buttons; the arrow keys go along it.
function makeRow(row) {
  const buttons = () => [...row.querySelectorAll("button:not(:disabled)")];
  row.addEventListener("keydown", (event) => {
    const all = buttons();
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const here = all.indexOf(event.target);
    if (here < 0) return;
    let next = null;
    if (step) next = all[(here + step + all.length) % all.length];
    if (event.key === "Home") next = all[0];
    if (event.key === "End") next = all[all.length - 1];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  row.addEventListener("focusin", (event) => {
    for (const button of buttons()) button.tabIndex = button === event.target ? 0 : -1;
  });
  return () => buttons().forEach((button, i) => { button.tabIndex = i === 0 ? 0 : -1; });
}
