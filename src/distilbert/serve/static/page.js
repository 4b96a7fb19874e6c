// The page: a key where the server wants one, its models, and a form for each task; or, at /docs, all routes.

import { ask, base, errorOf, key } from "./api.js";
import { element } from "./elements.js";
import { taskForm } from "./form.js";
import { routesView } from "./routes.js";
import { setDescription } from "./schema.js";
import { TASKS } from "./tasks.js";

const content = document.getElementById("content");
const keyForm = document.getElementById("key");
const keyInput = document.getElementById("key-input");
const keyAbout = document.getElementById("key-about");
const isDocs = /docs\/?$/.test(location.pathname);

let models = [];

async function start() {
  content.replaceChildren(element("p", { role: "status" }, "Loading …"));
  const [found, version, description] = await Promise.all([ask("models"), ask("version"), ask("openapi.json")]);
  const wrong = [found, version, description].find((answer) => answer.status !== 200);
  showKey(wrong?.status === 401);
  if (wrong) {
    content.replaceChildren(element("p", { role: "alert", class: "error" }, errorOf(wrong)));
    return;
  }
  models = found.json;
  document.getElementById("version").textContent = version.json.version;
  setDescription(description.json);
  if (isDocs) content.replaceChildren(routesView(description.json, models));
  else showChosen();
}

function showKey(wanted) {
  keyForm.hidden = !wanted && !key.get();
  document.getElementById("key-forget").hidden = wanted || !key.get();
  if (!wanted) keyAbout.textContent = "In use until this tab is closed, or you forget it.";
  else keyAbout.textContent = key.get() ? "The server does not take this key." : "It is kept until this tab is closed.";
}

keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  key.set(keyInput.value);
  keyInput.value = "";
  start();
});
document.getElementById("key-forget").addEventListener("click", () => {
  key.forget();
  location.reload();
});

const tasksOf = (model) => [...model.tasks.filter((task) => task in TASKS), "tokens"];
const linkTo = (model, task) => `#/${encodeURIComponent(model)}/${task}`;

/** The model and the task of the address; the first ones where it names none. */
function chosen() {
  const [, name, task] = location.hash.split("/").map(decodeURIComponent);
  const model = models.find((each) => each.name === name) ?? models[0];
  return { model, task: tasksOf(model).includes(task) ? task : tasksOf(model)[0] };
}

function showChosen() {
  const { model, task } = chosen();
  document.title = `${model.name}, ${task} – distilbert`;
  const nav = document.getElementById("models");
  nav.hidden = false;
  nav.replaceChildren(
    element("h2", {}, models.length === 1 ? "Model" : `${models.length} models`),
    element("ul", {}, models.map((each) => element("li", {}, modelLink(each, each === model)))),
  );
  const links = tasksOf(model).map((each) =>
    element("li", {}, element("a", { href: linkTo(model.name, each), "aria-current": each === task && "page" }, each)),
  );
  content.replaceChildren(
    element("h2", {}, model.name),
    about(model),
    element("nav", { "aria-label": "Tasks", class: "tasks" }, element("ul", {}, links)),
    taskForm(model.name, TASKS[task]),
  );
}

const modelLink = (model, current) =>
  element(
    "a",
    { href: linkTo(model.name, tasksOf(model)[0]), "aria-current": current && "page" },
    element("b", {}, model.name),
    element("span", {}, model.task),
    element("span", {}, `${model.precision}, up to ${model.max_length} tokens`),
  );

function about(model) {
  const facts = [
    ["Precision", model.precision],
    ["Reads up to", `${model.max_length} tokens`],
    ["Vocabulary", `${model.vocabulary} tokens`],
    ["Vectors", model.dimensions && `${model.dimensions} numbers`],
    ["Labels", model.labels?.join(", ")],
    ["Other names", model.aliases?.join(", ")],
  ];
  const given = facts.filter(([, value]) => value);
  return element("dl", { class: "facts" }, given.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

document.getElementById("pages").append(
  element("a", { href: base.pathname, "aria-current": !isDocs && "page" }, "Try it"),
  element("a", { href: `${base.pathname}docs`, "aria-current": isDocs && "page" }, "Routes"),
);
window.addEventListener("hashchange", () => {
  if (location.hash.startsWith("#/") && models.length && !isDocs) {
    showChosen();
    content.focus();
  }
});
start();
