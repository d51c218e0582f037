import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { browserLink } from "./link/browser.ts";
import { electronLink, type ShellBridge } from "./link/electron.ts";
import { App } from "./panels/app.tsx";

/** In Electron the preload script has left a bridge; in a browser the desk is where the page came from. */
function openLink(): ReturnType<typeof browserLink> {
  const { understudy } = globalThis as { understudy?: ShellBridge };
  if (understudy !== undefined) return electronLink(understudy);
  const scheme = globalThis.location.protocol === "https:" ? "wss:" : "ws:";
  return browserLink(`${scheme}//${globalThis.location.host}/desk`);
}

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no element #app");
createRoot(root).render(
  <StrictMode>
    <App link={openLink()} />
  </StrictMode>,
);
