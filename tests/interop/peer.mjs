// A participant that is not ours: it signs what it sends and verifies what it hears, with either the
// SDK that ONDC's participants use or nothing but Node's own crypto.
//
// node peer.mjs sdk|node SUBSCRIBER_ID KEY_ID SEED PUBLIC_KEYS
//   SEED: base64 of the 32-byte Ed25519 seed. PUBLIC_KEYS: JSON, subscriber id to base64 raw key.
// Its first line of output says where it listens; then one JSON line for each message it heard, and
// one for each command read from standard input: {"post": url, "body": text, "created": s, "expires": s}.

import crypto from "node:crypto";
import http from "node:http";
import readline from "node:readline";
import sdk from "ondc-crypto-sdk-nodejs";

const [kind, subscriberId, keyId, seed, publicKeys] = process.argv.slice(2);
const seedBytes = Buffer.from(seed, "base64");
const known = JSON.parse(publicKeys);
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

const privateKey = crypto.createPrivateKey({
  key: Buffer.concat([PKCS8, seedBytes]), format: "der", type: "pkcs8",
});
const publicRaw = crypto.createPublicKey(privateKey)
  .export({ format: "der", type: "spki" }).subarray(SPKI.length);

function signingString(body, created, expires) {
  const digest = crypto.createHash("blake2b512").update(body).digest("base64");
  return `(created): ${created}\n(expires): ${expires}\ndigest: BLAKE-512=${digest}`;
}

const signers = {
  node: async (body, created, expires) => {
    const signature = crypto.sign(null, Buffer.from(signingString(body, created, expires)), privateKey);
    return `Signature keyId="${subscriberId}|${keyId}|ed25519",algorithm="ed25519",` +
      `created="${created}",expires="${expires}",headers="(created) (expires) digest",` +
      `signature="${signature.toString("base64")}"`;
  },
  sdk: (body, created, expires) => sdk.createAuthorizationHeader({
    body, created, expires, subscriberId, subscriberUniqueKeyId: keyId,
    privateKey: Buffer.concat([seedBytes, publicRaw]).toString("base64"),
  }),
};

const verifiers = {
  node: async (header, body, publicKey) => {
    const part = (name) => header.match(new RegExp(`${name}="([^"]*)"`))[1];
    const key = crypto.createPublicKey({
      key: Buffer.concat([SPKI, Buffer.from(publicKey, "base64")]), format: "der", type: "spki",
    });
    const text = signingString(body, part("created"), part("expires"));
    return crypto.verify(null, Buffer.from(text), key, Buffer.from(part("signature"), "base64"));
  },
  sdk: (header, body, publicKey) => sdk.isHeaderValid({ header, body, publicKey }),
};

async function verdict(header, body) {
  if (!header) return null;
  const signer = header.match(/keyId="([^|"]*)\|/)[1];
  return { signer, valid: await verifiers[kind](header, body, known[signer]) };
}

function say(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

const server = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  say({
    heard: request.url,
    body,
    authorization: await verdict(request.headers["authorization"], body),
    gateway: await verdict(request.headers["x-gateway-authorization"], body),
    proxy: await verdict(request.headers["proxy-authorization"], body),
  });
  // As one deployed server does: 202, and a context that nobody asked for.
  response.writeHead(202, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ context: {}, message: { ack: { status: "ACK" } } }));
});
server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const { post, body, created, expires, tampered } = JSON.parse(line);
  const authorization = await signers[kind](body, String(created), String(expires));
  const answer = await fetch(post, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: authorization },
    body: tampered ?? body,
  });
  say({ answered: answer.status, body: await answer.text() });
}).on("close", () => process.exit(0));
