// What the citizen's pages do besides app.js: sending a link on, and printing.

for (const button of document.querySelectorAll("[data-share]")) {
  const field = document.getElementById(button.dataset.share);
  button.hidden = !navigator.share && !navigator.clipboard;
  button.addEventListener("click", async () => {
    if (navigator.share) return navigator.share({ url: field.value }).catch(() => {});
    await navigator.clipboard.writeText(field.value);
    button.textContent = button.dataset.done;
  });
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
// After a form, a dialog that it stood in opens again by its address.
if (location.hash.length > 1) {
  const opened = document.getElementById(location.hash.slice(1));
  if (opened?.matches("dialog")) opened.showModal();
}
// A dialog that is open stays open when the page brings itself up to date: its address says so.
const here = location.pathname + location.search;
for (const opener of document.querySelectorAll("[data-opens]")) {
  opener.addEventListener("click", () => history.replaceState(null, "", here + opener.hash));
}
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => history.replaceState(null, "", here));
}
