// The citizen's page: talks to this node's client API and shows what providers say, always as text.

const KEY = "wayfare.journey";
const $ = (id) => document.getElementById(id);
const page = { markets: [], kept: null, journey: null, sort: "price", view: "", stream: null, timer: 0 };

// ---- small tools ----

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "onclick") node.addEventListener("click", value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

function put(target, ...children) {
  target.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

function money(amount) {
  if (!amount) return "";
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency: amount.currency, currencyDisplay: "narrowSymbol" }).format(Number(amount.value));
  } catch {
    return `${amount.value} ${amount.currency}`;
  }
}

const words = (code) => String(code || "").toLowerCase().replace(/[_-]+/g, " ").replace(/^./, (c) => c.toUpperCase());

const LINES = {
  BASE_FARE: "Base fare", DISTANCE_FARE: "Distance", TIME_FARE: "Time", NIGHT_CHARGES: "Night charge",
  WAITING_CHARGES: "Waiting", ZONE_CHARGES: "Zone", CANCELLATION_CHARGES: "Cancellation fee", REFUND: "Refund", TAX: "Tax",
  BUYER_ADDITIONAL_AMOUNT: "Tip", TIP: "Tip", RTO: "Way back", FARE: "Price",
};

// How a fare is made, in the words of a rider; M is money, other units follow the number.
const POLICY = {
  BASE_FARE: ["Base fare", "M"], MIN_FARE: ["At least", "M"], PER_KM_CHARGE: ["Each kilometre", "M"], PER_MINUTE_CHARGE: ["Each minute", "M"],
  WAITING_CHARGE_PER_MIN: ["Each minute of waiting", "M"], FREE_WAITING_MIN: ["Waiting that is free", " min"], MIN_FARE_DISTANCE_KM: ["Distance in the base fare", " km"],
  NIGHT_CHARGE_MULTIPLIER: ["At night, times", ""], NIGHT_SHIFT_START_TIME: ["Night begins", ""], NIGHT_SHIFT_END_TIME: ["Night ends", ""],
  CEILING_FIXED: ["Never above, by regulation", "M"], CEILING_PER_KM: ["The same limit rises for each kilometre by", "M"], SURCHARGE: ["Surcharge", "M"],
};

function policy(offer) {
  const said = new Map(offer.fare_policy.map(({ code, value }) => [code, value]));
  return [...said].flatMap(([code, value]) => {
    const [, zone, rest] = /^ZONE_([0-9]+)_(.+)$/.exec(code) || [];
    const of = rest || code;
    if (rest === "NAME" || (["MIN_FARE_DISTANCE_KM", "CEILING_PER_KM"].includes(code) && Number(value) === 0)) return [];
    const [name, unit] = Object.hasOwn(POLICY, of) ? POLICY[of] : [words(of), ""];
    const where = zone && (said.get(`ZONE_${zone}_NAME`) || `zone ${zone}`);
    const label = !zone ? name : rest === "SURCHARGE" ? `Going from or to ${where}, on top` : `Starting in ${where}: ${name.toLowerCase()}`;
    const shown = unit === "M" && /^[0-9.]+$/.test(value) ? money({ currency: offer.price.currency, value }) : `${value.replace(/^([0-9]{2}:[0-9]{2}):00$/, "$1")}${unit === "M" ? "" : unit}`;
    return [el("dt", {}, label), el("dd", {}, shown)];
  });
}

const PAY = {
  "ON-FULFILLMENT": "On the way or at the end, to the driver",
  "POST-FULFILLMENT": "Afterwards, to the cooperative",
  "PRE-ORDER": "Before booking, with a payment reference",
  "PRE-FULFILLMENT": "Before it starts, with a payment reference",
};

const STEPS = {
  ride: [["RIDE_CONFIRMED", "Booked"], ["RIDE_ASSIGNED", "Driver found"], ["RIDE_ENROUTE_PICKUP", "Driver on the way"],
    ["RIDE_ARRIVED_PICKUP", "Driver is waiting for you"], ["RIDE_STARTED", "On the road"], ["RIDE_ENDED", "Arrived"]],
  delivery: [["Pending", "Booked"], ["Searching-for-Agent", "Looking for a courier"], ["Agent-assigned", "Courier found"], ["At-pickup", "Courier is at the pick-up"],
    ["Order-picked-up", "Parcel picked up"], ["Out-for-delivery", "On the way"], ["At-delivery", "At the door"], ["Order-delivered", "Delivered"]],
};

function say(text) { $("spoken").textContent = text; }

function notice(text) {
  $("notice").textContent = text || "";
  $("notice").hidden = !text;
}

// ---- the client API ----

async function api(method, path, body) {
  const headers = {};
  if (page.kept) headers.Authorization = `Bearer ${page.kept.secret}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit" });
  } catch {
    throw new Error("There is no connection. Check it and try again.");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    const fault = new Error((answer && answer.error && answer.error.message) || `The service answered ${response.status}.`);
    fault.status = response.status;
    throw fault;
  }
  return answer;
}

const here = (rest) => `api/journeys/${encodeURIComponent(page.kept.journey_id)}${rest || ""}`;

async function act(button, work) {
  notice("");
  if (button) button.disabled = true;
  try {
    const journey = await work();
    if (journey) show(journey);
  } catch (fault) {
    if (!(fault instanceof FieldFault)) notice(fault.message);
    if (fault.status === 409 && page.kept) refresh();
  } finally {
    if (button) button.disabled = false;
  }
}

async function refresh() {
  try {
    show(await api("GET", here()));
  } catch (fault) {
    if (fault.status === 404) forget();
    else notice(fault.message);
  }
}

function refreshSoon() {
  clearTimeout(page.timer);
  page.timer = setTimeout(refresh, 60);
}

// Server-Sent Events by fetch: EventSource cannot send the secret in a header, and a secret never stands in a URL.
async function follow() {
  const kept = page.kept;
  let last = "0";
  let pause = 500;
  while (page.kept === kept) {
    const stop = new AbortController();
    page.stream = stop;
    try {
      const headers = { Authorization: `Bearer ${kept.secret}`, "Last-Event-ID": last };
      const response = await fetch(here("/events"), { headers, signal: stop.signal, cache: "no-store" });
      if (response.status === 404) return forget();
      if (!response.ok) throw new Error("stream");
      pause = 500;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let buffer = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        buffer += value;
        let end;
        while ((end = buffer.indexOf("\n\n")) >= 0) {
          last = take(buffer.slice(0, end)) || last;
          buffer = buffer.slice(end + 2);
        }
      }
    } catch {
      pause = Math.min(pause * 2, 10000);
    }
    if (page.kept !== kept) return;
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

function take(block) {
  const field = (name) => (block.split("\n").find((line) => line.startsWith(`${name}: `)) || "").slice(name.length + 2);
  if (field("event") === "offers" && page.journey && page.view === "offers") {
    const { offers } = JSON.parse(field("data"));
    const known = new Map(page.journey.offers.map((offer) => [offer.offer_id, offer]));
    const before = known.size;
    for (const offer of offers) known.set(offer.offer_id, offer);
    page.journey.offers = [...known.values()];
    showOffers(page.journey);
    if (known.size > before) say(`${known.size} ${known.size === 1 ? "offer" : "offers"} so far`);
  } else if (field("event")) {
    refreshSoon();
  }
  return field("id");
}

// ---- views ----

function go(view) {
  if (page.view === view) return;
  page.view = view;
  for (const name of ["search", "offers", "quote", "ride"]) $(`view-${name}`).hidden = name !== view;
  $("again").hidden = view === "search";
  window.scrollTo(0, 0);
  const title = document.querySelector(`#view-${view} h1`);
  if (view !== "search" && title) title.focus({ preventScroll: true });
}

function show(journey) {
  if (!page.kept || journey.journey_id !== page.kept.journey_id) return;
  if (page.journey && journey.version < page.journey.version) return;
  page.journey = journey;
  if (journey.error && journey.error.at !== page.told) {
    page.told = journey.error.at;
    notice(`${words(journey.error.action)}: ${journey.error.message}`);
  }
  for (const route of document.querySelectorAll("[data-route]")) {
    route.textContent = `${nameOf(journey.pickup)} → ${nameOf(dropOf(journey))}`;
  }
  showForm(journey);
  if (journey.order || ["confirming", "lost"].includes(journey.state)) {
    go("ride");
    showRide(journey);
  } else if (page.choosing || !journey.offer_id || (!journey.quote && !journey.waiting_for.includes("select"))) {
    go("offers");
    showOffers(journey);
  } else {
    go("quote");
    showQuote(journey);
  }
}

const dropOf = (journey) => (journey.order && journey.order.drop) || journey.drop;

const nameOf = (place) => place.address || `${place.lat.toFixed(4)}, ${place.lon.toFixed(4)}`;

function vehicle(category) {
  return { CAB: "Car", AUTO_RICKSHAW: "Auto rickshaw", TWO_WHEELER: "Two-wheeler" }[category] || words(category);
}

function sorted(offers) {
  const last = Number.MAX_SAFE_INTEGER;
  const eta = (offer) => (offer.eta_min === null ? last : offer.eta_min);
  const by = page.sort === "eta"
    ? (a, b) => eta(a) - eta(b) || a.price.minor - b.price.minor
    : (a, b) => a.price.minor - b.price.minor || eta(a) - eta(b);
  return [...offers].sort(by);
}

function showOffers(journey) {
  const offers = sorted(journey.offers);
  const providers = new Set(offers.map((offer) => `${offer.bpp_id} ${offer.provider_id}`)).size;
  const searching = journey.waiting_for.includes("search") && Date.now() / 1000 - journey.created_at < 30;
  $("offers-count").textContent = offers.length
    ? `${offers.length} ${offers.length === 1 ? "offer" : "offers"} from ${providers} ${providers === 1 ? "cooperative" : "cooperatives"}`
    : searching ? "" : "Nobody can take this now. Try again in a few minutes, or another place.";
  $("offers-wait").hidden = !searching;
  $("sort").hidden = offers.length < 2;
  const focused = document.activeElement && document.activeElement.getAttribute("data-offer");
  put($("offers"), offers.map(offerCard));
  if (focused) {
    const again = [...document.querySelectorAll("[data-offer]")].find((node) => node.getAttribute("data-offer") === focused);
    if (again) again.focus();
  }
}

function offerCard(offer) {
  const about = [
    vehicle(offer.vehicle_category),
    offer.eta_min !== null && `in about ${offer.eta_min} min`,
    offer.payments.length > 0 && (offer.payments.some((terms) => terms.type.startsWith("PRE-")) ? "prepaid" : "pay the driver"),
  ].filter(Boolean).join(" · ");
  return el("li", { class: "offer" },
    el("h2", {}, offer.provider_name),
    el("div", { class: "price" }, money(offer.price)),
    el("p", { class: "muted" }, about),
    el("button", { type: "button", "data-offer": offer.offer_id, "aria-label": `Choose ${offer.provider_name}, ${money(offer.price)}`,
      onclick: (event) => choose(event.currentTarget, offer) }, "Choose"),
    offer.fare_policy.length > 0 && el("details", {}, el("summary", {}, "How this fare is made"),
      el("dl", { class: "facts" }, policy(offer))));
}

function choose(button, offer) {
  page.choosing = false;
  say("Asking for the exact price");
  act(button, async () => {
    const journey = await api("POST", here("/select?wait_s=20"), { offer_id: offer.offer_id });
    if (!journey.quote && !journey.error) notice("The cooperative has not answered yet. Choose another offer or try again.");
    return journey;
  });
}

function breakdown(quote, caption) {
  return el("table", {},
    el("caption", {}, caption),
    el("tbody", {}, quote.lines.map((line) => el("tr", {},
      el("th", { scope: "row" }, line.title || LINES[line.code] || words(line.code)),
      el("td", {}, money({ currency: quote.currency, value: line.value }))))),
    el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, "Total"), el("td", {}, money(quote.total)))));
}

function insurance(list, stage) {
  if (!list || list.length === 0) return null;
  return el("div", { class: "aside" }, list.flatMap((one) => [el("p", {}, insuranceText(one, stage)),
    one.legal_name && el("p", { class: "law" }, `By the ${one.legal_name.replace(/^the /i, "")}.`)]));
}

function insuranceText(one, stage) {
  const later = stage === "quote" || one.status === "estimate";
  if (one.status === "pending") return "The amount set aside for the worker’s social insurance is being worked out.";
  const amount = one.amount ? money(one.amount) : "An amount";
  const payer = { worker: "from the worker’s share", customer: "as part of your price", cooperative: "by the cooperative" }[one.borne_by] || "";
  if (one.status === "reversed") return "What was set aside went back: nothing is kept.";
  if (one.kind === "fee") return `${amount} ${later ? "will go" : "goes"} to a workers’ welfare fund, paid ${payer}. It is a fee; by itself it gives nobody insurance cover.`;
  return `${amount} ${later ? "will be" : "is"} set aside for the worker’s social insurance, paid ${payer}. Whether it starts cover is for the institution to say.`;
}

// What the two platforms agree on between themselves, as far as it binds the citizen: shown, not hidden.
function conditions(quote) {
  if (quote.conditions.length === 0) return null;
  return el("details", {}, el("summary", {}, "The cooperative’s own terms"),
    el("dl", { class: "facts" }, quote.conditions.map(({ code, value }) => [el("dt", {}, words(code)), el("dd", {}, value)])));
}

function terms(quote) {
  const fees = quote.cancellation_terms;
  if (fees.length === 0) return el("p", { class: "muted" }, "The cooperative published no cancellation fees.");
  const labels = new Map([...STEPS.ride, ...STEPS.delivery]);
  return el("table", {}, el("caption", {}, "If you cancel"), el("tbody", {}, fees.map((term) => el("tr", {},
    el("th", { scope: "row" }, labels.get(term.state) || words(term.state)),
    el("td", {}, term.fee ? (term.fee.minor === 0 ? "free" : money(term.fee)) : term.percentage ? `${term.percentage} %` : "not said")))));
}

function showQuote(journey) {
  const { quote } = journey;
  const offer = journey.offers.find((one) => one.offer_id === journey.offer_id);
  $("quote-title").textContent = offer ? offer.provider_name : "Your price";
  const ready = Boolean(quote) && journey.state === "ready";
  const formFirst = !$("quote-form").hidden && journey.form.required;
  $("contact").hidden = !quote || ready || formFirst;
  $("book").hidden = formFirst;
  const begins = ready && $("book-card").hidden;
  $("book-card").hidden = !ready;
  $("receiver").hidden = journey.kind !== "delivery";
  if (!quote) return put($("quote"), el("p", { class: "waiting" }, el("span", { class: "pulse", "aria-hidden": "true" }), "Asking for the exact price…"));
  const dearer = offer && quote.total.minor !== offer.price.minor;
  put($("quote"), breakdown(quote, "What the price is made of"),
    offer && offer.return_price_minor !== null && el("p", { class: "hint" }, wayBackCosts(offer)),
    dearer && el("p", { class: "hint" }, `The first offer said ${money(offer.price)}.`),
    insurance(quote.contributions, "quote"));
  if (page.priced !== quote.hash) {
    page.priced = quote.hash;
    say(`The price is ${money(quote.total)}`);
  }
  showPayments(offer, journey);
  if (!ready) return undefined;
  const pay = quote.payments[0];
  const prepaid = Boolean(pay) && pay.type.startsWith("PRE-");
  if ($("terms").dataset.hash !== quote.hash) {
    $("terms").dataset.hash = quote.hash;
    put($("terms"), terms(quote),
      pay && el("p", { class: "hint" }, `Payment: ${PAY[pay.type] || words(pay.type)}.${pay.account ? ` To account ${pay.account}.` : ""}`),
      conditions(quote),
      prepaid && el("label", {}, "Payment reference", el("input", { id: "reference", maxlength: "80", autocomplete: "off" })));
  }
  $("book").textContent = `Book for ${money(quote.total)}`;
  if (begins && page.view === "quote") $("book-title").focus();
  $("holds").textContent = `You agree to exactly this price${holdsUntil(quote)}. If it changes, you are asked again.`;
  return undefined;
}

function wayBackCosts(offer) {
  const { currency } = offer.price;
  if (offer.return_price_minor === 0) return "If nobody takes the parcel, it is brought back free of charge.";
  return `If nobody takes the parcel, bringing it back costs ${money({ currency, value: decimal(offer.return_price_minor, currency) })} on top.`;
}

function holdsUntil(quote) {
  if (!quote.expires_at) return "";
  return `, which holds until ${new Date(quote.expires_at * 1000).toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" })}`;
}

function showPayments(offer, journey) {
  const types = [...new Set((offer ? offer.payments : []).map((one) => one.type))];
  const usual = (marketOf(journey) || {}).payment;
  const wanted = (types.length ? types : [usual ? usual.type : "ON-FULFILLMENT"]).join(" ");
  if ($("payments").dataset.types === wanted) return;
  $("payments").dataset.types = wanted;
  put($("payments"), wanted.split(" ").map((type, index) => el("label", {},
    el("input", { type: "radio", name: "payment", value: type, checked: index === 0 }), PAY[type] || words(type))));
}

function showRide(journey) {
  const { order } = journey;
  $("ride-title").textContent = rideTitle(journey);
  say(rideTitle(journey));
  const moved = order && `${order.state} ${order.agent ? order.agent.name : ""}`;
  if (moved !== page.moved) {
    page.moved = moved;
    track();
    if (order && journey.state !== "booked") {
      window.scrollTo(0, 0);
      $("ride-title").focus({ preventScroll: true });
    }
  }
  showConsent(journey);
  showChange(journey);
  showRating(journey);
  showHelp(journey);
  if (!order) {
    put($("live"), el("p", { class: "waiting" }, el("span", { class: "pulse", "aria-hidden": "true" }),
      journey.state === "lost" ? "The cooperative does not know this booking. We keep asking; do not book twice before you have called them." : "Waiting for the cooperative’s word…"));
    put($("receipt"));
    $("receipt").hidden = true;
    $("cancel-card").hidden = true;
    return;
  }
  put($("live"), wayBack(order), ready(journey), startCode(journey), steps(journey), driver(order), position(journey));
  $("receipt").hidden = false;
  const paid = order.payments.some((one) => one.status === "PAID");
  put($("receipt"),
    order.quote ? breakdown(order.quote, journey.state === "cancelled" ? "What is left to pay" : paid ? "Paid" : "To pay") : el("p", {}, "The price is not stated."),
    insurance(order.contributions, "order"),
    el("p", { class: "hint" }, [providerName(journey), `Order ${order.id}`].filter(Boolean).join(" · ")));
  showCancel(journey);
}

function providerName(journey) {
  const offer = journey.offers.find((one) => one.offer_id === journey.offer_id);
  return offer ? offer.provider_name : "";
}

function rideTitle(journey) {
  const thing = journey.kind === "ride" ? "ride" : "parcel";
  if (journey.order && journey.order.return) return RETURNED.includes(journey.order.return.state) ? "The parcel came back" : "Coming back to you";
  if (journey.state === "cancelled") return journey.order.cancelled && journey.order.cancelled.by === "PROVIDER" ? "The cooperative cancelled" : "Cancelled";
  if (journey.state === "completed") return journey.kind === "ride" ? "You have arrived" : "Delivered";
  if (!journey.order) return journey.state === "lost" ? "Not confirmed" : "Booking…";
  if (journey.order.state === "RIDE_CONFIRMED") return "Booked, looking for a driver";
  const step = STEPS[journey.kind].find(([code]) => code === journey.order.state);
  return step ? step[1] : `Your ${thing}`;
}

function steps(journey) {
  if (journey.state === "cancelled") return null;
  const list = STEPS[journey.kind];
  const at = list.findIndex(([code]) => code === journey.order.state);
  return el("ol", { class: "steps", "aria-label": "Progress" }, list.map(([, label], index) => el("li",
    { class: index < at || journey.state === "completed" ? "done" : "", "aria-current": index === at && "step" }, label)));
}

const RETURNED = ["RTO-Delivered", "RTO-Disposed"];

function wayBack(order) {
  if (!order.return) return null;
  return el("p", {}, { "RTO-Delivered": "Nobody took the parcel. It was brought back.", "RTO-Disposed": "Nobody took the parcel. It was disposed of." }[order.return.state]
    || "Nobody took the parcel. It is on its way back.");
}

function ready(journey) {
  if (journey.order.ready_to_ship !== false || journey.state !== "booked") return null;
  return el("p", {}, el("button", { type: "button", class: "primary", onclick: (event) => act(event.currentTarget, () => api("POST", here("/update?wait_s=20"), { ready_to_ship: true })) },
    "The parcel is ready to be fetched"));
}

function startCode(journey) {
  const { order } = journey;
  if (!order.start_code || order.code_claimed || journey.state !== "booked") return null;
  return el("div", { class: "code-box" }, el("p", {}, journey.kind === "ride" ? "Tell the driver this code to start" : "Tell the courier this code at pick-up"),
    el("p", { class: "code", "aria-label": `Code ${order.start_code.split("").join(" ")}` }, order.start_code));
}

function driver(order) {
  if (!order.agent && (!order.vehicle || order.status === "CANCELLED")) return null;
  const facts = [];
  const add = (name, value) => { if (value) facts.push(el("dt", {}, name), el("dd", {}, value)); };
  if (order.agent) {
    add("Driver", order.agent.name);
    const number = order.agent.phone || "";
    if (/^\+?[0-9]{5,15}$/.test(number)) add("Phone", el("a", { href: `tel:${number}` }, number));
    else add("Phone", number);
  }
  if (order.vehicle) {
    add("Vehicle", [order.vehicle.color, order.vehicle.make, order.vehicle.model].filter(Boolean).join(" ").replace(/^./, (c) => c.toUpperCase()) || vehicle(order.vehicle.category));
    add("Plate", order.vehicle.registration);
  }
  return el("dl", { class: "facts" }, facts);
}

function position(journey) {
  const { tracking } = journey;
  if (journey.state !== "booked" || !tracking || !tracking.location) return null;
  const begun = ["RIDE_STARTED", "Order-picked-up", "Out-for-delivery", "At-delivery"].includes(journey.order.state);
  const km = distance(tracking.location, begun ? dropOf(journey) : journey.pickup);
  const far = km < 0.1 ? "Less than 100 m" : km < 1 ? `About ${Math.round(km * 10) * 100} m` : `About ${km.toFixed(1)} km`;
  return el("p", { class: "hint" }, `${far} from ${begun ? nameOf(dropOf(journey)) : "the pick-up"}, as last told.`);
}

function distance(a, b) {
  const rad = Math.PI / 180;
  const x = (b.lon - a.lon) * rad * Math.cos((a.lat + b.lat) * rad / 2);
  return 6371 * Math.hypot(x, (b.lat - a.lat) * rad);
}

const WHAT = { total_minor: "Price", payee: "Who is paid", cancellation_fee_minor: "Cancellation fee", currency: "Currency", provider: "Provider", item: "Service", quote: "Price" };

function showConsent(journey) {
  const asked = journey.consent_needed;
  $("consent").hidden = !asked;
  if (!asked) return put($("consent"));
  const value = (what, given) => (what.endsWith("_minor") ? money({ currency: asked.currency, value: decimal(given, asked.currency) }) : String(Array.isArray(given) ? given.join(", ") : given));
  return put($("consent"),
    el("h2", {}, "This is not what you agreed to"),
    el("table", {}, el("tbody", {}, asked.changed.map((change) => el("tr", {},
      el("th", { scope: "row" }, WHAT[change.what] || words(change.what)),
      el("td", {}, `${value(change.what, change.before)} → ${value(change.what, change.after)}`))))),
    asked.quote_hash && el("button", { type: "button", class: "primary", onclick: (event) => act(event.currentTarget, () => api("POST", here("/consent"), { quote_hash: asked.quote_hash })) }, "Agree to this"),
    el("p", { class: "hint" }, asked.quote_hash
      ? journey.cancellation ? "If you do not agree, cancel below or call the cooperative." : "If you do not agree, call the cooperative before you pay."
      : "Call the cooperative before you pay."));
}

function decimal(minor, currency) {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  return (minor / 10 ** digits).toFixed(digits);
}

function showCancel(journey) {
  const { cancellation } = journey;
  $("cancel-card").hidden = !cancellation || journey.state !== "booked";
  if (!cancellation) return;
  const { fee } = cancellation;
  $("cancel-fee").textContent = !fee ? "The cooperative has not said what cancelling costs." : fee.minor === 0 ? "Cancelling is free now." : `Cancelling costs ${money(fee)} now.`;
  $("cancel").textContent = fee && fee.minor > 0 ? `Cancel for ${money(fee)}` : "Cancel booking";
  $("fee").hidden = Boolean(fee) || !cancellation.asks_fee;
  const listed = JSON.stringify(cancellation.reasons);
  if ($("reason").dataset.listed !== listed) {
    $("reason").dataset.listed = listed;
    put($("reason"), cancellation.reasons.map((reason) => el("option", { value: reason.id }, reason.text || reason.id)));
  }
}

// The cooperative's own reasons, asked for once the citizen opens this part; until then the network's stand here.
function askReasons() {
  const { cancellation } = page.journey || {};
  if ($("cancel-card").open && cancellation && !cancellation.asked) quietly(() => api("GET", here("/cancellation-reasons?wait_s=5")));
}

async function quietly(work) {
  try { show(await work()); } catch { /* what stands there already is good enough */ }
}

function showChange(journey) {
  const { update } = journey;
  $("change-card").hidden = !update || update.takes.length === 0 || journey.state !== "booked" || Boolean(journey.consent_needed);
  if ($("change-card").hidden) return;
  const places = (marketOf(journey) || { places: [] }).places;
  const isEnd = (one) => [journey.pickup, dropOf(journey)].some((end) => end.lat === one.lat && end.lon === one.lon);
  if ($("new").dataset.journey !== journey.journey_id) {
    $("new").dataset.journey = journey.journey_id;
    put($("new"), places.map((one, index) => !isEnd(one) && el("option", { value: String(index) }, one.name)), el("option", { value: "gps" }, "Coordinates…"));
    toggleGps("new");
  }
  $("change-hint").textContent = update.asks_first
    ? "First the cooperative says what the change costs. Nothing changes before you agree."
    : "A tip is added as you write it. If another destination costs more, you are asked before you owe it.";
  const asked = update.asked && update.asked.quote ? update.asked : null;
  put($("change-asked"), asked && [
    breakdown(asked.quote, asked.change.drop ? `To ${nameOf(asked.change.drop)}` : "With the tip"),
    el("p", {}, el("button", { type: "button", class: "primary", onclick: (event) => act(event.currentTarget, () => change({ ...wished(asked.change), quote_hash: asked.quote_hash })) },
      `Agree and change, for ${money(asked.quote.total)}`))]);
}

const wished = (given) => (given.drop ? { drop: given.drop } : { tip_minor: given.tip_minor });

const change = (body) => api("POST", here("/update?wait_s=20"), body);

const wish = (body) => change(page.journey.update.asks_first ? { ...body, soft: true } : body);

function tip(event) {
  event.preventDefault();
  act(event.submitter, () => {
    const { currency } = page.journey.order.quote.total;
    return wish({ tip_minor: minor(number("tip", 0.01, 100000), currency) });
  });
}

function newDrop(event) {
  event.preventDefault();
  act(event.submitter, () => wish({ drop: place("new", marketOf(page.journey)) }));
}

const minor = (value, currency) => Math.round(value * 10 ** decimal(0, currency).replace(/^0\.?/, "").length);

// What can be rated in the words of a citizen; the first category of each that the cooperative takes.
const PARTS = [["Fulfillment Order", { ride: "The ride", delivery: "The delivery" }], ["Agent", { ride: "The driver", delivery: "The courier" }], ["Provider", { ride: "The cooperative", delivery: "The cooperative" }]];

function showRating(journey) {
  const { rating } = journey;
  $("rating-card").hidden = !rating;
  if (!rating) return undefined;
  if (!rating.asked && page.rating !== journey.journey_id) {
    page.rating = journey.journey_id;
    quietly(() => api("GET", here("/rating-categories?wait_s=5")));
  }
  const shown = JSON.stringify([rating.categories, rating.given]);
  if ($("rating-card").dataset.shown === shown) return undefined;
  $("rating-card").dataset.shown = shown;
  if (rating.given.length) return put($("rating-card"), el("h2", {}, "Thank you"), el("p", {}, "The cooperative has your rating."));
  const parts = PARTS.map(([names, labels]) => [names.split(" ").find((one) => rating.categories.includes(one)), labels]).filter(([category]) => category);
  return put($("rating-card"), el("h2", {}, "How was it?"),
    parts.map(([category, names]) => el("fieldset", { class: "stars" }, el("legend", {}, names[journey.kind]),
      el("div", { class: "segments small" }, [1, 2, 3, 4, 5].map((value) => el("label", {},
        el("input", { type: "radio", name: category, value: String(value), "aria-label": `${names[journey.kind]}: ${value} of 5` }), el("span", {}, `${value} ★`)))))),
    el("button", { type: "submit" }, "Send the rating"),
    el("p", { class: "hint" }, "Only this cooperative gets it."));
}

function rate(event) {
  event.preventDefault();
  const ratings = [...new FormData($("rating-card"))].map(([category, value]) => ({ category, value: Number(value) }));
  if (ratings.length) act(event.submitter, () => api("POST", here("/rating?wait_s=20"), { ratings }));
}

function showHelp(journey) {
  $("help-card").hidden = !journey.order || !(journey.asks.includes("support") || journey.asks.includes("get_return_reasons"));
  $("ask-help").hidden = Boolean(journey.support) || !journey.asks.includes("support");
  $("ask-returns").hidden = journey.kind !== "delivery" || !journey.asks.includes("get_return_reasons") || journey.return_reasons.length > 0;
  const { support } = journey;
  const facts = [];
  if (support) {
    if (support.phone) facts.push(el("dt", {}, "Call"), el("dd", {}, callable(support.phone)));
    if (support.email) facts.push(el("dt", {}, "Write to"), el("dd", {}, support.email));
    if (support.url) facts.push(el("dt", {}, "Look at"), el("dd", {}, support.url));
  }
  put($("help"), support && (facts.length ? el("dl", { class: "facts" }, facts) : el("p", {}, "The cooperative named nobody.")),
    journey.return_reasons.length > 0 && [el("p", {}, "Parcels come back for these reasons:"), el("ul", { class: "plain-list" }, journey.return_reasons.map((one) => el("li", {}, one.text || one.id)))]);
}

function callable(number) {
  const dialled = number.replace(/[ ().-]/g, "");
  return /^\+?[0-9]{3,15}$/.test(dialled) ? el("a", { href: `tel:${dialled}` }, number) : number;
}

// ---- a cooperative's own form: its fields only, in inputs of this page ----

const STAGES = { search: "quote", select: "quote", init: "quote", rating: "ride" };

function showForm(journey) {
  const { form } = journey;
  for (const view of ["quote", "ride"]) {
    const target = $(`${view}-form`);
    target.hidden = !form || form.is_submitted || STAGES[form.stage] !== view;
    if (!target.hidden) fillForm(target, journey);
  }
}

function fillForm(target, journey) {
  const { form } = journey;
  const asked = `${journey.journey_id} ${journey.offer_id} ${form.stage}`;
  if (form.fields.length === 0 && page.reading !== asked) {
    page.reading = asked;
    act(null, () => api("GET", here("/form")));
  }
  const shown = JSON.stringify([asked, form.fields, form.errors]);
  if (target.dataset.shown === shown) return;
  target.dataset.shown = shown;
  const before = new Map(new FormData(target));
  put(target, el("h2", {}, form.stage === "rating" ? "Tell the cooperative more" : "The cooperative asks"),
    form.errors.map((error) => el("p", { class: "fault", role: "alert" }, error)),
    form.fields.map((field, index) => formField(field, `form-${index}`, before.get(field.name))),
    el("button", { type: "submit", class: form.required ? "primary" : "" }, "Send the answers"),
    el("p", { class: "hint" }, form.required ? "The cooperative needs this before it goes on." : "You need not answer this."));
}

function formField(field, id, given) {
  const label = field.required ? field.label : `${field.label} (if you like)`;
  const value = given === undefined ? field.value : given;
  if (field.type === "ticks") {
    return el("fieldset", { class: "plain" }, el("legend", {}, label), el("div", { class: "choices" }, field.options.map((option) => el("label", {},
      el("input", { type: "checkbox", name: field.name, value: option.value }), option.label))));
  }
  if (field.type === "choice") {
    const options = field.options.map((option) => el("option", { value: option.value, selected: option.value === value }, option.label));
    return el("div", { class: "field" }, el("label", {}, label, el("select", { id, name: field.name, required: field.required },
      el("option", { value: "" }, "Choose…"), options)));
  }
  const attributes = { id, name: field.name, maxlength: "1000", autocomplete: "off", required: field.required };
  const input = field.type === "textarea" ? el("textarea", { ...attributes, rows: "3" }) : el("input", { ...attributes, type: field.type });
  input.value = value;
  return el("div", { class: "field" }, el("label", {}, label, input));
}

function answerForm(event) {
  event.preventDefault();
  const target = event.currentTarget;
  act(event.submitter, () => {
    for (const input of target.querySelectorAll("[required]")) check(input, input.value.trim() !== "", "This is needed.");
    const given = new FormData(target);
    const answers = {};
    for (const name of new Set(given.keys())) {
      const values = given.getAll(name).filter((value) => value !== "");
      if (values.length) answers[name] = values.length === 1 ? values[0] : values;
    }
    return api("POST", here("/form"), { answers });
  });
}

// ---- forms ----

function market() {
  const kind = document.querySelector("input[name=kind]:checked").value;
  const fitting = page.markets.filter((one) => one.kind.toLowerCase() === kind);
  return fitting[Number($("market").value)] || fitting[0];
}

function fillMarkets() {
  const kind = document.querySelector("input[name=kind]:checked").value;
  const fitting = page.markets.filter((one) => one.kind.toLowerCase() === kind);
  put($("market"), fitting.map((one, index) => el("option", { value: String(index) }, one.name)));
  $("parcel").hidden = kind !== "delivery";
  fillPlaces();
}

function fillPlaces() {
  const places = (market() || { places: [] }).places;
  for (const [id, chosen] of [["from", 0], ["to", 1]]) {
    put($(id), places.map((place, index) => el("option", { value: String(index), selected: index === chosen }, place.name)), el("option", { value: "gps" }, "Coordinates…"));
    toggleGps(id);
  }
}

function toggleGps(id) { $(`${id}-gps`).hidden = $(id).value !== "gps"; }

const marketOf = (journey) => page.markets.find((one) => one.kind.toLowerCase() === journey.kind && one.city === journey.city);

function place(id, within = market()) {
  if ($(id).value !== "gps") {
    const { name, lat, lon, area_code } = within.places[Number($(id).value)];
    return area_code ? { lat, lon, address: name, area_code } : { lat, lon, address: name };
  }
  return { lat: number(`${id}-lat`, -90, 90), lon: number(`${id}-lon`, -180, 180) };
}

function number(id, least, most) {
  const value = Number($(id).value.trim().replace(",", "."));
  check($(id), $(id).value.trim() !== "" && value >= least && value <= most, `Write a number from ${least} to ${most}.`);
  return value;
}

// What is wrong with a field stands right below it, and is read with it.
class FieldFault extends Error {}

function check(input, fine, text) {
  const told = $(`${input.id}-fault`);
  if (told) told.remove();
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
  if (fine) return;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", `${input.id}-fault`);
  input.closest("label").after(el("p", { id: `${input.id}-fault`, class: "fault", role: "alert" }, text));
  input.focus();
  throw new FieldFault(text);
}

function search(event) {
  event.preventDefault();
  act(event.submitter, async () => {
    const chosen = market();
    const kind = chosen.kind.toLowerCase();
    const body = { kind, domain: chosen.domain, city: chosen.city, pickup: place("from"), drop: place("to") };
    if (kind === "delivery") {
      body.parcel = { weight_grams: Math.round(number("weight", 0.01, 100) * 1000) };
      if ($("contents").value.trim()) body.parcel.description = $("contents").value.trim();
      if ($("value").value.trim()) body.parcel.declared_value_minor = minor(number("value", 0, 10000000), chosen.currency);
      if ($("from-address").value.trim()) body.pickup.address = $("from-address").value.trim();
      if ($("to-address").value.trim()) body.drop.address = $("to-address").value.trim();
    }
    const { journey_id, secret, journey } = await api("POST", "api/journeys", body);
    keep({ journey_id, secret });
    return journey;
  });
}

function person(nameId, phoneId) {
  const name = $(nameId).value.trim();
  const phone = $(phoneId).value.trim();
  check($(nameId), name !== "", "Write a name.");
  check($(phoneId), /^\+?[0-9][0-9 ().-]{4,18}[0-9]$/.test(phone), "Write a phone number with digits, like +60123456789.");
  return { name, phone };
}

function contact(event) {
  event.preventDefault();
  act(event.submitter, async () => {
    const body = { customer: person("name", "phone") };
    if (page.journey.kind === "delivery") body.receiver = person("drop-name", "drop-phone");
    const type = document.querySelector("input[name=payment]:checked");
    if (type) body.payment = { type: type.value };
    return api("POST", here("/init?wait_s=20"), body);
  });
}

function book(event) {
  act(event.currentTarget, async () => {
    const body = { quote_hash: page.journey.quote.hash };
    if ($("reference")) {
      check($("reference"), $("reference").value.trim() !== "", "Write the reference of your payment.");
      body.payment_reference = $("reference").value.trim();
    }
    return api("POST", here("/confirm?wait_s=20"), body);
  });
}

function cancel(event) {
  event.preventDefault();
  act(event.submitter, () => {
    const body = { reason_id: $("reason").value };
    const { fee } = page.journey.cancellation;
    if (fee) body.fee_minor = fee.minor;
    return api("POST", here("/cancel?wait_s=20"), body);
  });
}

// ---- one journey per browser ----

function keep(kept) {
  page.kept = kept;
  page.journey = null;
  page.choosing = false;
  page.told = undefined;
  page.moved = undefined;
  page.priced = undefined;
  try { localStorage.setItem(KEY, JSON.stringify(kept)); } catch { /* a private window: it lasts as long as the page */ }
  follow();
}

function forget() {
  page.kept = null;
  page.journey = null;
  if (page.stream) page.stream.abort();
  try { localStorage.removeItem(KEY); } catch { /* nothing was kept */ }
  notice("");
  go("search");
}

function again() {
  const live = page.journey && ["booked", "confirming", "lost"].includes(page.journey.state);
  if (live && !window.confirm("You have a booking. Leave it? It goes on, but this browser will no longer show it.")) return;
  forget();
}

function kept() {
  try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; }
}

async function track() {
  const journey = page.journey;
  if (!journey || journey.state !== "booked" || !journey.order || !journey.order.agent || document.hidden) return;
  try { await api("GET", here("/track")); } catch { /* shown with the journey, asked again later */ }
}

async function start() {
  for (const radio of document.querySelectorAll("input[name=kind]")) radio.addEventListener("change", fillMarkets);
  for (const radio of document.querySelectorAll("input[name=sort]")) {
    radio.addEventListener("change", () => { page.sort = radio.value; showOffers(page.journey); });
  }
  $("market").addEventListener("change", fillPlaces);
  for (const id of ["from", "to", "new"]) $(id).addEventListener("change", () => toggleGps(id));
  $("search-form").addEventListener("submit", search);
  $("contact").addEventListener("submit", contact);
  $("cancel-form").addEventListener("submit", cancel);
  $("cancel-card").addEventListener("toggle", askReasons);
  $("fee").addEventListener("click", (event) => act(event.currentTarget, () => api("POST", here("/cancel?wait_s=20"), { reason_id: $("reason").value, soft: true })));
  $("tip-form").addEventListener("submit", tip);
  $("drop-form").addEventListener("submit", newDrop);
  $("rating-card").addEventListener("submit", rate);
  $("ask-help").addEventListener("click", (event) => act(event.currentTarget, () => api("POST", here("/support?wait_s=20"), {})));
  $("ask-returns").addEventListener("click", (event) => act(event.currentTarget, () => api("GET", here("/return-reasons?wait_s=20"))));
  for (const id of ["quote-form", "ride-form"]) $(id).addEventListener("submit", answerForm);
  $("book").addEventListener("click", book);
  $("again").addEventListener("click", again);
  $("back").addEventListener("click", () => { page.choosing = true; show(page.journey); });
  setInterval(track, 5000);
  setInterval(() => { if (page.view === "offers" && page.journey) showOffers(page.journey); }, 5000);
  try {
    page.markets = (await api("GET", "api/markets")).markets;
    fillMarkets();
  } catch (fault) {
    notice(fault.message);
  }
  const before = kept();
  if (before && before.journey_id && before.secret) {
    keep(before);
    await refresh();
  }
  if (!page.kept) go("search");
}

start();
