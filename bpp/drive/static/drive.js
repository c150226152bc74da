// The phone's position while its driver is on duty, and only then; offers are felt, not only seen.

const canLocate = Boolean(navigator.geolocation) && isSecureContext;
let watching = 0, place = null, told = 0;

function say(good) {
  const line = document.querySelector(".sharing");
  if (line) line.textContent = good ? line.dataset.good : line.dataset.bad;
}

async function tell() {
  const box = document.querySelector("[data-position]");
  if (!box) return stop();
  if (!place || Date.now() - told < 1000 * Number(box.dataset.every)) return;
  told = Date.now();
  const body = new URLSearchParams({ _csrf: box.dataset.token, at: place });
  try {
    const answer = await fetch(box.dataset.position, { method: "POST", body });
    if (answer.ok) say(true);
    else if (answer.status === 409 || answer.status === 401) stop();
  } catch { told = 0; } // no network: the next place is tried again
}

function stop() {
  if (watching) navigator.geolocation.clearWatch(watching);
  watching = 0;
}

function share() {
  if (!canLocate || watching || !document.querySelector("[data-position]")) return;
  watching = navigator.geolocation.watchPosition(
    ({ coords }) => { place = `${coords.latitude.toFixed(6)},${coords.longitude.toFixed(6)}`; tell(); },
    () => say(false),
    { enableHighAccuracy: true, maximumAge: 5000, timeout: 30000 },
  );
}
setInterval(tell, 5000);

function duty() {
  const form = document.querySelector("[data-online]");
  if (!form || !canLocate || !form.hidden) return;
  form.hidden = false;
  const typed = document.querySelector(".typed"), fault = form.querySelector("[data-fault]");
  if (!typed.querySelector("[aria-invalid]")) typed.open = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault(); // the browser asks for consent now, not before
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        form.elements.here_at.value = `${coords.latitude.toFixed(6)},${coords.longitude.toFixed(6)}`;
        form.submit();
      },
      () => { fault.hidden = false; typed.open = true; form.removeAttribute("aria-busy"); },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 30000 },
    );
  });
}

let felt = "";
function feel() {
  const offer = document.querySelector("[data-offer]")?.dataset.offer ?? "";
  if (offer && offer !== felt) navigator.vibrate?.([200, 100, 200]);
  felt = offer;
}

function begin() { duty(); share(); feel(); }
begin();
document.addEventListener("htmx:load", begin);
