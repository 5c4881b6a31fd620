// From the present state to the page.

function redraw() {
  const state = store.now;
  const known = (kind) => guessesOf(reply[kind]);
  renderPhoto(state);
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
  // Not `disabled`, which would take the focus away from someone who has just used it by keyboard.
  part("undo").setAttribute("aria-disabled", String(!store.canUndo));
  part("reset").setAttribute("aria-disabled", String(!store.canReset));
  part("draw").disabled = !state.regions;
  part("draw").setAttribute("aria-pressed", String(ui.drawing));
  part("frame").classList.toggle("drawing", ui.drawing);
  const chosen = ui.selected === null ? null : state.regions?.[ui.selected];
  part("delete").hidden = !chosen;
  if (chosen) setText(part("delete-text"), `Delete “${nameOf(state.regions, ui.selected)}”`);
  const all = state.regions ? state.regions.length - 1 : 0;
  part("more").hidden = !ui.showAll && shownRegions(state, ui).length === all;
  part("more").setAttribute("aria-pressed", String(ui.showAll));
  setText(part("more"), ui.showAll ? "Fewer boxes" : `All ${all} boxes`);
  setText(part("caption-note"), state.suggested ? "Written from the detector’s labels: put your own." : "");
}

function renderEmpty() {
  part("empty-hint").hidden = !modelReady;
  part("empty-model").hidden = modelReady;
  setText(part("empty-model"), modelProblem);
}
