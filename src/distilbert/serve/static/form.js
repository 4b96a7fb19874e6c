// The form of a task, its answer, and the request as a program.

import { ask, base, costOf, errorOf, key } from "./api.js";
import { choice, code, element, labelled } from "./elements.js";
import { PROGRAMS } from "./programs.js";
import { option } from "./schema.js";

/** Everything of one task of one model. */
export function taskForm(model, task) {
  const controls = task.fields.map((field) => ({ ...field, control: textArea(field) }));
  const options = task.options.map((name) => option(task.schema, name));
  const path = `models/${encodeURIComponent(model)}${task.route ?? ""}`;
  const status = element("p", { role: "status", class: "status" });
  const result = element("div", { class: "result" });
  const send = element("button", { class: "send" }, "Run");

  const values = () => Object.fromEntries(controls.map(({ name, control, read }) => [name, read(control.value)]));
  const request = () => {
    const given = options.map(({ name, value }) => [name, value()]).filter(([, value]) => value !== undefined);
    return task.body(values(), Object.fromEntries(given));
  };

  const programs = requestAsProgram(path, request);
  const form = element(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        run();
      },
      onkeydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
      },
      oninput: programs.update,
    },
    controls.map(({ label, control }) => labelled(label, control)),
    options.length
      ? element("details", {}, element("summary", {}, "Options"), element("div", { class: "options" }, options.map((each) => each.field)))
      : null,
    element("p", {}, send, element("span", { class: "about" }, " or Ctrl+Enter")),
  );

  async function run() {
    send.disabled = true;
    status.textContent = "Running …";
    const given = values();
    const answer = await ask(path, request());
    send.disabled = false;
    status.textContent = `${answer.status || "No answer"}: ${costOf(answer)}`;
    if (answer.status !== 200) {
      result.replaceChildren(error(answer));
      return;
    }
    result.replaceChildren(await task.show(answer.json, given, encodeURIComponent(model)), asJson(answer));
  }

  return element(
    "div",
    { class: "task" },
    element("section", { "aria-labelledby": "task-title" }, element("h3", { id: "task-title" }, task.title), form),
    element("section", { "aria-labelledby": "result-title" }, element("h3", { id: "result-title" }, "Result"), status, result),
    programs.section,
  );
}

function textArea({ example, rows }) {
  const control = element("textarea", { rows, required: true });
  control.value = example;
  return control;
}

/** An error as the server says it. */
export const error = (answer) =>
  element(
    "div",
    { role: "alert", class: "error" },
    element("p", {}, errorOf(answer)),
    answer.id ? element("p", { class: "about" }, `Request ${answer.id}`) : null,
  );

const asJson = (answer) =>
  element(
    "details",
    {},
    element("summary", {}, "The answer as JSON"),
    code("The answer as JSON", JSON.stringify(answer.json, null, 2).slice(0, 20_000)),
  );

function requestAsProgram(path, request) {
  let language = "curl";
  const shown = element("div", {});
  const update = () => {
    const program = PROGRAMS[language](new URL(path, base).href, request(), Boolean(key.get()));
    const copy = navigator.clipboard
      ? element("button", { type: "button", onclick: () => navigator.clipboard.writeText(program) }, "Copy")
      : null;
    shown.replaceChildren(code(`The request in ${language}`, program), ...(copy ? [copy] : []));
  };
  const languages = choice("Language", Object.keys(PROGRAMS), (name) => {
    language = name;
    update();
  });
  update();
  const section = element(
    "section",
    { "aria-labelledby": "program-title" },
    element("h3", { id: "program-title" }, "The request as a program"),
    languages,
    shown,
  );
  return { section, update };
}
