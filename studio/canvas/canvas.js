// Puts the pieces together: one state, one render, a few steps that a visitor can take.

const ui = { selected: null, pointed: null, preview: null, showAll: false, drawing: false, refining: false };
let reply = NO_ANSWERS;
let modelReady = false;
let modelProblem = "The model is loading. The first answer comes by itself.";
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

const boxes = makeBoxes({ toggle: toggleRegion, select, point });
const regionList = makeRegionList({ toggle: toggleRegion, point });
const sentence = makeSentence({ toggle: toggleWord });
const editor = makeEditor({ store, readCaption, complain: notices.complain });
const cards = makeAnswers({
  showWord(index) { toggleWord(index); sentence.focus(index); },
  showRegion(index) { toggleRegion(index); regionList.focus(index); },
});
const sources = makeSources({ opened: open, complain: notices.complain });
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
  document.addEventListener("keydown", (event) => {
    if (!element.isConnected || event.target.closest?.("textarea, input")) return;
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
    failed(message) { modelProblem = `There are no answers without a model. ${message}`; redraw(); },
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
