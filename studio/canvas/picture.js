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

// A box as it is being moved or resized: shown at once, and a step of the visitor's only when it is taken.
function makePreview({ ui, redraw, changeBox }) {
  return {
    show(index, box) {
      ui.preview = { index, box };
      redraw();
    },
    take() {
      const held = ui.preview;
      ui.preview = null;
      if (held && bigEnough(held.box)) changeBox(held.index, held.box);
      else if (held) redraw();
    },
    drop() {
      if (!ui.preview) return;
      ui.preview = null;
      redraw();
    },
  };
}

function makePicture({ store, ui, redraw, addBox, changeBox, deleteBox, select }) {
  const preview = makePreview({ ui, redraw, changeBox });
  const keys = watchKeys({ store, ui, preview, deleteBox, select });
  watchPointer({ store, ui, preview, addBox, select, begun: keys.settle });
  return { settle: keys.settle };
}

function pointOn(frame, event) {
  const area = frame.getBoundingClientRect();
  return [clamp((event.clientX - area.left) / area.width, 0, 1), clamp((event.clientY - area.top) / area.height, 0, 1)];
}

function showDraft(box) {
  const draft = part("draft");
  draft.hidden = box === null;
  if (box) {
    draft.style.cssText = `left:${share(box[0])};top:${share(box[1])};`
      + `width:${share(box[2] - box[0])};height:${share(box[3] - box[1])}`;
  }
}

// What a drag has come to: the new box, or the old one moved or resized.
function draggedBox(drag, [x, y]) {
  if (drag.kind === "draw") return resizedBox([...drag.from, ...drag.from], "se", x, y);
  if (drag.kind === "move") return movedBox(drag.box, x - drag.from[0], y - drag.from[1]);
  return resizedBox(drag.box, drag.kind, x, y);
}

function watchPointer({ store, ui, preview, addBox, select, begun }) {
  const frame = part("frame");
  let drag = null; // { kind: "draw" or a grip, index, from, box, start (pixels), moved, pointer }
  let swallowClick = false;

  function begin(event) {
    if (event.button !== 0 || drag || !store.now.regions) return;
    const grip = event.target.closest("[data-grip]")?.dataset.grip;
    if (!grip && event.pointerType !== "mouse" && !ui.drawing) return; // a finger scrolls, unless it is to draw
    begun();
    drag = { kind: grip || "draw", index: ui.selected, from: pointOn(frame, event), moved: false,
      box: grip ? store.now.regions[ui.selected].box : null, start: [event.clientX, event.clientY],
      pointer: event.pointerId };
    if (grip) event.preventDefault();
  }

  function move(event) {
    if (event.pointerId !== drag?.pointer) return;
    const far = Math.hypot(event.clientX - drag.start[0], event.clientY - drag.start[1]) > CLICK_SLOP;
    if (!drag.moved && !far) return;
    if (!drag.moved) frame.setPointerCapture(event.pointerId);
    drag.moved = true;
    const box = draggedBox(drag, pointOn(frame, event));
    if (drag.kind === "draw") showDraft(box);
    else preview.show(drag.index, box);
  }

  function end(event) {
    if (event.pointerId !== drag?.pointer) return;
    const done = drag;
    drag = null;
    swallowClick = done.moved;
    setTimeout(() => { swallowClick = false; }, 0);
    showDraft(null);
    if (!done.moved || event.type === "pointercancel") preview.drop();
    else if (done.kind !== "draw") preview.take();
    else if (bigEnough(draggedBox(done, pointOn(frame, event)))) addBox(draggedBox(done, pointOn(frame, event)));
  }

  frame.addEventListener("pointerdown", begin);
  frame.addEventListener("pointermove", move);
  frame.addEventListener("pointerup", end);
  frame.addEventListener("pointercancel", end);
  frame.addEventListener("dragstart", (event) => event.preventDefault());
  frame.addEventListener("click", (event) => {
    if (swallowClick) event.stopImmediatePropagation();
    else if (!event.target.closest(".box, [data-grip]")) select(null);
  }, true);
}

function watchKeys({ store, ui, preview, deleteBox, select }) {
  const frame = part("frame");
  let timer = null;

  function settle() {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    preview.take();
  }

  frame.addEventListener("keydown", (event) => {
    const index = Number(event.target.closest(".box")?.dataset.region);
    if (!index || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      settle();
      deleteBox(index);
      return;
    }
    const box = ui.preview?.index === index ? ui.preview.box : store.now.regions[index].box;
    const next = keyedBox(box, event.key, event.shiftKey);
    if (!next) return;
    event.preventDefault();
    select(index);
    preview.show(index, next);
    clearTimeout(timer);
    timer = setTimeout(settle, KEY_PAUSE);
  });
  frame.addEventListener("focusout", settle);
  return { settle };
}
