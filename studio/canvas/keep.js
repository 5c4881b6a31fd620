// What the visitor has open, kept in this tab's own storage: a reload brings it back, closing the tab deletes it, and
// nothing of it is sent to anybody.

const KEPT = "vl-bert-studio kept";
const LARGEST_KEPT = 2_600_000; // bytes of a file; browsers keep about five million characters for a page
const LONGEST_KEPT = 2048; // pixels of the copy that is kept of a larger file; the studio itself uses no more

const asText = (blob) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(blob);
});

async function smallerCopy(blob) {
  const picture = await createImageBitmap(blob);
  const scale = Math.min(1, LONGEST_KEPT / Math.max(picture.width, picture.height));
  const copy = make("canvas", { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
  copy.getContext("2d").drawImage(picture, 0, 0, copy.width, copy.height);
  return new Promise((resolve) => { copy.toBlob(resolve, "image/jpeg", 0.92); });
}

// The tab's storage as { get, put, drop }; put says whether there was room. A browser may forbid all of it.
const tabStorage = {
  get(key) {
    try { return sessionStorage.getItem(key); } catch { return null; }
  },
  put(key, text) {
    try { sessionStorage.setItem(key, text); return true; } catch { return false; }
  },
  drop(key) {
    try { sessionStorage.removeItem(key); } catch { /* nothing is kept anyway */ }
  },
};

// name: of the component, for its own places in the storage. `save` gets plain fields, and the file of an own photo.
function makeKeeper(name) {
  const [statePlace, photoPlace, offPlace] = [`${KEPT} ${name}`, `${KEPT} ${name} photo`, `${KEPT} ${name} off`];
  let photo = null; // the file that is kept, or that there was no room for
  let photoFits = true;
  let last = null; // { fields, blob }: what there is to keep, or null
  let on = tabStorage.get(offPlace) === null;

  function show(stateFits = true) {
    setHidden(part("kept"), !last);
    setText(part("kept-switch"), on ? "Forget" : "Keep");
    if (!on) setText(part("kept-text"), "Nothing is kept: reloading the page loses what you have here.");
    else if (!stateFits) setText(part("kept-text"), "This browser keeps nothing: reloading the page loses what you have here.");
    else if (last?.blob && !photoFits) setText(part("kept-text"), "This browser tab cannot keep the photo: reloading the page loses it.");
    else setText(part("kept-text"), "Kept in this browser tab for a reload; deleted when you close the tab.");
  }

  function forget() {
    photo = null;
    for (const place of [statePlace, photoPlace]) tabStorage.drop(place);
  }

  async function keepPhoto(blob) {
    if (blob === photo) return;
    photo = blob;
    photoFits = true;
    tabStorage.drop(photoPlace);
    const current = () => on && photo === blob;
    const ways = [...(blob.size <= LARGEST_KEPT ? [async () => blob] : []), () => smallerCopy(blob)];
    for (const way of ways) {
      const text = await way().then(asText).catch(() => null); // no picture that a browser can read
      if (!current()) return;
      if (text && tabStorage.put(photoPlace, text)) return;
    }
    photoFits = false;
    show();
  }

  function save(fields, blob = null) {
    last = fields ? { fields, blob } : null;
    if (!last || !on) {
      forget();
      show();
      return;
    }
    if (!blob) {
      photo = null;
      tabStorage.drop(photoPlace);
    }
    show(tabStorage.put(statePlace, JSON.stringify({ ...fields, own: Boolean(blob), hash: location.hash })));
    if (blob) keepPhoto(blob);
  }

  // What was kept before the page was loaded anew, or null; `blob` is the own photo, null where there was no room for it.
  // A link that was opened in this tab since then goes first.
  async function load() {
    try {
      const fields = JSON.parse(tabStorage.get(statePlace));
      if (!fields || fields.hash !== location.hash) return null;
      const text = fields.own ? tabStorage.get(photoPlace) : null;
      if (!text) return { ...fields, blob: null };
      const file = await (await fetch(text)).blob();
      photo = new File([file], fields.shows, { type: file.type });
      return { ...fields, blob: photo };
    } catch {
      forget(); // not what this page has written
      return null;
    }
  }

  part("kept-switch").addEventListener("click", () => {
    on = !on;
    if (on) tabStorage.drop(offPlace);
    else tabStorage.put(offPlace, "yes");
    if (last) save(last.fields, last.blob);
  });
  return { save, load };
}

const PHOTO_LOST = "Your photo could not be kept over the reload: open it once more.";
