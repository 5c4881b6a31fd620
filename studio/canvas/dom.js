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

// Everything is drawn anew at each step, so what is already as it should be is left alone: the browser would otherwise
// style and paint it again.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

function setPlace(node, [left, top, right, bottom]) {
  const place = [left, top, right - left, bottom - top].map(share);
  if (node.dataset.place === place.join()) return;
  node.dataset.place = place.join();
  [node.style.left, node.style.top, node.style.width, node.style.height] = place;
}

const share = (value) => `${(100 * value).toFixed(3)}%`;

// One Tab stop for a row of buttons; the arrow keys go along it.
function makeRow(row) {
  const buttons = () => [...row.querySelectorAll("button:not(:disabled)")];
  row.addEventListener("keydown", (event) => {
    const all = buttons();
    const onward = getComputedStyle(row).direction === "rtl" ? -1 : 1;
    const step = { ArrowRight: onward, ArrowDown: 1, ArrowLeft: -onward, ArrowUp: -1 }[event.key];
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
