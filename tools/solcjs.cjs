#!/usr/bin/env node
// A front for npm's `solc` with the two options that py-solc-x and forge use:
//   solcjs.cjs --version
//   solcjs.cjs --standard-json [--base-path DIR] [--allow-paths LIST]
// (The `solcjs` of the package prints a line before its JSON and knows no --allow-paths.)
const fs = require("fs");
const path = require("path");

const root = path.dirname(__dirname);
const solc = require(require.resolve("solc", { paths: [root] }));
const args = process.argv.slice(2);

/** Source text for an import that the input does not carry itself. */
function read(name) {
  const at = args.indexOf("--base-path");
  const base = at >= 0 ? args[at + 1] : root;
  for (const folder of [base, path.join(base, "node_modules"), path.join(root, "node_modules")]) {
    const file = path.join(folder, name);
    if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
  }
  return { error: `not found: ${name}` };
}

if (args.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (args.includes("--standard-json")) {
  process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), { import: read }));
} else {
  console.error("expected --version or --standard-json");
  process.exitCode = 2;
}
