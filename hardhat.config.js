const path = require("path");
const { subtask } = require("hardhat/config");
const {
  TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD,
  TASK_COMPILE_SOLIDITY_GET_SOURCE_PATHS,
} = require("hardhat/builtin-tasks/task-names");
const SOLC = require("solc/package.json").version;

// The compiler is the pinned npm package `solc` (WebAssembly), so nothing is downloaded.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async ({ solcVersion }, _hre, runSuper) => {
  if (solcVersion !== SOLC) return runSuper();
  return {
    version: SOLC,
    longVersion: require("solc").version().match(/\d+\.\d+\.\d+\+commit\.\w+/)[0],
    compilerPath: require.resolve("solc/soljson.js"),
    isSolcJs: true,
  };
});

// contracts/test is for forge.
subtask(TASK_COMPILE_SOLIDITY_GET_SOURCE_PATHS, async (_args, _hre, runSuper) =>
  (await runSuper()).filter((file) => !file.includes(path.join("contracts", "test"))));

/** @type {import("hardhat/config").HardhatUserConfig} */
module.exports = {
  solidity: {
    version: SOLC,
    settings: {
      optimizer: { enabled: true, runs: 200 },
      evmVersion: "shanghai", // the newest that Ganache runs
      metadata: { bytecodeHash: "none" }, // the same bytes from every compiler front end
    },
  },
  paths: { artifacts: "./build/artifacts", cache: "./build/hardhat-cache" },
  networks: {
    hardhat: {
      chainId: 31337,
      hardfork: "shanghai",
      blockGasLimit: 30_000_000,
      throwOnTransactionFailures: false, // a reverted transaction is mined, as on any chain
    },
    local: { url: "http://127.0.0.1:8545", chainId: 31337 },
  },
};
