// Everything that the page says, in English and Chinese; sentences of the server too.
import en from "./words/en.js";
import zh from "./words/zh.js";
import { sentences } from "./words/sentences.js";

const WORDS = { en, zh };
let spoken = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");

export const language = () => spoken;

// A word or a sentence, with what stands in it.
export function word(key, ...values) {
  const found = WORDS[spoken][key];
  return typeof found === "function" ? found(...values) : found;
}

// A name that the server uses, such as a relation or a method, in words; itself where it has none.
export const named = (kind, name) => WORDS[spoken][kind][name] || name;

// A sentence of the server.
export function said(sentence) {
  if (spoken === "en") return sentence;
  for (const [pattern, translated] of sentences) {
    const found = pattern.exec(sentence);
    if (found) return translated.replace(/\$(\d)/g, (_, place) => found[place] ?? "");
  }
  return zh.told(sentence);
}

export function speak(next) {
  spoken = next;
  localStorage.setItem("language", next);
  document.documentElement.lang = next;
  translate(document);
}

// Fill in what has the attributes data-word, data-label and data-placeholder.
export function translate(root) {
  for (const own of root.querySelectorAll("[data-word]")) own.textContent = word(own.dataset.word);
  for (const own of root.querySelectorAll("[data-label]")) own.setAttribute("aria-label", word(own.dataset.label));
  for (const own of root.querySelectorAll("[data-placeholder]")) own.placeholder = word(own.dataset.placeholder);
}

export const number = (value, digits) =>
  value.toLocaleString(spoken, digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const percent = (share, digits = 1) => `${number(100 * share, digits)} %`;

export function bytes(count) {
  const step = Math.min(3, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  return `${number(count / 1000 ** step, step ? 1 : 0)} ${["B", "kB", "MB", "GB"][step]}`;
}

// A time as the server tells it, which has no zone.
export function day(time, exactly = false) {
  const form = exactly ? { dateStyle: "medium", timeStyle: "short" } : { dateStyle: "long" };
  return new Date(`${time}Z`).toLocaleString(spoken, { ...form, timeZone: "UTC" });
}
