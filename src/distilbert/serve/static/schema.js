// The OpenAPI description: types, examples, and controls for fields.

import { element, labelled } from "./elements.js";

let described; // openapi.json

export const setDescription = (description) => (described = description);

/** A component of the description, by its name. */
export const component = (name) => described.components.schemas[name];

/** What a reference leads to; anything else as it is. */
export const resolved = (part) => (part.$ref ? component(part.$ref.split("/").pop()) : part);

/** The alternatives of a field that can be given: without null. */
const alternatives = (field) => {
  const found = resolved(field);
  const parts = found.anyOf ?? found.oneOf ?? [found];
  return parts.filter((part) => part.type !== "null").map(resolved);
};

export function typeOf(field) {
  const names = alternatives(field).map((part) => {
    if (part.enum) return part.enum.map((value) => JSON.stringify(value)).join(" or ");
    if (part.anyOf || part.oneOf) return typeOf(part);
    return part.items ? `list of ${typeOf(part.items)}` : (part.type ?? "any");
  });
  return [...new Set(names)].join(" or ");
}

/** The example of a schema, or one put together from its required fields. */
export function exampleOf(part) {
  const found = resolved(part);
  if (found.examples?.length) return found.examples[0];
  const fields = Object.entries(found.properties ?? {}).filter(([name]) => found.required?.includes(name));
  return Object.fromEntries(fields.map(([name, field]) => [name, exampleOf(field)]));
}

/** A list of an object's fields, with those of objects in them; null where it has none. */
export function fieldsOf(part) {
  const found = resolved(part);
  const items = Object.entries(found.properties ?? {}).map(([name, field]) => {
    const needed = found.required?.includes(name) ? ", required" : "";
    const about = field.description ? `: ${field.description}` : "";
    const inner = alternatives(field).find((each) => each.properties);
    return element("li", {}, element("code", {}, name), ` ${typeOf(field)}${needed}${about}`, inner ? fieldsOf(inner) : null);
  });
  return items.length ? element("ul", {}, items) : null;
}

/** A control for an optional field, and how its value is read: undefined where nothing is given. */
export function option(schema, name) {
  const field = component(schema).properties[name];
  const [part] = alternatives(field);
  if (part.enum || part.type === "boolean") {
    const values = part.enum ?? [true, false];
    const control = element(
      "select",
      {},
      element("option", { value: "" }, "as the server does"),
      values.map((value, index) => element("option", { value: index }, String(value))),
    );
    return made(name, field, control, () => (control.value === "" ? undefined : values[control.value]));
  }
  if (part.type === "integer" || part.type === "number") {
    const control = element("input", { type: "number", step: part.type === "integer" ? 1 : "any", inputmode: "decimal" });
    return made(name, field, control, () => (control.value === "" ? undefined : Number(control.value)));
  }
  if (part.type === "array") {
    const control = element("textarea", { rows: 2, placeholder: "one a line" });
    return made(name, field, control, () => (control.value.trim() ? lines(control.value) : undefined));
  }
  const control = element("input", { type: "text", autocomplete: "off" });
  return made(name, field, control, () => control.value || undefined);
}

const made = (name, field, control, value) => ({ name, value, field: labelled(name, control, field.description) });

export const lines = (text) => text.split("\n").filter((line) => line.trim());
