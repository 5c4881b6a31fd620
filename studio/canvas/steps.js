// The steps a visitor can take, and what each makes necessary. `store`, `courier` and the rest come from canvas.js.

function step(fields) {
  notices.clear();
  store.step(fields);
  settle();
}

const toggleWord = (index) => step({ hiddenWords: toggled(store.now.hiddenWords, index) });

function toggleRegion(index) {
  ui.selected = index;
  step({ hiddenRegions: toggled(store.now.hiddenRegions, index) });
}

function switchHead(layer, head) {
  const rest = store.now.headsOff.filter(([l, h]) => l !== layer || h !== head);
  const headsOff = rest.length < store.now.headsOff.length ? rest
    : [...rest, [layer, head]].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  step({ headsOff });
}

function undo() {
  picture.settle();
  if (!store.canUndo) return;
  notices.clear();
  store.undo();
  settle();
}

function reset() {
  picture.settle();
  if (!store.canReset) return;
  notices.clear();
  store.reset();
  settle();
}

function select(index) {
  if (ui.selected === index) return;
  ui.selected = index;
  redraw();
}

function point(index) {
  ui.pointed = index;
  redraw();
}

function addBox(box) {
  const regions = [...store.now.regions, { box, label: null, percent: "", mine: true }];
  setDrawing(false);
  ui.selected = regions.length - 1;
  step({ regions, edited: true });
  boxes.focus(regions.length - 1);
}

function changeBox(index, box) {
  step({ edited: true, regions: store.now.regions.map((region, i) => (i === index
    ? { box, label: null, percent: "", mine: true } : region)) });
  boxes.focus(index);
}

function deleteBox(index) {
  ui.selected = null;
  const { now } = store;
  step({ edited: true, regions: now.regions.filter((_, i) => i !== index),
    hiddenRegions: without(now.hiddenRegions, index) });
  boxes.focus(Math.min(index, store.now.regions.length - 1));
}

function setDrawing(on) {
  ui.drawing = on;
  redraw();
}

async function readCaption(caption) {
  const chips = await courier.call("read", { caption });
  const { now } = store;
  const hiddenWords = now.chips ? carriedOver(now.chips.words, now.hiddenWords, chips.words) : [];
  step({ caption, chips, hiddenWords, suggested: false, typed: true });
}

// Whatever the present state still lacks: the words of its caption, the labels of its boxes, the answers.
async function settle() {
  const state = store.now;
  if (!modelReady || !state.photo) return;
  try {
    if (!state.regions || state.regions.some((r) => r.label === null)) await look(state);
    if (store.now.photo === state.photo && !store.now.chips) await readFirst(store.now);
    if (store.now.regions && store.now.chips) asker.request();
  } catch (problem) {
    remote.failed(problem);
    notices.complain(problem.message, isPassing(problem) ? settle : null);
  }
}

async function look(state) {
  ui.unseen = null;
  redraw();
  try {
    const { regions: found, note } = await courier.about("look", state);
    if (store.now.regions !== state.regions || store.now.photo !== state.photo) return;
    // Which boxes are drawn does not change under the visitor's hands, so `first` stays as it was.
    store.amend({ photoNote: note, regions: found.map((region, i) => ({ ...region, first: state.regions?.[i]?.first ?? region.first,
      mine: Boolean(state.regions?.[i]?.mine) })) });
  } catch (problem) {
    if (problem.kind === "BoxError") store.undo(); // the boxes cannot be used: back to those before
    ui.unseen = state.photo;
    redraw();
    throw problem;
  }
}

// A photo of the visitor's comes without a caption; its two surest labels make a first one to be edited.
async function readFirst(state) {
  const labels = [...new Set(state.regions.slice(1, 9).map((r) => r.label))].slice(0, 2);
  const caption = state.caption || `a photo of ${labels.join(" and ") || "something"}`;
  const chips = await courier.call("read", { caption });
  if (store.now.photo !== state.photo || store.now.chips) return;
  const hide = chips.words.findIndex((w) => w.text.toLowerCase() === state.photo.hide);
  store.amend({ caption, chips, suggested: !state.caption || state.suggested,
    hiddenWords: hide < 0 ? store.now.hiddenWords : [hide] });
}

// What a link, or the tab's storage, says of a photo's state, beside its caption.
function statedBy(linked, photo) {
  const regions = linked.boxes ? [{ box: [0, 0, 1, 1], label: "whole picture", percent: "", first: false, mine: false },
    ...linked.boxes.map((box) => ({ box, label: null, percent: "", first: true, mine: true }))] : null;
  return { photo: Object.freeze({ ...photo, hide: null }), hiddenWords: linked.words || [], headsOff: linked.heads || [],
    hiddenRegions: linked.regions || [], typed: Boolean(linked.typed), suggested: Boolean(linked.suggested), ...(regions ? { regions, edited: true } : {}) };
}

async function open(source, shows, linked = null) {
  opening += 1;
  const mine = opening;
  part("studio").classList.add("opening");
  try {
    const { photo, caption, hide } = await courier.open(source, shows);
    if (mine !== opening) return;
    editor.close();
    store.open({ photo: Object.freeze({ ...photo, hide: linked ? null : hide }), caption: linked?.caption ?? caption,
      ...(linked ? statedBy(linked, photo) : {}) });
    settle();
  } catch (problem) {
    if (mine !== opening) return;
    setText(part("wait"), NO_PHOTO);
    notices.complain(source.blob ? `${shows}: ${problem.message}` : problem.message,
      isPassing(problem) ? () => open(source, shows, linked) : null);
  } finally {
    if (mine === opening) part("studio").classList.remove("opening");
  }
}

// A link to a state opens it, else what was open before the page was loaded anew; else the first example is there.
async function openFirst(examples) {
  await openLink();
  if (store.now.photo) return;
  const before = opening;
  const kept = await keeper.load();
  if (opening !== before) return; // the visitor was quicker
  const source = kept?.blob ? { blob: kept.blob } : kept?.source;
  if (source) {
    await open(source, kept.shows, kept);
    return;
  }
  if (kept) notices.complain(kept.typed ? `${PHOTO_LOST} Its caption was: ${kept.caption}` : PHOTO_LOST);
  await open({ number: 0 }, examples[0].shows); // the message about the link or the photo stays
}

// An own photo and an own caption outlast a reload; an example is there again anyway.
function keep(state) {
  if (!state.photo) return; // nothing has been opened yet
  const { source } = state.photo;
  if (source.blob || state.typed) {
    keeper.save({ ...plainFields(state), typed: state.typed, suggested: state.suggested,
      source: source.blob ? null : source }, source.blob || null);
  } else keeper.save(null);
}

// What the address links to, also where a link is pasted into a tab that already shows the studio.
async function openLink() {
  try {
    const linked = readLink();
    if (linked) await open(linked.photo, String(linked.shows || "a linked photo"), linked);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    notices.complain(problem.message);
  }
}

async function followLink() {
  if (!courier.admitted || !location.hash.startsWith(LINK)) return;
  if (!element.checkVisibility()) document.querySelector('#tabs > .tab-wrapper [role="tab"]')?.click(); // the canvas's own, the first
  notices.clear();
  await openLink();
}
