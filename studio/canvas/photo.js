// The photo in its frame, under whatever is drawn on it, with a notice about it. looking: whether the detector is at it.
const NO_PHOTO = "No photo is open. Take an example above, or your own photo.";

function renderPhoto(photo, looking, note = "") {
  setText(part("photo-note"), photo ? note : "");
  setHidden(part("photo-note"), !photo || !note);
  setHidden(part("frame"), !photo);
  setHidden(part("wait"), Boolean(photo));
  if (!photo) return;
  const image = part("image");
  setAttribute(image, "alt", photo.shows);
  if (image.getAttribute("src") !== photo.picture) {
    image.src = photo.picture;
    part("frame").style.setProperty("--ratio", String(photo.width / photo.height));
  }
  part("studio").classList.toggle("looking", looking);
}
