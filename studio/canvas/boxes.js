// The boxes as buttons on the photo. The smaller a box, the higher it lies, so the smallest under the pointer wins.

const areaOf = ([x1, y1, x2, y2]) => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);

// The probability of the detector's label and the score of its box; none before the detector has run.
const sureOf = (region) => (region.percent ? ` ${region.percent.replace(" %", "\u00a0%")}` : "");
const rankOf = (region) => (region.percent ? `rank score ${region.score.toFixed(2)}` : "");

// One of several texts; those that occur more than once are numbered in their order: write(text, number). Files and
// tables have the same rule: studio/views/names.py.
function numberedName(texts, index, write) {
  const same = texts.flatMap((text, i) => (text === texts[index] ? [i] : []));
  return same.length > 1 ? write(texts[index], same.indexOf(index) + 1) : texts[index];
}

const nameOf = (regions, index) => (regions[index].label
  ? numberedName(regions.map((r) => r.label), index, (label, number) => `${label} ${number}`) : "new box");

const aboutRegion = (region) => (region.percent ? `The probability of this label among all classes is${sureOf(region)}. `
  + `The rank score of the box is ${region.score.toFixed(2)}: the detector’s confidence that it holds an object.` : "");

// Which regions are drawn: those that come first, and whatever the visitor drew, hid or selected.
function shownRegions(state, ui) {
  const all = (state.regions || []).map((_, i) => i).slice(1);
  return all.filter((i) => ui.showAll || state.regions[i].first || state.regions[i].mine
    || state.hiddenRegions.includes(i) || i === ui.selected);
}

function makeBoxes({ toggle, select, point }) {
  const layer = part("boxes");
  const buttons = new Map(); // region index -> its button
  let drawnFor = null;

  function build(state) {
    const held = layer.contains(document.activeElement) ? Number(document.activeElement.dataset.region) : null;
    layer.replaceChildren();
    buttons.clear();
    (state.regions || []).forEach((_, index) => {
      if (index === 0) return;
      const button = make("button", { type: "button", class: "box", "data-region": index },
        make("span", { class: "guess", hidden: true }));
      button.addEventListener("click", () => toggle(index));
      button.addEventListener("focus", () => { if (button.matches(":focus-visible")) select(index); });
      button.addEventListener("pointerenter", () => point(index));
      button.addEventListener("pointerleave", () => point(null));
      buttons.set(index, button);
      layer.append(button);
    });
    drawnFor = state.regions;
    buttons.get(held)?.focus(); // new labels must not take the box out of a keyboard user's hands
  }

  function render(state, ui, guesses) {
    if (state.regions !== drawnFor) build(state);
    const shown = new Set(shownRegions(state, ui));
    for (const [index, button] of buttons) {
      const region = state.regions[index];
      const box = ui.preview?.index === index ? ui.preview.box : region.box;
      const hidden = state.hiddenRegions.includes(index);
      setPlace(button, box);
      button.style.zIndex = String(1000 - Math.round(990 * Math.min(1, areaOf(box))));
      setHidden(button, !shown.has(index));
      button.classList.toggle("mine", Boolean(region.mine));
      button.classList.toggle("selected", ui.selected === index);
      button.classList.toggle("pointed", ui.pointed === index);
      setAttribute(button, "aria-pressed", hidden);
      const guess = guesses.get(index);
      setAttribute(button, "aria-label", `Region ${nameOf(state.regions, index)}${sureOf(region)}, `
        + (hidden ? `hidden${guess ? `, the model says ${guess}` : ""}` : "visible"));
      setHidden(button.firstChild, !hidden);
      setText(button.firstChild, hidden ? (guess || "hidden") : "");
    }
  }

  return { render, focus: (index) => buttons.get(index)?.focus() };
}

// The same regions as a list under the photo: readable without hovering, and large enough for a finger.
function makeRegionList({ toggle, point }) {
  const list = part("regions");
  const settle = makeRow(list);
  let drawnFor = null;
  let drawn = "";

  function build(state, shown) {
    list.replaceChildren(...shown.map((index) => make("button", {
      type: "button", class: "chip", "data-region": index,
      onclick: () => toggle(index),
      onpointerenter: () => point(index), onpointerleave: () => point(null),
      onfocus: () => point(index), onblur: () => point(null),
    }, make("span", { class: "name" }), make("small"))));
    settle();
  }

  function render(state, ui, guesses) {
    const shown = shownRegions(state, ui);
    if (state.regions !== drawnFor || shown.join() !== drawn) {
      const held = list.contains(document.activeElement) ? document.activeElement.dataset.region : null;
      build(state, shown);
      if (held) list.querySelector(`[data-region="${held}"]`)?.focus();
      drawnFor = state.regions;
      drawn = shown.join();
    }
    for (const chip of list.children) {
      const index = Number(chip.dataset.region);
      const hidden = state.hiddenRegions.includes(index);
      setAttribute(chip, "aria-pressed", hidden);
      chip.classList.toggle("pointed", ui.pointed === index || ui.selected === index);
      setText(chip.firstChild, nameOf(state.regions, index));
      setText(chip.lastChild, hidden ? (guesses.get(index) || "hidden") : sureOf(state.regions[index]).trim());
      setAttribute(chip, "title", aboutRegion(state.regions[index]));
    }
  }

  return { render, focus: (index) => list.querySelector(`[data-region="${index}"]`)?.focus() };
}
