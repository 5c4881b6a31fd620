// Puts the pieces together: one photo, three modes, one question at a time.

const now = {
  mode: "ask", photo: null, photoNote: "", coming: null, regions: null, unseen: false, edited: false, names: null, offered: {}, opening: 0,
  pointed: null, all: false, // unseen: the detector was asked in vain
  texts: { ask: emptyTexts(), choose: emptyTexts(), point: emptyTexts() }, results: {}, light: "carried", element: 0,
  get result() { return this.results[this.mode] || null; },
};
const FIRST_LIGHT = { ask: "carried", choose: "carried", point: "scores" };
let ready = false;
let sequence = 0;
let scenes = 0;

const courier = makeCourier();
courier.bring = (file) => courier.asVisitor(() => server.bring({ binary: true,
  data: { visitor: courier.visitor, name: file.name, adapter: file } }));
const notices = makeNotices();
const keeper = makeKeeper("tasks");
const adapters = makeAdapters(courier, { complain: notices.complain, changed(mode) {
  notices.clear();
  delete now.results[mode];
  setMode(mode);
} });
const fields = makeFields({ picked: pick, changed(change) {
  const own = now.texts[now.mode];
  change(own);
  own.typed = [own.text, ...own.answers, ...own.rationales].some((text) => text.trim());
  own.right = null;
  showChoiceHint();
  keep();
} });
const attributing = makeAttributing({ complain: notices.complain });
const renderRegions = makeRegions({ choose: chooseRegion, point(index) { now.pointed = index; redraw(); } });
const sources = makeSources({ opened: openPhoto, complain: notices.complain });

function redraw() {
  const lights = lightsOf(now);
  renderPhoto(now.photo, ready && !now.regions && !now.unseen, knowsScene() ? "" : now.photoNote);
  renderRegions(now, lights);
  renderCard(now, { pointAt(index) { now.pointed = index; lookFrom(index); } });
  renderFours(now, fields.rows);
  renderLights(now, lights);
  adapters.render(now.mode, ready);
  sources.markOpen(now.photo);
  for (const button of part("modes").children) setAttribute(button, "aria-pressed", button.dataset.mode === now.mode);
  part("studio").dataset.mode = now.mode;
  showChoiceHint();
}

// Whether the picture is a drawn scene, and the adapter was trained on such scenes.
const knowsScene = () => Boolean(now.names) && adapters.knowsScenes(now.mode);

// Choosing needs texts about the very picture, which come with a drawn scene or from the visitor.
const lacksChoice = () => now.mode === "choose" && !now.names && !now.texts.choose.typed && !now.texts.choose.text;
const showChoiceHint = () => setHidden(part("choice-hint"), !lacksChoice());

function setMode(mode) {
  now.mode = mode;
  now.light = FIRST_LIGHT[mode];
  notices.clear();
  showFields();
  redraw();
  keep();
  drawForChoice();
}

// A scene comes by itself in place of an example, never of the visitor's own photo.
function drawForChoice() {
  if (lacksChoice() && !(now.coming || now.photo?.source)?.blob) drawScene("choose");
}

function changeMode(mode) {
  setMode(mode);
  if (now.regions && !now.result?.carried && now.texts[mode].text) submit();
}

function showFields() {
  fields.show(now.mode, now.texts[now.mode]);
  const offered = now.offered[now.mode] || [];
  part("suggested").replaceChildren(...offered.map((own) => make("button", { type: "button", class: "chip",
    onclick: () => { fill(own); submit(); } }, typeof own === "string" ? own : own.text)));
}

function fill(own) {
  Object.assign(now.texts[now.mode], textsOf(own));
  showFields();
}

const textsOf = (own) => (typeof own === "string" ? { ...emptyTexts(), text: own } : { text: own.text, typed: false,
  answers: [...own.answers], rationales: [...own.rationales], right: { answers: own.answer, rationales: own.rationale } });

function chooseRegion(index) {
  if (now.mode === "choose") fields.tag(index, regionName(now, index).replace(/ \d+$/, "").split(" ").pop());
  else if (now.result) lookFrom(index);
}

function opened(photo, fields) {
  now.opening += 1;
  Object.assign(now, { photo, photoNote: "", coming: null, regions: null, edited: false, names: null, offered: {}, results: {}, pointed: null, all: false,
    light: FIRST_LIGHT[now.mode], ...fields });
  sequence += 1;
  part("studio").classList.remove("asking");
  showFields();
  redraw();
  keep();
  look();
}

// An own photo and own texts outlast a reload, on a drawn scene too, which is drawn once more.
function keep() {
  if (!now.photo) return; // nothing has been opened yet
  const blob = now.names ? null : now.photo.source.blob || null;
  if (!blob && !Object.values(now.texts).some((own) => own.typed)) keeper.save(null);
  else {
    keeper.save({ mode: now.mode, texts: now.texts, shows: now.photo.shows, scene: now.names ? scenes - 1 : null,
      number: now.photo.source.number ?? null }, blob);
  }
}

// What was kept before the page was loaded anew, else the example.
async function openFirst(number, shows) {
  if (now.photo || now.coming) return;
  const { opening } = now;
  const kept = await keeper.load();
  if (now.opening !== opening) return; // the visitor was quicker
  if (kept?.texts) await openKept(kept);
  else await openPhoto({ number }, shows);
}

// Without its photo, what the visitor wrote stays in the fields for the photo that is opened next.
async function openKept(kept) {
  now.mode = kept.mode;
  if (kept.blob || kept.number !== null) {
    await openPhoto(kept.blob ? { blob: kept.blob } : { number: kept.number }, kept.shows, kept.texts);
    return;
  }
  now.texts = kept.texts;
  if (kept.scene !== null) {
    scenes = kept.scene;
    await drawScene();
    return;
  }
  showFields();
  redraw();
  setText(part("wait"), NO_PHOTO);
  notices.complain(PHOTO_LOST);
}

// texts: what was written about it, in place of an example's own.
async function openPhoto(source, shows, texts = null) {
  const mine = now.opening += 1;
  now.coming = source;
  notices.clear();
  part("studio").classList.add("opening");
  try {
    const { photo } = await courier.open(source, shows);
    const offered = source.number === undefined ? {} : await courier.call("suggest", { number: source.number });
    if (mine !== now.opening) return;
    if (texts) now.texts = texts;
    else for (const mode of ["ask", "point"]) if (offered[mode]) now.texts[mode] = textsOf(offered[mode][0]);
    opened(photo, { offered });
  } catch (problem) {
    if (mine !== now.opening) return;
    now.coming = null;
    setText(part("wait"), NO_PHOTO);
    if (!now.regions) await look(); // at the photo from before, which nobody else looks at any more
    notices.complain(source.blob ? `${shows}: ${problem.message}` : problem.message,
      isPassing(problem) ? () => openPhoto(source, shows, texts) : null);
  } finally {
    part("studio").classList.remove("opening");
  }
}

// only: the mode that the scene is for; in another one it is not wanted any more. What the visitor has typed stays.
async function drawScene(only = null) {
  const mine = only ? now.opening : now.opening += 1;
  const wanted = () => mine === now.opening && (!only || now.mode === only);
  if (!only) now.coming = null;
  notices.clear();
  try {
    const scene = await courier.call("draw", { number: scenes });
    scenes = scene.number + 1;
    const blob = await (await fetch(scene.picture)).blob();
    const { photo } = await courier.open({ blob }, "a drawn scene");
    if (!wanted()) return;
    for (const mode of Object.keys(now.texts)) if (!now.texts[mode].typed) now.texts[mode] = textsOf(scene[mode][0] || "");
    const whole = { box: [0, 0, 1, 1], label: "whole picture", percent: "", first: false };
    opened(photo, { offered: scene, names: scene.names, edited: true,
      regions: [whole, ...scene.boxes.map((box, i) => ({ box, label: scene.names[i], percent: "", first: true }))] });
  } catch (problem) {
    if (!wanted()) return;
    if (!now.regions) await look();
    notices.complain(problem.message, isPassing(problem) ? () => drawScene(only) : null);
  }
}

async function look() {
  const { opening } = now;
  if (!ready || !now.photo) return;
  now.unseen = false;
  redraw();
  try {
    const found = await courier.about("look", state());
    if (opening !== now.opening) return;
    now.photoNote = found.note;
    if (!now.names) now.regions = found.regions;
    redraw();
    if (now.texts[now.mode].text) submit();
  } catch (problem) {
    if (opening !== now.opening) return;
    now.unseen = true;
    redraw();
    notices.complain(problem.message, look);
  }
}

function wire() {
  for (const button of part("modes").children) button.addEventListener("click", () => changeMode(button.dataset.mode));
  part("form").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  part("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
  });
  part("draw-scene").addEventListener("click", () => drawScene());
  part("more").addEventListener("click", () => { now.all = !now.all; redraw(); });
  part("boxes").addEventListener("mousedown", (event) => event.preventDefault()); // the cursor stays in the text
  part("regions").addEventListener("mousedown", (event) => event.preventDefault());
  part("element").addEventListener("change", () => { now.element = Number(part("element").value); redraw(); });
  for (const light of ["scores", "carried"]) {
    element.querySelector(`[data-light="${light}"]`).addEventListener("click", () => { now.light = light; redraw(); });
  }
  element.querySelector('[data-light="looks"]').addEventListener("click", () => showLooks());
  element.querySelector('[data-light="map"]').addEventListener("click", attributing.show);
}

// A run that has ended meanwhile in another tab is offered when this one is opened again.
async function refreshAdapters() {
  if (!ready) return;
  try {
    await adapters.refresh();
    redraw();
  } catch { /* the adapters known before stay */ }
}

async function begin() {
  if (courier.admitted || !props.value?.visitor) return;
  courier.admit(props.value.visitor);
  followModel(courier, {
    async ready() {
      ready = true;
      try { await adapters.refresh(); } catch (problem) { notices.complain(problem.message); }
      redraw();
      look();
    },
    failed(message) { redraw(); notices.complain(`There are no answers without a model. ${message}`); },
  });
  const examples = await fetchExamples(courier, notices);
  sources.showExamples(examples);
  const start = Math.max(0, examples.findIndex((e) => e.shows.includes("astronaut")));
  await openFirst(start, examples[start].shows);
  drawForChoice();
}

wire();
new IntersectionObserver(([seen]) => { if (seen.isIntersecting) refreshAdapters(); }).observe(element);
showFields();
redraw();
watch("value", begin);
begin();
