// Pictures that were dropped, kept in the browser for the address to name them, also after a reload.

const NAME = "visus", STORE = "uploads", MOST = 40;
const held = new Map(); // of this page, where the browser keeps nothing

function opened() {
  return new Promise((done, fail) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
}

function done(asked) {
  return new Promise((give, fail) => {
    asked.onsuccess = () => give(asked.result);
    asked.onerror = () => fail(asked.error);
  });
}

// Keep a file; gives the key that the address names, which begins with a letter where an id of the index has digits alone.
export async function keep(file) {
  const key = `u${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
  held.set(key, file);
  try {
    const store = (await opened()).transaction(STORE, "readwrite").objectStore(STORE);
    await done(store.put(file, key));
    const keys = await done(store.getAllKeys()); // the oldest come first, since keys begin with the time
    for (const old of keys.slice(0, Math.max(0, keys.length - MOST))) store.delete(old);
  } catch { /* it is held by this page */ }
  return key;
}

// The file of a key; null where it is not in this browser.
export async function kept(key) {
  if (held.has(key)) return held.get(key);
  try {
    return (await done((await opened()).transaction(STORE).objectStore(STORE).get(key))) || null;
  } catch {
    return null;
  }
}
