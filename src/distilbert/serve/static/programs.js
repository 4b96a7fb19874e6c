// A request as a program, in four languages. The key, where there is one, is in the variable KEY.

const HEADER = "application/json";

/** A value as Python writes it. */
function python(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${python(each)}`).join(", ")}}`;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export const PROGRAMS = {
  curl: (url, body, keyed) =>
    [
      `curl -s ${quoted(url)}`,
      `-H 'Content-Type: ${HEADER}'`,
      ...(keyed ? ['-H "Authorization: Bearer $KEY"'] : []),
      `-d ${quoted(JSON.stringify(body))}`,
    ].join(" \\\n  "),

  Python: (url, body, keyed) => `import json
${keyed ? "import os\n" : ""}import urllib.request

request = urllib.request.Request(
    ${JSON.stringify(url)},
    data=json.dumps(${python(body)}).encode(),
    headers={"Content-Type": "${HEADER}"${keyed ? ', "Authorization": f"Bearer {os.environ[\'KEY\']}"' : ""}},
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer))`,

  JavaScript: (url, body, keyed) => `const answer = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: { "Content-Type": "${HEADER}"${keyed ? ", Authorization: `Bearer ${process.env.KEY}`" : ""} },
  body: JSON.stringify(${JSON.stringify(body)}),
});
console.log(await answer.json());`,

  Java: (url, body, keyed) => `import java.net.URI;
import java.net.http.*;

public class Ask {
    public static void main(String[] arguments) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(${JSON.stringify(url)}))
            .header("Content-Type", "${HEADER}")${keyed ? '\n            .header("Authorization", "Bearer " + System.getenv("KEY"))' : ""}
            .POST(HttpRequest.BodyPublishers.ofString(${JSON.stringify(JSON.stringify(body))}))
            .build();
        System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}`,
};
