// From the present state to the page.

function redraw() {
  const state = store.now;
  const known = (kind) => guessesOf(reply[kind]);
  renderPhoto(state.photo, modelReady && !state.regions && ui.unseen !== state.photo, state.photoNote);
  boxes.render(state, ui, known("regions"));
  regionList.render(state, ui, known("regions"));
  renderMarks(state, ui);
  sentence.render(state, known("words"));
  cards.render(reply);
  renderTools(state);
  renderEmpty();
  sources.markOpen(state.photo);
  showMode(state.hiddenRegions.length ? reply.masking : "", ui.refining);
}

function renderTools(state) {
  if (store.canUndo) part("studio").classList.add("tried"); // nobody has to be told again
  // Not `disabled`, which would take the focus away from someone who has just used it by keyboard.
  setAttribute(part("undo"), "aria-disabled", !store.canUndo);
  setAttribute(part("reset"), "aria-disabled", !store.canReset);
  part("draw").disabled = !state.regions;
  setAttribute(part("draw"), "aria-pressed", ui.drawing);
  part("frame").classList.toggle("drawing", ui.drawing);
  const chosen = ui.selected === null ? null : state.regions?.[ui.selected];
  setHidden(part("delete"), !chosen);
  if (chosen) setText(part("delete-text"), `Delete “${nameOf(state.regions, ui.selected)}”`);
  const all = state.regions ? state.regions.length - 1 : 0;
  setHidden(part("more"), !ui.showAll && shownRegions(state, ui).length === all);
  setAttribute(part("more"), "aria-pressed", ui.showAll);
  setText(part("more"), ui.showAll ? "Fewer boxes" : `All ${all} boxes`);
  setText(part("caption-note"), state.suggested ? "Written from the detector’s labels: put your own." : state.chips?.note || "");
}

function renderEmpty() {
  setHidden(part("empty-hint"), !modelReady);
  setHidden(part("empty-model"), modelReady);
  setText(part("empty-model"), modelProblem);
}
