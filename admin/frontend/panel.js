// What the panel's pages do beyond HTML. Nothing here is needed to read a page or to send a form,
// but for plots, copying and the question before what cannot be undone.
import htmx from "htmx.org";
import { draw } from "./plot.js";

htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.defaultSwapStyle = "outerHTML";

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf"]');
  if (token) event.detail.headers["X-CSRF-Token"] = token.content;
});

// Moments are written in UTC; shown in the reader's own zone, UTC on hovering.
function localise(root) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    if (time.title) continue;
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

// On a narrow screen each cell stands beside its column's name, which the style sheet reads here.
function columns(root) {
  for (const table of root.querySelectorAll("table")) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => (head.querySelector(".unseen") ? "" : head.textContent.trim()));
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.cells].forEach((cell, at) => (cell.dataset.column ??= heads[at] ?? ""));
    }
  }
}

function plots(root) {
  for (const figure of root.querySelectorAll("[data-plot]")) draw(figure);
}

async function copy(button) {
  const value = document.getElementById(button.dataset.copy).textContent;
  await navigator.clipboard.writeText(value.trim());
  const before = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = before), 1500);
}

// A form or a button with data-confirm is sent only after the dialog's yes.
function ask(form, submitter, words) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("p").textContent = words;
  dialog.onclose = () => {
    if (dialog.returnValue !== "yes") return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
  };
  dialog.returnValue = "";
  dialog.showModal();
}

// Moments that were kept, in the reader's zone; as many fields for parts as there are parts behind the first.
function moments(root) {
  for (const local of root.querySelectorAll("input[data-utc]")) {
    const there = new Date(local.dataset.utc);
    local.value = new Date(there - there.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }
  for (const box of root.querySelectorAll("[data-parts]")) {
    const parts = document.getElementById(box.dataset.parts);
    const fit = () => {
      const wanted = Math.min(Math.max(Number(parts.value) - 1 || 1, 1), 99);
      while (box.children.length > wanted) box.lastElementChild.remove();
      while (box.children.length < wanted) {
        const next = box.lastElementChild.cloneNode(true);
        next.querySelector("span").textContent = box.children.length + 2;
        for (const input of next.querySelectorAll("input")) input.value = "";
        box.append(next);
      }
    };
    parts.addEventListener("input", fit);
    fit();
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const words = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (words && !form.dataset.confirmed) {
    event.preventDefault();
    ask(form, event.submitter, words);
    return;
  }
  // A field has no zone: what the person means is their own. The hidden one behind it takes the moment.
  for (const local of form.querySelectorAll('input[type="datetime-local"]')) {
    local.nextElementSibling.value = local.value ? new Date(local.value).toISOString() : "";
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  const unfold = event.target.closest(".unfold");
  if (unfold) unfold.setAttribute("aria-expanded", String(document.getElementById("menu").classList.toggle("open")));
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-go]")) window.location.assign(event.target.value);
  if (event.target.matches("[data-width]")) {
    document.querySelector(".preview-box").dataset.width = event.target.value;
  }
});

document.documentElement.classList.add("js");
document.addEventListener("DOMContentLoaded", () => {
  localise(document);
  columns(document);
  plots(document);
  moments(document);
  for (const hint of document.querySelectorAll("[data-zone]")) {
    hint.textContent = hint.dataset.zone.replace("{zone}", Intl.DateTimeFormat().resolvedOptions().timeZone);
  }
});
document.addEventListener("htmx:afterSwap", (event) => {
  localise(event.detail.elt.parentElement ?? document);
  columns(event.detail.elt.parentElement ?? document);
});
