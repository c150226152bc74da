// Checks slips without us: Node's own crypto and zlib, no package, no network. docs/ledger.md says how.
//
// node verify-slip.mjs [--key KEY] [--witness FILE] SLIP...
//   SLIP: a slip's file, its verifiable credential, or the text of its QR code.
//   KEY: the cooperative's ledger key (base64), from somewhere else than the slip.
// Ends with 0 if all of them hold. Says of each what was checked, and what was not.

import crypto from "node:crypto";
import fs from "node:fs";
import zlib from "node:zlib";

const DICTIONARY = fs.readFileSync(new URL("slip_dictionary.json", import.meta.url));
const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");
const DUE = new Set(["2210", "1260", "2240"]); // due; below zero: owed back, or held beyond a plan
const ASIDE = new Set(["2200", "2205", ...DUE]); // set aside, rounding and cap

class DoesNotHold extends Error {}

function require(claim, why) {
  if (!claim) throw new DoesNotHold(why);
}

const sha256 = (...parts) => crypto.createHash("sha256").update(Buffer.concat(parts)).digest();

// RFC 8785. Slips have text, whole numbers, booleans, null, lists and objects; JSON.stringify writes
// those as the RFC wants, and sorting by UTF-16 code units is what sort() does.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") {
    require(typeof value !== "number" || Number.isSafeInteger(value), "a number is not a whole one");
    return JSON.stringify(value);
  }
  const members = Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`);
  return `{${members.join(",")}}`;
}

const bytes = (value) => Buffer.from(canonical(value), "utf8");

function base64(text) {
  const raw = Buffer.from(String(text), "base64");
  require(raw.toString("base64") === text, "that is not base64");
  return raw;
}

function hex(text, size) {
  const raw = Buffer.from(String(text), "hex");
  require(raw.toString("hex") === text && raw.length === size, `${size} bytes in hex are needed`);
  return raw;
}

function isSigned(key, message, signature) {
  require(key.length === 32 && signature.length === 64, "a key has 32 bytes, a signature 64");
  const spki = Buffer.concat([SPKI_ED25519, key]);
  const publicKey = crypto.createPublicKey({ key: spki, format: "der", type: "spki" });
  return crypto.verify(null, message, publicKey, signature);
}

// base58-btc with its prefix z.
function multibase(raw) {
  let number = BigInt(`0x${raw.toString("hex") || "0"}`);
  let digits = "";
  for (; number > 0n; number /= 58n) digits = BASE58[Number(number % 58n)] + digits;
  const zeros = raw.findIndex((byte) => byte !== 0);
  return `z${"1".repeat(zeros < 0 ? raw.length : zeros)}${digits}`;
}

function unpacked(text) { // "WFS1:", base45 (RFC 9285), zlib with the dictionary
  const digits = text.trim().slice(5);
  const raw = [];
  for (let at = 0; at < digits.length; at += 3) {
    const group = [...digits.slice(at, at + 3)].map((digit) => BASE45.indexOf(digit));
    const number = group.reduceRight((sum, digit) => sum * 45 + digit, 0);
    require(group.length > 1 && !group.includes(-1), "that is not base45");
    require(number < 256 ** (group.length - 1), "that is not base45");
    raw.push(...(group.length === 3 ? [number >> 8, number & 255] : [number]));
  }
  const dictionary = DICTIONARY.subarray(0, DICTIONARY.lastIndexOf("]") + 1);
  return zlib.inflateSync(Buffer.from(raw), { dictionary, maxOutputLength: 16384 }).toString("utf8");
}

// The slip, the proof of its place in the books, and what signs it.
function opened(text) {
  const isCode = text.startsWith("WFS1:");
  const found = JSON.parse(isCode ? unpacked(text) : text);
  if (found.credentialSubject === undefined) {
    require(canonical(Object.keys(found).sort()) === '["proof","signature","slip"]', "that is no slip");
    return { form: isCode ? "QR code" : "file", ...found };
  }
  const { slip, inclusion } = found.credentialSubject;
  return { form: "credential", slip, proof: inclusion, credential: found };
}

// W3C Data Integrity, cryptosuite eddsa-jcs-2022: the hash of the options, then that of the document.
function checkCredential({ credential, slip }, key) {
  const { proof, ...document } = credential;
  const { proofValue, ...options } = proof ?? {};
  const did = `did:key:${multibase(Buffer.concat([Buffer.from([0xed, 0x01]), key]))}`;
  require(options.type === "DataIntegrityProof" && options.cryptosuite === "eddsa-jcs-2022", "proof: unknown kind");
  require(options.proofPurpose === "assertionMethod", "proof.proofPurpose: not assertionMethod");
  require(options.verificationMethod === `${did}#${did.slice(8)}`, "proof: another key's");
  require(document.issuer?.id === did, "issuer: not the ledger key");
  require(canonical(options["@context"]) === canonical(document["@context"]), "proof: another @context");
  require(document.id === `urn:x-wayfare:slip:${slip.slip_id}`, "id: not the slip's");
  const hashed = Buffer.concat([sha256(bytes(options)), sha256(bytes(document))]);
  let number = 0n;
  for (const digit of String(proofValue).slice(1)) {
    require(BASE58.includes(digit), "proof.proofValue: not base58");
    number = number * 58n + BigInt(BASE58.indexOf(digit));
  }
  const signature = Buffer.from(number.toString(16).padStart(128, "0"), "hex");
  require(multibase(signature) === proofValue, "proof.proofValue: not multibase of 64 bytes");
  require(isSigned(key, hashed, signature), "proof: not the ledger key's over this credential");
}

// Exact decimals as fractions of whole numbers.
function fraction(text) {
  const [, sign, whole, decimals = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  require(whole !== undefined, `${text} is not a figure`);
  return [BigInt(sign + whole + decimals), 10n ** BigInt(decimals.length)];
}

function rounded([above, below], unit, mode) {
  const [size, step] = [above < 0n ? -above : above, below * BigInt(unit)];
  const units = { half_up: (2n * size + step) / (2n * step), down: size / step, up: (size + step - 1n) / step }[mode];
  return Number((above < 0n ? -units : units) * BigInt(unit));
}

function checkAmounts(slip) {
  const { base, rate, order_line: order, period_line: period } = slip;
  const earned = base.lines.reduce((sum, line) => sum + line.amount_minor, 0);
  const counts = Math.max(0, earned - base.commission_minor - base.refund_minor);
  require(base.base_minor === counts, "base.base_minor: the lines come to another");
  const atMost = (minor, cap) => (cap ? Math.min(minor, cap.amount_minor) : minor);
  if (rate.what !== "rate" || slip.shares) return false;
  const [value, below] = fraction(rate.value);
  const [exact, exactBelow] = fraction(slip.exact);
  require(BigInt(counts) * value * exactBelow === exact * below, "exact: base times rate is another");
  const amount = atMost(rounded([exact, exactBelow], period.unit_minor, period.mode), slip.job_cap);
  require(order.amount_minor === amount, "order_line.amount_minor: it comes to another");
  if (slip.reason === "remitted") return true; // declared, and the scheme gives nothing back
  if (period.rounding === "period") {
    const total = atMost(rounded(fraction(period.exact_sum), period.unit_minor, period.mode), period.cap);
    require(period.total_minor === Math.max(0, total - period.offset_minor), "period_line.total_minor: another");
  }
  return true;
}

function checkEntry({ entry, order_line: order, period_line: period, ...slip }) {
  const net = (accounts) => entry.transfers.reduce((sum, { debit, credit, amount_minor: minor }) =>
    sum + (accounts.has(credit.split(":")[0]) ? minor : 0) - (accounts.has(debit.split(":")[0]) ? minor : 0), 0);
  require(net(ASIDE) === order.posted_minor + period.posted_minor, "entry: it posts another amount");
  require(net(DUE) === order.due_minor + period.due_minor, "entry: another amount is due");
  require(slip.covered_from === null, "covered_from: no slip proves cover");
  require(entry.currency === slip.currency && entry.at === slip.issued_at, "entry: another currency or time");
}

// RFC 9162 section 2.1.3.2: up the path to the root of the block.
function checkInclusion(entry, { salt, position, path, head, head_signature: signature }, key) {
  require(head.ledger_key === key.toString("base64"), "proof.head: another ledger key");
  require(isSigned(key, bytes(head), base64(signature)), "proof.head_signature: not the ledger key's");
  require(Number.isSafeInteger(position) && position >= 0 && position < head.leaf_count, "proof.position");
  let [found, node, last] = [sha256(Buffer.from([0]), hex(salt, 16), bytes(entry)), position, head.leaf_count - 1];
  for (const step of path) {
    require(last > 0, "proof.path: too long");
    if (node % 2 === 1 || node === last) {
      found = sha256(Buffer.from([1]), hex(step, 32), found);
      while (node % 2 === 0 && node !== 0) [node, last] = [node >> 1, last >> 1];
    } else {
      found = sha256(Buffer.from([1]), found, hex(step, 32));
    }
    [node, last] = [node >> 1, last >> 1];
  }
  require(last === 0 && found.toString("hex") === head.root, "proof: the entry is not in that block");
}

function check(text, expectedKey, heads) {
  const file = opened(text);
  const { slip, proof } = file;
  const key = base64(slip.ledger_key);
  require(!expectedKey || slip.ledger_key === expectedKey, "slip.ledger_key: not the key you expect");
  const [made, left] = [[], ["whether a newer slip takes its place", "slip_id: Node has no personalised BLAKE2b"]];
  if (file.credential) checkCredential(file, key);
  else require(isSigned(key, bytes(slip), base64(file.signature)), "signature: not the ledger key's");
  made.push(`signed by ${slip.ledger_key}`);
  (expectedKey ? made : left).push("that this is the cooperative's key");
  (checkAmounts(slip) ? made : left).push("base, rate, rounding and caps");
  checkEntry(slip);
  made.push("the entry moves these amounts");
  if (proof === "pending" || proof === "left_out") {
    left.push(`that the entry stands in the books: its proof is ${proof}`);
  } else {
    checkInclusion(slip.entry, proof, key);
    made.push(`the entry stands in block ${proof.head.number}`);
    const isKnown = heads?.some((head) => canonical(head) === canonical(proof.head));
    require(!heads || isKnown, "proof: the witness does not know that block");
    (heads ? made : left).push("that the witness holds that block");
  }
  return { form: file.form, slip, made, left };
}

function options(words) {
  const chosen = { files: [] };
  while (words.length) {
    const word = words.shift();
    if (word === "--key" || word === "--witness") chosen[word.slice(2)] = words.shift();
    else chosen.files.push(word);
  }
  return chosen;
}

const { files, key, witness } = options(process.argv.slice(2));
const lines = witness && fs.readFileSync(witness, "utf8").split("\n").slice(0, -1);
const heads = lines && lines.filter(Boolean).map((line) => JSON.parse(line).head);
let failed = files.length === 0;
for (const name of files) {
  try {
    const { form, slip, made, left } = check(fs.readFileSync(name, "utf8"), key, heads);
    console.log(`${name}: holds (${form}): ${slip.order_line.amount_minor} minor units of ${slip.currency}, ${slip.scheme.id}`);
    console.log(`  ${slip.says}`);
    for (const each of made) console.log(`  checked: ${each}`);
    for (const each of left) console.log(`  NOT checked: ${each}`);
  } catch (error) { // whatever is wrong with a file, the next one is looked at
    failed = true;
    console.log(`${name}: does NOT hold: ${error.message}`);
  }
}
process.exitCode = failed ? 1 : 0;
