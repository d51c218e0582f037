export { connectSsh, type ConnectOptions } from "./connect.ts";
export { addonMachines, deployAgent, undeploy, type Deployment, type DeployRequest } from "./deploy-agent.ts";
export { HostError, type HostFault } from "./host-error.ts";
export { generateSshKeyPair, type SshKeyPair } from "./keys.ts";
export { clockOffset, preflight, type PreflightItem, type PreflightNeeds } from "./preflight.ts";
export type { ExecOptions, ExecResult } from "./exec.ts";
export type { SshHost } from "./ssh-host.ts";
export type { HostKeyPolicy, SshAuth, SshTarget } from "./ssh-target.ts";
export type { RemoteProcess } from "./watched-process.ts";
