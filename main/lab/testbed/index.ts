export { openTestbed } from "./open.ts";
export {
  type Testbed,
  type TestbedComputer,
  type TestbedError,
  type TestbedHost,
  type TestbedResult,
  formatTestbedError,
  parseTestbed,
} from "./parse.ts";
