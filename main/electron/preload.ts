import { contextBridge, ipcRenderer } from "electron";
import { PORT_MESSAGE, PORT_REQUEST } from "./names.ts";

/** All that the page gets from Electron: it may ask for a port to the desk, which then arrives as a message. */
ipcRenderer.on(PORT_MESSAGE, (event) => {
  // A port cannot pass the context bridge; a message to the page's own window can carry it. The window
  // never shows anything but our page (lock-down.ts), so any origin in it is ours.
  globalThis.window.postMessage(PORT_MESSAGE, "*", [...event.ports]);
});

contextBridge.exposeInMainWorld("understudy", {
  requestPort: (): void => {
    ipcRenderer.send(PORT_REQUEST);
  },
});
