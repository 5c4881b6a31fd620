// Where photos come from: a file, a drop, the clipboard, the camera, an example.

const MOST_MEGABYTES = 60;

function makeSources({ opened, complain }) {
  const openFile = (file) => {
    const name = file.name || "photo";
    if (file.size <= MOST_MEGABYTES * 1024 * 1024) opened({ blob: file }, name);
    else {
      complain(`${name}: the file has ${Math.round(file.size / 1024 / 1024)} MB; at most ${MOST_MEGABYTES} are taken. `
        + "Make the picture smaller first.");
    }
  };
  watchFiles(openFile);
  watchDrops(openFile);
  watchPaste(openFile);
  watchCamera(openFile, complain);

  return {
    showExamples(examples) {
      part("examples").replaceChildren(...examples.map((example, number) => make("button", {
        type: "button", "aria-label": `Example: ${example.shows}`, title: example.shows,
        onclick: () => opened({ number }, example.shows),
      }, make("img", { src: example.picture, alt: "" }))));
      makeRow(part("examples"))();
    },
    markOpen(photo) {
      [...part("examples").children].forEach((button, number) => {
        setAttribute(button, "aria-current", photo?.source.number === number);
      });
    },
  };
}

function watchFiles(openFile) {
  const input = part("file");
  part("upload").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) openFile(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
}

function watchDrops(openFile) {
  const studio = part("studio");
  const holdsFile = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  studio.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    studio.classList.add("dropping");
  });
  studio.addEventListener("dragleave", (event) => {
    if (!studio.contains(event.relatedTarget)) studio.classList.remove("dropping");
  });
  studio.addEventListener("drop", (event) => {
    studio.classList.remove("dropping");
    if (!holdsFile(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files.length) openFile(event.dataTransfer.files[0]);
  });
}

function watchPaste(openFile) {
  document.addEventListener("paste", (event) => {
    if (!element.checkVisibility()) return;
    const file = [...(event.clipboardData?.files || [])].find((f) => f.type.startsWith("image/"));
    if (!file) return; // pasting text into the caption is none of our business
    event.preventDefault();
    openFile(file);
  });
}

function watchCamera(openFile, complain) {
  const dialog = part("shooting");
  const video = part("video");
  const stop = () => {
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    dialog.close();
  };
  const shoot = () => {
    const picture = make("canvas", { width: video.videoWidth, height: video.videoHeight });
    picture.getContext("2d").drawImage(video, 0, 0);
    stop();
    picture.toBlob((blob) => {
      if (blob) openFile(new File([blob], "camera.jpg", { type: "image/jpeg" }));
      else complain("The camera gave no picture. Wait until you see yourself, then take the photo.");
    }, "image/jpeg", 0.92);
  };
  part("camera").addEventListener("click", async () => {
    if (!window.isSecureContext) {
      complain("A browser opens the camera for a page over https or on localhost only, and this page came over http. "
        + "Take the photo with another program and upload it, or open the page by https.");
      return;
    }
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      dialog.showModal();
    } catch {
      complain("The camera could not be opened. Allow it in the browser, or upload a photo instead.");
    }
  });
  part("shoot").addEventListener("click", shoot);
  part("shoot-cancel").addEventListener("click", stop);
  dialog.addEventListener("cancel", stop);
}
