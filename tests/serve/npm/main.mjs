// node main.mjs URL: what the clients answer, on a line of JSON.

import { ask } from "./ask.mjs";

console.log(JSON.stringify(await ask(process.argv[2])));
