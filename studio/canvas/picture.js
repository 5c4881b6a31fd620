// The photo: what pointer and keys do to the boxes on it. Fractions of the photo everywhere.

const CLICK_SLOP = 5; // pixels that a pointer may move within a click
const SMALLEST = 0.015; // a smaller box is a slip of the hand
const STEP = 0.01;
const KEY_PAUSE = 450; // a run of arrow keys is one step for undo

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function resizedBox([x1, y1, x2, y2], grip, x, y) {
  const left = grip.includes("w") ? x : x1;
  const right = grip.includes("e") ? x : x2;
  const top = grip.includes("n") ? y : y1;
  const bottom = grip.includes("s") ? y : y2;
  return [Math.min(left, right), Math.min(top, bottom), Math.max(left, right), Math.max(top, bottom)];
}

function movedBox([x1, y1, x2, y2], dx, dy) {
  const mx = clamp(dx, -x1, 1 - x2);
  const my = clamp(dy, -y1, 1 - y2);
  return [x1 + mx, y1 + my, x2 + mx, y2 + my];
}

function keyedBox(box, key, resize) {
  const dx = { ArrowLeft: -STEP, ArrowRight: STEP }[key] || 0;
  const dy = { ArrowUp: -STEP, ArrowDown: STEP }[key] || 0;
  if (!dx && !dy) return null;
  if (!resize) return movedBox(box, dx, dy);
  const [x1, y1, x2, y2] = box;
  return [x1, y1, clamp(x2 + dx, x1 + SMALLEST, 1), clamp(y2 + dy, y1 + SMALLEST, 1)];
}

const bigEnough = ([x1, y1, x2, y2]) => x2 - x1 >= SMALLEST && y2 - y1 >= SMALLEST;

function makePicture({ store, ui, redraw, addBox, changeBox, deleteBox, toggle, select }) {
  const frame = part("frame");
  const draft = part("draft");
  let drag = null; // { kind: "draw" | grip, index, from: [x, y], box, moved, pointer }
  let swallowClick = false;
  let keyTimer = null;

  function at(event) {
    const area = frame.getBoundingClientRect();
    return [clamp((event.clientX - area.left) / area.width, 0, 1),
      clamp((event.clientY - area.top) / area.height, 0, 1)];
  }

  function begin(event) {
    if (event.button !== 0 || drag || !store.now.regions) return;
    const grip = event.target.closest("[data-grip]")?.dataset.grip;
    if (!grip && event.pointerType !== "mouse" && !ui.drawing) return; // a finger scrolls, unless it is to draw
    commitKeys();
    drag = { kind: grip || "draw", index: ui.selected, from: at(event), at: [event.clientX, event.clientY],
      box: grip ? store.now.regions[ui.selected].box : null, moved: false, pointer: event.pointerId };
    if (grip) event.preventDefault();
  }

  function move(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    const far = Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) > CLICK_SLOP;
    if (!drag.moved && !far) return;
    if (!drag.moved) frame.setPointerCapture(event.pointerId);
    drag.moved = true;
    const [x, y] = at(event);
    if (drag.kind === "draw") showDraft(resizedBox([...drag.from, ...drag.from], "se", x, y));
    else if (drag.kind === "move") preview(movedBox(drag.box, x - drag.from[0], y - drag.from[1]));
    else preview(resizedBox(drag.box, drag.kind, x, y));
  }

  function end(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    const done = drag;
    drag = null;
    swallowClick = done.moved;
    setTimeout(() => { swallowClick = false; }, 0);
    draft.hidden = true;
    if (!done.moved || event.type === "pointercancel") {
      cancelPreview();
    } else if (done.kind === "draw") {
      const box = resizedBox([...done.from, ...done.from], "se", ...at(event));
      if (bigEnough(box)) addBox(box);
    } else {
      commitPreview();
    }
  }

  function showDraft(box) {
    draft.hidden = false;
    draft.style.cssText = `left:${share(box[0])};top:${share(box[1])};`
      + `width:${share(box[2] - box[0])};height:${share(box[3] - box[1])}`;
  }

  function preview(box) {
    ui.preview = { index: ui.selected, box };
    redraw();
  }

  function cancelPreview() {
    if (!ui.preview) return;
    ui.preview = null;
    redraw();
  }

  function commitPreview() {
    const held = ui.preview;
    ui.preview = null;
    if (held && bigEnough(held.box)) changeBox(held.index, held.box);
    else redraw();
  }

  function commitKeys() {
    if (keyTimer === null) return;
    clearTimeout(keyTimer);
    keyTimer = null;
    commitPreview();
  }

  function keyed(event) {
    const index = Number(event.target.closest(".box")?.dataset.region);
    if (!index || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      commitKeys();
      deleteBox(index);
      return;
    }
    const box = ui.preview?.index === index ? ui.preview.box : store.now.regions[index].box;
    const next = keyedBox(box, event.key, event.shiftKey);
    if (!next) return;
    event.preventDefault();
    select(index);
    preview(next);
    clearTimeout(keyTimer);
    keyTimer = setTimeout(commitKeys, KEY_PAUSE);
  }

  frame.addEventListener("pointerdown", begin);
  frame.addEventListener("pointermove", move);
  frame.addEventListener("pointerup", end);
  frame.addEventListener("pointercancel", end);
  frame.addEventListener("keydown", keyed);
  frame.addEventListener("focusout", commitKeys);
  frame.addEventListener("click", (event) => {
    if (swallowClick) event.stopImmediatePropagation();
    else if (!event.target.closest(".box, [data-grip]")) select(null);
  }, true);
  frame.addEventListener("dragstart", (event) => event.preventDefault());

  return { settle: commitKeys };
}

// Name tag and grips, which follow the region that is pointed at or selected.
function renderMarks(state, ui) {
  const grips = part("grips");
  const chosen = ui.selected !== null && state.regions?.[ui.selected] ? ui.selected : null;
  grips.hidden = chosen === null;
  if (chosen !== null) {
    const box = ui.preview?.index === chosen ? ui.preview.box : state.regions[chosen].box;
    Object.assign(grips.style, { left: share(box[0]), top: share(box[1]),
      width: share(box[2] - box[0]), height: share(box[3] - box[1]) });
  }
  const tag = part("tag");
  const named = ui.pointed ?? chosen;
  const region = named === null ? null : state.regions?.[named];
  tag.hidden = !region || state.hiddenRegions.includes(named);
  if (tag.hidden) return;
  const box = ui.preview?.index === named ? ui.preview.box : region.box;
  setText(tag, `${nameOf(state.regions, named)}${scoreOf(region)}`);
  tag.style.left = share(Math.min(box[0], 0.8));
  tag.style.top = share(box[1]);
  tag.classList.toggle("inside", box[1] < 0.08);
}
