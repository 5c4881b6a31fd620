// Name tag and grips, which follow the region that is pointed at or selected.
function renderMarks(state, ui) {
  const grips = part("grips");
  const chosen = ui.selected !== null && state.regions?.[ui.selected] ? ui.selected : null;
  setHidden(grips, chosen === null);
  if (chosen !== null) {
    const box = ui.preview?.index === chosen ? ui.preview.box : state.regions[chosen].box;
    setPlace(grips, box);
  }
  const tag = part("tag");
  const named = ui.pointed ?? chosen;
  const region = named === null ? null : state.regions?.[named];
  setHidden(tag, !region || state.hiddenRegions.includes(named));
  if (tag.hidden) return;
  const box = ui.preview?.index === named ? ui.preview.box : region.box;
  setText(tag, [`${nameOf(state.regions, named)}${sureOf(region)}`, rankOf(region)].filter(Boolean).join(" · "));
  tag.style.left = share(Math.min(box[0], 0.8));
  tag.style.top = share(box[1]);
  tag.classList.toggle("inside", box[1] < 0.08);
}
