// All routes of the description, those of one model at a time, each to try.

import { ask, costOf, key } from "./api.js";
import { code, element, labelled } from "./elements.js";
import { error } from "./form.js";
import { exampleOf, fieldsOf, resolved } from "./schema.js";

const OF_MODEL = "/models/{name}";

/** The routes of the model that is chosen; without one, those at the root. */
export function routesView(description, models) {
  const list = element("div", {});
  const choose = element(
    "select",
    { onchange: () => show() },
    element("option", { value: "" }, "the first that can"),
    models.map((model) => element("option", { value: model.name }, `${model.name} (${model.task})`)),
  );
  const show = () => list.replaceChildren(...groups(description, choose.value));
  show();
  return element(
    "div",
    {},
    element("h2", {}, "Routes"),
    element("p", {}, `${description.info.summary}. The same for programs: `, element("a", { href: file(description) }, "openapi.json"), "."),
    labelled("Model", choose),
    list,
  );
}

/** Where the description can be opened: a link of its own would not send the key. */
const file = (description) =>
  key.get() ? URL.createObjectURL(new Blob([JSON.stringify(description, null, 1)], { type: "application/json" })) : "openapi.json";

function groups(description, model) {
  const found = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    if (path.startsWith(OF_MODEL) !== Boolean(model)) continue;
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "Other";
      found.set(tag, [...(found.get(tag) ?? []), route(method, path.replace("{name}", encodeURIComponent(model)), operation)]);
    }
  }
  return [...found].map(([tag, routes]) => element("section", {}, element("h3", {}, tag), routes));
}

function route(method, path, operation) {
  const [about] = (operation.description ?? "").split(/(?<=\.)\s/); // its first sentence
  const summary = element("summary", {}, element("code", {}, `${method.toUpperCase()} ${path}`), " ", element("span", { class: "about" }, about));
  const inside = element("details", { class: "route" }, summary);
  inside.addEventListener("toggle", () => inside.children.length === 1 && inside.append(...details(method, path, operation)));
  return inside;
}

function details(method, path, operation) {
  const schema = operation.requestBody?.content["application/json"].schema;
  const bodies = schema ? (schema.oneOf ?? [schema]) : [];
  const fields = element("div", {});
  const text = element("textarea", { rows: 5, spellcheck: "false" });
  const showBody = (index) => {
    text.value = JSON.stringify(exampleOf(bodies[index]), null, 1);
    fields.replaceChildren(fieldsOf(bodies[index]) ?? "");
  };
  const kinds = element(
    "select",
    { onchange: () => showBody(kinds.value) },
    bodies.map((body, index) => element("option", { value: index }, resolved(body).title ?? `form ${index + 1}`)),
  );
  if (bodies.length) showBody(0);
  const answered = element("div", { class: "result" });
  const parameter = operation.parameters?.find((each) => each.in === "path" && path.includes(`{${each.name}}`));
  const value = parameter && element("input", { type: "text", required: true });
  const form = element(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        const full = parameter ? path.replace(`{${parameter.name}}`, encodeURIComponent(value.value)) : path;
        const answer = await ask(full.slice(1) || ".", bodies.length ? text.value : undefined);
        answered.replaceChildren(element("p", { role: "status", class: "status" }, `${answer.status}: ${costOf(answer)}`), shown(answer));
      },
    },
    parameter ? labelled(parameter.name, value, parameter.description) : null,
    bodies.length > 1 ? labelled("Kind of body", kinds) : null,
    bodies.length ? labelled("Body", text) : null,
    element("p", {}, element("button", {}, "Send")),
  );
  const statuses = Object.entries(operation.responses).map(([status, each]) => element("li", {}, `${status}: ${each.description}`));
  return [
    element("p", {}, operation.description ?? ""),
    form,
    answered,
    bodies.length ? element("details", {}, element("summary", {}, "Fields"), fields) : null,
    element("details", {}, element("summary", {}, "Answers"), element("ul", {}, statuses)),
  ].filter((part) => part);
}

function shown(answer) {
  if (answer.status >= 400 || answer.status === 0) return error(answer);
  const text = answer.json === null ? answer.text : JSON.stringify(answer.json, null, 1);
  return code("The answer", text.slice(0, 20_000) || "(empty)");
}
