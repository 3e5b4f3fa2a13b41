#!/usr/bin/env node
// Run forge and end with its exit status, which the launcher of the npm package forgets: without
// this, failing tests would pass. Use: npx -y -p @foundry-rs/forge@1.7.1 -- node tools/forge.cjs test
const { spawnSync } = require("child_process");
const fs = require("fs");
const path = require("path");

const launcher = process.env.PATH.split(path.delimiter)
  .map((folder) => path.join(folder, "forge"))
  .find((file) => fs.existsSync(file) && fs.realpathSync(file).includes("@foundry-rs"));
if (!launcher) {
  console.error("forge is not here: run this through npx, as the Makefile does.");
  process.exit(1);
}

// npm installs the binary of this platform beside the launcher: @foundry-rs/forge-linux-amd64, ...
const scope = path.dirname(path.dirname(fs.realpathSync(launcher)));
const platform = fs.readdirSync(scope).find((name) => name.startsWith("forge-"));
const binary = path.join(scope, platform ?? "", "bin", "forge");
const { status, error } = spawnSync(binary, process.argv.slice(2), { stdio: "inherit" });
if (error) console.error(`${binary}: ${error.message}`);
process.exit(status ?? 1);
