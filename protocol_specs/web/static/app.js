// What all faces do in a browser; pages work without it, only less quickly. No markup is made of text.

const each = (root, selector, act) => {
  if (root.matches?.(selector)) act(root);
  root.querySelectorAll(selector).forEach(act);
};

// The server tells times in the zone of this clock.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`wf_zone=${zone}`)) {
  document.cookie = `wf_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
}

// A form that is on its way is not sent again by an impatient finger.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("aria-busy") === "true") return event.preventDefault();
  form.setAttribute("aria-busy", "true");
  setTimeout(() => form.removeAttribute("aria-busy"), 8000);
});
addEventListener("pageshow", () => each(document, "form[aria-busy]", (form) => form.removeAttribute("aria-busy")));

// A dialog that is open stands in the address: it opens again after a form of its own, when the page
// comes anew, and if it was opened before this script was here.
const here = location.pathname + location.search;
document.documentElement.classList.add("scripted");
function openDialog(id) {
  const dialog = id && document.getElementById(id);
  if (!dialog || !dialog.matches("dialog") || dialog.open) return;
  dialog.showModal();
  history.replaceState(null, "", `${here}#${id}`);
}
openDialog(location.hash.slice(1));
addEventListener("close", ({ target }) => {
  if (target.matches?.("dialog")) history.replaceState(null, "", here);
}, true);

addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    openDialog(opener.hash.slice(1));
  } else if (event.target.closest("[data-closes]")) {
    const dialog = event.target.closest("dialog");
    if (dialog?.open) event.preventDefault();
    dialog?.close();
  }
});

function countdown(box) {
  const end = Date.now() + 1000 * Number(box.dataset.countdown);
  const bar = box.querySelector("progress"), left = box.querySelector("[data-left]");
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    bar.value = seconds;
    left.textContent = seconds;
    if (seconds === 0 || !box.isConnected) {
      clearInterval(timer);
      box.dispatchEvent(new CustomEvent("over", { bubbles: true }));
    }
  };
  const timer = setInterval(tick, 1000);
  tick();
}

// A place field: ARIA's combobox with a list (WAI-ARIA Authoring Practices).
function place(box) {
  const input = box.querySelector("input[role=combobox]"), list = box.querySelector("[role=listbox]");
  const at = box.querySelector("input[type=hidden]"), status = box.querySelector("[role=status]");
  let found = [], chosen = -1, asked = 0, timer = 0;
  const mark = (n) => {
    chosen = n;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === n)));
    if (n < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", list.children[n].id);
    list.children[n]?.scrollIntoView({ block: "nearest" });
  };
  const close = () => { // what is on its way comes too late
    clearTimeout(timer);
    asked++;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    mark(-1);
  };
  const take = (n) => {
    input.value = found[n].name;
    at.value = found[n].at;
    close();
    box.dispatchEvent(new CustomEvent("placed", { bubbles: true, detail: found[n] }));
  };
  const show = (places) => {
    found = places;
    list.replaceChildren(...places.map(({ name, area }, n) => {
      const option = document.createElement("li"), word = document.createElement("span"), code = document.createElement("span");
      option.id = `${list.id}-${n}`;
      option.setAttribute("role", "option");
      word.textContent = name;
      code.textContent = area;
      code.className = "soft";
      option.append(word, code);
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); take(n); });
      return option;
    }));
    mark(-1);
    list.hidden = places.length === 0;
    input.setAttribute("aria-expanded", String(places.length > 0));
    status.textContent = places.length ? box.dataset.found.replace("#", places.length) : box.dataset.none;
  };
  const ask = async () => {
    const mine = ++asked, url = new URL(box.dataset.places, location.href);
    url.searchParams.set("q", input.value);
    const answer = await fetch(url);
    if (!answer.ok) return;
    const places = await answer.json(); // too late for who asked again, chose, or went on
    if (mine === asked && chosen < 0 && document.activeElement === input) show(places);
  };
  input.addEventListener("input", () => {
    at.value = "";
    mark(-1);
    clearTimeout(timer);
    if (input.value.trim()) timer = setTimeout(ask, 120);
    else close();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !list.hidden) { event.preventDefault(); mark((chosen + step + found.length) % found.length); }
    else if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); take(chosen); }
    else if (event.key === "Escape" && !list.hidden) { event.preventDefault(); close(); }
  });
  const here = box.querySelector("[data-here]");
  if (!here || !navigator.geolocation || !isSecureContext) return;
  here.hidden = false; // the browser asks for consent when it is pressed, not before
  here.addEventListener("click", () => navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      input.value = here.dataset.label;
      at.value = `${coords.latitude.toFixed(5)},${coords.longitude.toFixed(5)}`;
      box.dispatchEvent(new CustomEvent("placed", { bubbles: true, detail: { name: input.value, at: at.value } }));
    },
    () => { status.textContent = here.dataset.refused; status.classList.remove("hidden"); },
    { timeout: 10000, maximumAge: 30000 },
  ));
}

// What somebody is doing outlives news: what was typed, chosen and unfolded is so again on a part that
// was replaced, and on a page that came anew. The focus needs an id; htmx sees to it on a part. What is
// hidden is the server's own, but for where a place is: that goes with the words typed there.
const typable = "input:not([type=file], [type=password], [type=hidden]), .place input[type=hidden], textarea, select";
const asked = `form:not([aria-busy]) :is(${typable})`;
const isTickable = (field) => /radio|checkbox/.test(field.type);
const nameOf = (field) => [field.form.getAttribute("action"), field.name, isTickable(field) ? field.value : ""].join(" ");
const holds = (field) => isTickable(field) ? field.checked : field.value;
const isOwn = (field) => {
  if (field.type === "hidden") return isOwn(field.closest(".place").querySelector("input[role=combobox]"));
  if (isTickable(field)) return field.checked !== field.defaultChecked;
  if (field.options) return [...field.options].some((option) => option.selected && !option.defaultSelected);
  return field.value !== field.defaultValue;
};
const doing = (root) => ({
  typed: Object.fromEntries([...root.querySelectorAll(asked)].filter(isOwn).map((field) => [nameOf(field), holds(field)])),
  unfolded: [...document.querySelectorAll("details[id][open]")].map(({ id }) => id),
});
const unfold = ({ unfolded }) => unfolded.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
function resume(was) {
  for (const field of document.querySelectorAll(asked)) {
    const held = was.typed[nameOf(field)];
    if (held === undefined) continue;
    if (typeof held === "boolean") field.checked = held;
    else if (!field.options || [...field.options].some(({ value }) => value === held)) field.value = held;
  }
  unfold(was);
}
let was = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => { was = doing(detail.target); });
document.addEventListener("htmx:afterSwap", () => resume(was));
document.addEventListener("htmx:afterSettle", () => unfold(was));

const LEFT = "wayfare left"; // in this tab only, until the page is there again
let comesAnew = false;
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Refresh") !== "true") return;
  if (document.querySelector("form[aria-busy]")) return event.preventDefault(); // its answer is a new page
  comesAnew = true;
});
addEventListener("submit", () => { comesAnew = false; }); // quicker than the page: what is sent is not typed again
addEventListener("pagehide", () => { // not before: on a slow network there is time to type on
  if (!comesAnew) return;
  const focus = document.activeElement?.id, dialog = document.querySelector("dialog[open]")?.id;
  try { sessionStorage.setItem(LEFT, JSON.stringify({ here, focus, dialog, ...doing(document) })); }
  catch { /* a browser that keeps nothing */ }
});
try {
  const left = JSON.parse(sessionStorage.getItem(LEFT));
  sessionStorage.removeItem(LEFT);
  if (left?.here === here) {
    resume(left);
    openDialog(left.dialog); // opened when the page was on its way
    if (left.focus) document.getElementById(left.focus)?.focus({ preventScroll: true });
  }
} catch { /* the same */ }

// Events of the server, given on as stream:KIND to what listens inside.
function stream(box) {
  const source = new EventSource(box.dataset.stream);
  for (const kind of box.dataset.kinds.split(" ")) {
    source.addEventListener(kind, (event) => {
      if (!box.isConnected) return source.close();
      box.dispatchEvent(new CustomEvent(`stream:${kind}`, { bubbles: true, detail: JSON.parse(event.data) }));
    });
  }
}

// Leaflet comes only to pages that show a map.
let drawing;
const loaded = (made) => new Promise((done, failed) => {
  made.onload = done;
  made.onerror = failed;
  document.head.append(made);
});
async function map(box) {
  const [style, leaflet, own] = document.body.dataset.mapFiles.split(" ");
  drawing ??= Promise.all([
    loaded(Object.assign(document.createElement("link"), { rel: "stylesheet", href: style })),
    loaded(Object.assign(document.createElement("script"), { src: leaflet })),
  ]).then(() => import(own));
  (await drawing).draw(box);
}

function begin(root) {
  each(root, "[data-countdown]", countdown);
  each(root, ".place", place);
  each(root, "[data-stream]", stream);
  each(root, "[data-map]", map);
}
begin(document);
document.addEventListener("htmx:load", (event) => { if (event.detail.elt !== document.body) begin(event.detail.elt); });

const offline = document.createElement("p");
offline.className = "offline-bar";
offline.setAttribute("role", "status");
offline.textContent = document.body.dataset.offline;
addEventListener("offline", () => document.body.append(offline));
addEventListener("online", () => offline.remove());

const { worker, scope } = document.body.dataset;
if (worker && "serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register(worker, { scope }).catch(() => {});
