// The service worker: keeps the shell and the offline page, and never an answer that tells of a person.
const kept = () => caches.open(shell.version);

self.addEventListener("install", (event) => {
  event.waitUntil(kept().then((cache) => cache.addAll([...shell.files, shell.offline])).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const family = shell.version.slice(0, shell.version.lastIndexOf("-") + 1);
  event.waitUntil(caches.keys().then((names) => Promise.all(
    names.filter((name) => name.startsWith(family) && name !== shell.version).map((name) => caches.delete(name)),
  )));
});

self.addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (shell.files.includes(url.pathname)) {
    event.respondWith(kept().then(async (cache) => (await cache.match(request)) ?? fetch(request)));
  } else if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(async () => (await kept()).match(shell.offline)));
  }
});
