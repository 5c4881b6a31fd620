// What the visitor has open, as immutable snapshots, so that undo is a matter of going back to an earlier one.
//
// photo: { key, picture, width, height, shows, source } or null. photoNote: a notice about it, or "". caption: text. chips: the caption cut into words, or
// null while the model has not read it. regions: [{ box, label, percent, score, first, mine }], the whole picture first; null while
// the detector has not looked. edited: whether the boxes are the visitor's rather than the detector's own. suggested:
// whether the caption was made from the detector's labels; typed: whether the visitor wrote it.
// hiddenWords, hiddenRegions: places, ascending. headsOff: [layer, head] of attention heads that are switched off.

const NOTHING = Object.freeze({
  photo: null, photoNote: "", caption: "", suggested: false, typed: false, chips: null, regions: null, edited: false, hiddenWords: [],
  hiddenRegions: [], headsOff: [],
});
const MOST_UNDO = 100;

function makeStore(changed) {
  let now = NOTHING;
  let first = NOTHING;
  let past = [];

  function set(next) {
    const before = now;
    now = Object.freeze(next);
    changed(now, before);
  }

  return {
    get now() { return now; },
    get canUndo() { return past.length > 0; },
    get canReset() {
      return now.hiddenWords.length + now.hiddenRegions.length + now.headsOff.length > 0 || now.edited
        || now.caption !== first.caption;
    },
    // A step of the visitor's: undo comes back to before it.
    step(fields) {
      past = [...past.slice(1 - MOST_UNDO), now];
      set({ ...now, ...fields });
    },
    // What the server found out about the present state; no step of its own.
    amend(fields) {
      const starting = now === first;
      set({ ...now, ...fields });
      if (starting) first = now;
    },
    open(fields) {
      if (now.photo) past = [...past.slice(1 - MOST_UNDO), now];
      set({ ...NOTHING, ...fields });
      first = now;
    },
    undo() {
      if (!past.length) return;
      const last = past[past.length - 1];
      past = past.slice(0, -1);
      if (last.photo !== now.photo) first = { ...last, hiddenWords: [], hiddenRegions: [] };
      set(last);
    },
    reset() {
      const shown = { hiddenWords: [], hiddenRegions: [], headsOff: [] };
      this.step(first.regions ? { ...first, ...shown } : shown);
    },
  };
}

// What a link and the tab's storage hold of a state beside its photo.
const plainFields = (state) => ({ shows: state.photo.shows, caption: state.caption, words: state.hiddenWords,
  regions: state.hiddenRegions, boxes: state.edited ? state.regions.slice(1).map((r) => r.box) : null, heads: state.headsOff });

const toggled = (places, place) => (places.includes(place)
  ? places.filter((p) => p !== place) : [...places, place].sort((a, b) => a - b));

// A region is gone: those after it move up by one.
const without = (places, gone) => places.filter((p) => p !== gone).map((p) => (p > gone ? p - 1 : p));

// One of several names with the number of its occurrence: the n-th "dog" stays the n-th "dog".
function numbered(names, place) {
  const same = (name) => name.toLowerCase() === names[place].toLowerCase();
  return `${names.slice(0, place + 1).filter(same).length} ${names[place].toLowerCase()}`;
}

// The words of an edited caption that are still hidden.
function carriedOver(before, hidden, after) {
  const key = (words, place) => numbered(words.map((w) => w.text), place);
  const kept = new Set(hidden.map((place) => key(before, place)));
  return after.map((_, place) => place).filter((place) => kept.has(key(after, place)));
}
