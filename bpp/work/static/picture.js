// Pictures are made small in the browser before they are sent: at most 200 kB, and nothing in the
// file beside the picture. Without script a small enough file goes as it is; the node judges both.

const BYTES_MAX = 200_000;

async function shrunk(file) {
  const image = await createImageBitmap(file); // turned as the camera says
  for (const side of [1600, 1200, 900, 600]) {
    const scale = Math.min(1, side / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(16, Math.round(image.width * scale));
    canvas.height = Math.max(16, Math.round(image.height * scale));
    const paper = canvas.getContext("2d");
    paper.fillStyle = "#fff";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(image, 0, 0, canvas.width, canvas.height);
    for (const quality of [0.85, 0.7, 0.5]) {
      const made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
      if (made && made.size <= BYTES_MAX) return new File([made], "picture.jpg", { type: "image/jpeg" });
    }
  }
  return null;
}

async function shrink(input) {
  input.form.dataset.shrinking = "";
  try {
    const small = await shrunk(input.files[0]);
    if (small) {
      const list = new DataTransfer();
      list.items.add(small);
      input.files = list.files;
    }
  } catch { /* no picture that this browser knows: the node says so */ }
  delete input.form.dataset.shrinking;
  if (input.dataset.picture === "send") input.form.requestSubmit();
}

document.addEventListener("change", (event) => {
  const input = event.target;
  if (input.matches?.("input[data-picture]") && input.files.length) shrink(input);
});
document.addEventListener("submit", (event) => {
  if (!("shrinking" in event.target.dataset)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
for (const input of document.querySelectorAll("input[data-picture]")) {
  if (input.files.length) shrink(input); // taken before this script was here
}
