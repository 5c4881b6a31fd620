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
