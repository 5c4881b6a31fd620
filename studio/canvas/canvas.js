// Puts the pieces together: one state, one render, a few steps that a visitor can take.

const ui = { selected: null, pointed: null, preview: null, showAll: false, drawing: false, refining: false };
let reply = NO_ANSWERS;
let modelReady = false;
let opening = 0;

const courier = makeCourier();
const notices = makeNotices();
const store = makeStore((now, before) => {
  if (now.photo !== before.photo) {
    Object.assign(ui, { selected: null, pointed: null, preview: null, showAll: false });
    reply = NO_ANSWERS;
  }
  if (now.regions && ui.selected >= now.regions.length) ui.selected = null;
  redraw();
});
const asker = makeAsker(courier, store, {
  answered(next, sequence) {
    reply = next;
    redraw();
    part("studio").dataset.masking = next.masking;
    part("studio").dataset.answered = String(sequence);
    speak([...next.words, ...next.regions].map((a) => a.spoken).slice(-2).join(" "));
  },
  failed(problem) { ui.refining = false; redraw(); notices.complain(problem.message); },
  refining(on) { ui.refining = on; redraw(); },
});

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
  const regions = [...store.now.regions, { box, label: null, score: null, mine: true }];
  setDrawing(false);
  ui.selected = regions.length - 1;
  step({ regions, edited: true });
  boxes.focus(regions.length - 1);
}

function changeBox(index, box) {
  step({ edited: true, regions: store.now.regions.map((region, i) => (i === index
    ? { box, label: null, score: null, mine: true } : region)) });
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
  step({ caption, chips, hiddenWords, suggested: false });
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
    notices.complain(problem.message);
  }
}

async function look(state) {
  try {
    const found = (await courier.about("look", state)).regions;
    if (store.now.regions !== state.regions || store.now.photo !== state.photo) return;
    store.amend({ regions: found.map((region, i) => ({ ...region, mine: Boolean(state.regions?.[i]?.mine) })) });
  } catch (problem) {
    if (problem.kind === "BoxError") store.undo(); // the boxes cannot be used: back to those before
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
  store.amend({ caption, chips, suggested: !state.caption,
    hiddenWords: hide < 0 ? store.now.hiddenWords : [hide] });
}

async function open(source, shows) {
  opening += 1;
  const mine = opening;
  notices.clear();
  part("studio").classList.add("opening");
  try {
    const { photo, caption, hide } = await courier.open(source, shows);
    if (mine !== opening) return;
    words.edit(false);
    store.open({ photo: Object.freeze({ ...photo, hide }), caption });
    settle();
  } catch (problem) {
    if (mine === opening) notices.complain(source.blob ? `${shows}: ${problem.message}` : problem.message);
  } finally {
    if (mine === opening) part("studio").classList.remove("opening");
  }
}

const boxes = makeBoxes({ toggle: toggleRegion, select, point });
const regionList = makeRegionList({ toggle: toggleRegion, point });
const words = makeWords({ store, toggle: toggleWord, readCaption, complain: notices.complain });
const cards = makeAnswers({ showWord: toggleWord, showRegion: toggleRegion });
const sources = makeSources({ opened: open, complain: notices.complain });
const picture = makePicture({ store, ui, redraw, addBox, changeBox, deleteBox, select });

function redraw() {
  const state = store.now;
  const known = (kind) => guessesOf(reply[kind]);
  renderPhoto(state);
  boxes.render(state, ui, known("regions"));
  regionList.render(state, ui, known("regions"));
  renderMarks(state, ui);
  words.render(state, known("words"));
  cards.render(reply);
  renderTools(state);
  sources.markOpen(state.photo);
  showMode(state.hiddenRegions.length ? reply.masking : "", ui.refining);
}

function renderPhoto(state) {
  const { photo } = state;
  part("frame").hidden = !photo;
  part("wait").hidden = Boolean(photo);
  if (!photo) return;
  const image = part("image");
  image.alt = photo.shows;
  if (image.getAttribute("src") !== photo.picture) {
    image.src = photo.picture;
    part("frame").style.setProperty("--ratio", String(photo.width / photo.height));
  }
  part("studio").classList.toggle("looking", modelReady && !state.regions);
}

function renderTools(state) {
  part("undo").disabled = !store.canUndo;
  part("reset").disabled = !store.canReset;
  part("draw").disabled = !state.regions;
  part("draw").setAttribute("aria-pressed", String(ui.drawing));
  part("frame").classList.toggle("drawing", ui.drawing);
  const chosen = ui.selected === null ? null : state.regions?.[ui.selected];
  part("delete").hidden = !chosen;
  if (chosen) setText(part("delete-text"), `Delete “${nameOf(state.regions, ui.selected)}”`);
  const all = state.regions ? state.regions.length - 1 : 0;
  part("more").hidden = all <= SHOWN_AT_FIRST;
  part("more").setAttribute("aria-pressed", String(ui.showAll));
  setText(part("more"), ui.showAll ? `Best ${SHOWN_AT_FIRST} boxes` : `All ${all} boxes`);
  setText(part("caption-note"), state.suggested ? "Written from the detector’s labels: put your own." : "");
}

function wire() {
  part("undo").addEventListener("click", () => { picture.settle(); notices.clear(); store.undo(); settle(); });
  part("reset").addEventListener("click", () => { picture.settle(); notices.clear(); store.reset(); settle(); });
  part("delete").addEventListener("click", () => deleteBox(ui.selected));
  part("more").addEventListener("click", () => { ui.showAll = !ui.showAll; redraw(); });
  part("draw").addEventListener("click", (event) => {
    if (event.detail === 0) addBox([0.35, 0.35, 0.65, 0.65]); // by keyboard: nothing to drag with
    else setDrawing(!ui.drawing);
  });
  part("model").addEventListener("click", () => {
    trigger("card");
    document.getElementById("model-card")?.scrollIntoView({ behavior: "smooth" });
  });
  part("studio").addEventListener("keydown", (event) => {
    const typing = event.target.closest("textarea, input");
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) {
      event.preventDefault();
      part("undo").click();
    }
    if (event.key === "Escape") { setDrawing(false); select(null); }
  });
}

async function begin() {
  if (courier.admitted || !props.value?.visitor) return;
  courier.admit(props.value.visitor);
  followModel(courier, {
    ready() { modelReady = true; redraw(); settle(); },
    failed(message) { notices.complain(message); },
  });
  try {
    const { examples } = await courier.call("examples");
    sources.showExamples(examples);
    if (!store.now.photo) await open({ number: 0 }, examples[0].shows);
  } catch (problem) {
    notices.complain(problem.message);
  }
}

wire();
redraw();
watch("value", begin);
begin();
