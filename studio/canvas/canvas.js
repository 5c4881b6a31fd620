// Puts the pieces together: one state, one render, a few steps that a visitor can take.

// unseen: the photo that the detector was asked to look at in vain.
const ui = { selected: null, pointed: null, preview: null, showAll: false, drawing: false, refining: false, unseen: null };
let reply = NO_ANSWERS;
let modelReady = false;
let modelFailed = false;
let modelProblem = "The model is loading. The first answer comes by itself.";
let opening = 0;

const courier = makeCourier();
const notices = makeNotices();
const keeper = makeKeeper("canvas");
const store = makeStore((now, before) => {
  if (now !== before) why.moved();
  if (now.photo !== before.photo) {
    Object.assign(ui, { selected: null, pointed: null, preview: null, showAll: false });
    reply = NO_ANSWERS;
  }
  remote.moved(now);
  keep(now);
  if (now.regions && ui.selected >= now.regions.length) ui.selected = null;
  redraw();
});
const asker = makeAsker(courier, store, {
  answered(next, sequence) {
    reply = next;
    redraw();
    part("studio").dataset.masking = next.masking;
    part("studio").dataset.answered = String(sequence);
    remote.answered(store.now, next);
    compare.answered(store.now, next);
    panels.heads.answered(next);
    why.answered(store.now, next);
    speak([...next.words, ...next.regions].map((a) => a.spoken).slice(-2).join(" "));
  },
  failed(problem) {
    remote.failed(problem);
    why.moved();
    ui.refining = false;
    redraw();
    notices.complain(problem.message, isPassing(problem) ? settle : null);
  },
  refining(on) { ui.refining = on; redraw(); },
});

const remote = makeRemote();
part("studio").remote = remote; // for the lessons
const boxes = makeBoxes({ toggle: toggleRegion, select, point });
const regionList = makeRegionList({ toggle: toggleRegion, point });
const sentence = makeSentence({ toggle: toggleWord });
const editor = makeEditor({ store, readCaption, complain: notices.complain });
const cards = makeAnswers({
  showWord(index) { toggleWord(index); sentence.focus(index); },
  showRegion(index) { toggleRegion(index); regionList.focus(index); },
  explain: (kind, index) => why.about(kind, index),
});
const effects = makeEffects({ cards, nameElement: (kind, index) => (kind === "word"
  ? wordName(store.now.chips.words, index) : nameOf(store.now.regions, index)) });
const why = makeWhy({ courier, effects, speak });
const take = makeTake({ why, courier, method: () => panels.map.method });
const compare = makeCompare({ why, store, goTo: (state) => step(state),
  modelName: () => part("model-text").textContent.replace("Model: ", "") });
const panels = {
  map: makeMap({ why, stage: why.stage, effects, takeAway: take.take }),
  attention: makeAttention({ why, stage: why.stage }),
  heads: makeHeads({ why, store, switchHead, allOn: () => step({ headsOff: [] }), takeAway: take.take }),
  leak: makeLeak({ why, stage: why.stage }),
  compare,
  take,
};
makeBertViz({ why });
why.start(panels);
const sources = makeSources({ opened(source, shows) { notices.clear(); open(source, shows); }, complain: notices.complain });
const picture = makePicture({ store, ui, redraw, addBox, changeBox, deleteBox, select });

function wire() {
  part("undo").addEventListener("click", undo);
  part("reset").addEventListener("click", reset);
  part("delete").addEventListener("click", () => deleteBox(ui.selected));
  part("more").addEventListener("click", () => { ui.showAll = !ui.showAll; redraw(); });
  part("draw").addEventListener("click", (event) => {
    if (event.detail === 0) addBox([0.35, 0.35, 0.65, 0.65]); // by keyboard: nothing to drag with
    else setDrawing(!ui.drawing);
  });
  part("model").addEventListener("click", showCard);
  window.addEventListener("hashchange", followLink);
  document.addEventListener("keydown", (event) => {
    if (!element.checkVisibility() || event.target.closest?.("textarea, input")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      undo();
    }
    if (event.key === "Escape") { setDrawing(false); select(null); }
  });
}

// The card opens by an answer of the server's and grows then; only after that is there something to scroll to.
function showCard() {
  const card = document.getElementById("model-card");
  const watcher = new ResizeObserver(() => card.scrollIntoView({ behavior: "smooth" }));
  watcher.observe(card);
  setTimeout(() => watcher.disconnect(), 1500);
  trigger("card");
}

async function begin() {
  if (courier.admitted || !props.value?.visitor) return;
  courier.admit(props.value.visitor);
  followModel(courier, {
    ready() { modelReady = true; redraw(); settle(); },
    failed(message) { modelFailed = true; modelProblem = `There are no answers without a model. ${message}`; redraw(); },
  });
  const examples = await fetchExamples(courier, notices);
  sources.showExamples(examples);
  if (!store.now.photo) await openFirst(examples);
}

wire();
redraw();
watch("value", begin);
begin();
