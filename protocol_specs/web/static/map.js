// A map in its frame, told by data: tiles where they are configured, else the plain map drawn from GeoJSON.

const WIDTH = { water: 9, street: 2, main: 5 };

export async function draw(box) {
  const L = window.L, told = JSON.parse(box.dataset.map);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(box, { zoomControl: false, fadeAnimation: !still, zoomAnimation: !still, attributionControl: false });
  L.control.zoom({ position: "topright", zoomInTitle: box.dataset.zoomIn, zoomOutTitle: box.dataset.zoomOut }).addTo(map);
  const credit = L.control.attribution({ prefix: false }).addTo(map);
  box.map = map;
  map.setView(told.centre ?? [0, 0], 13);
  const marks = new Map();
  const mark = ({ id, lat, lon, label, kind }) => {
    const known = marks.get(id);
    if (known) return known.setLatLng([lat, lon]);
    const letter = document.createElement("span");
    letter.textContent = { from: "A", to: "B", vehicle: "●", me: "•" }[kind] ?? "";
    const icon = L.divIcon({ className: `pin ${kind ?? ""}`, html: letter });
    const made = L.marker([lat, lon], { icon, interactive: false, keyboard: false }).addTo(map);
    made.getElement().setAttribute("role", "img"); // nothing to be pressed: marks may lie on one another
    made.getElement().setAttribute("aria-label", label);
    marks.set(id, made);
  };
  (told.marks ?? []).forEach(mark);
  if (told.line?.length) L.polyline(told.line, { className: "way", weight: 5, dashArray: told.dashed ? "2 9" : null }).addTo(map);
  const grounds = (told.circles ?? []).map(({ lat, lon, radius_m, label }) => {
    const name = document.createElement("span");
    name.textContent = label;
    return L.circle([lat, lon], { radius: radius_m, className: "ground", interactive: false, weight: 2 })
      .bindTooltip(name, { permanent: true, direction: "center", className: "spot-name" }).addTo(map);
  });
  const points = [...(told.marks ?? []).map(({ lat, lon }) => [lat, lon]), ...(told.line ?? [])];
  if (points.length > 1) map.fitBounds(points, { padding: [44, 44], maxZoom: 16 });
  else if (points.length) map.setView(points[0], 15);
  else if (grounds.length) map.fitBounds(L.featureGroup(grounds).getBounds(), { padding: [24, 24] });
  if (told.picks) pick(map, mark, told.picks);
  box.closest("[data-stream]")?.addEventListener("stream:position", ({ detail }) => mark({ id: "vehicle", kind: "vehicle", ...detail }));
  if (told.tiles) {
    if (told.credit) credit.addAttribution(escaped(told.credit));
    L.tileLayer(told.tiles, { maxZoom: 19 }).addTo(map);
  } else if (told.sketch) {
    credit.addAttribution(escaped(box.dataset.sketch));
    await sketch(map, told);
  }
}

async function sketch(map, told) {
  const L = window.L, streets = await (await fetch(told.sketch)).json();
  L.geoJSON(streets, {
    interactive: false,
    style: ({ properties: { kind } }) => ({ className: kind, weight: WIDTH[kind] ?? 2, opacity: 1 }),
  }).addTo(map).bringToBack();
  const marked = (told.marks ?? []).map(({ lat, lon }) => L.latLng(lat, lon));
  for (const [lat, lon, name] of told.places ?? []) {
    if (marked.some((mark) => mark.distanceTo([lat, lon]) < 400)) continue; // a mark says it already
    const word = document.createElement("span");
    word.textContent = name;
    L.circleMarker([lat, lon], { radius: 3, className: "spot", fillOpacity: 1, weight: 1, interactive: false })
      .bindTooltip(word, { permanent: true, direction: "right", className: "spot-name" }).addTo(map);
  }
}

// A tap says where: into the place field of that name; of several, the one last touched, else the first empty one.
function pick(map, mark, picks) {
  const names = [picks].flat().filter((name) => document.getElementById(name)?.closest(".place"));
  const at = (name) => document.getElementById(name).closest(".place").querySelector("input[type=hidden]");
  let touched = null;
  map.on("click", ({ latlng: { lat, lng } }) => {
    const name = touched ?? names.find((one) => !at(one).value) ?? names.at(-1);
    if (!name) return;
    const field = document.getElementById(name);
    field.value = `${lat.toFixed(4)}, ${lng.toFixed(4)}`;
    at(name).value = `${lat.toFixed(5)},${lng.toFixed(5)}`;
    mark({ id: name, lat, lon: lng, label: field.value, kind: name });
    touched = null;
  });
  for (const name of names) {
    document.getElementById(name).addEventListener("focus", () => { touched = name; });
    document.getElementById(name).closest(".place").addEventListener("placed", ({ detail }) => {
      const [lat, lon] = detail.at.split(",").map(Number);
      touched = null;
      mark({ id: name, lat, lon, label: detail.name, kind: name });
      map.panTo([lat, lon]);
    });
  }
}

function escaped(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span.innerHTML;
}
