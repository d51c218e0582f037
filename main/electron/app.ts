import { app, BrowserWindow, ipcMain, protocol, session } from "electron";
import { contentSecurityPolicy, loadStaticFiles, type StaticFile } from "../serve/index.ts";
import { LabProcess } from "./lab-process.ts";
import { lockContents, lockSession } from "./lock-down.ts";
import { PAGE_ORIGIN, PAGE_URL, PORT_REQUEST, SCHEME } from "./names.ts";

export interface AppOptions {
  readonly rendererDir: string;
  readonly preloadPath: string;
  readonly servicePath: string;
  readonly runsDir: string;
}

/** The desktop shell: one window on the interface, the desk in a utility process beside it. */
export async function runApp(options: AppOptions): Promise<void> {
  if (!app.requestSingleInstanceLock()) {
    // The other instance comes to the front (see below).
    app.quit();
    return;
  }
  app.enableSandbox();
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }]);
  app.on("web-contents-created", (_event, contents) => {
    lockContents(contents);
  });
  const files = await loadStaticFiles(options.rendererDir);
  await app.whenReady();
  lockSession(session.defaultSession);
  protocol.handle(SCHEME, (request) => servePage(files, request.url));

  const lab = new LabProcess(options);
  ipcMain.on(PORT_REQUEST, (event) => {
    if (!lab.connect(event.senderFrame))
      process.stderr.write("A frame that is not ours asked for the desk; refused.\n");
  });
  openWindow(options.preloadPath);
  app.on("second-instance", () => {
    const [window] = BrowserWindow.getAllWindows();
    window?.restore();
    window?.focus();
  });
  app.on("activate", () => {
    if (BrowserWindow.getAllWindows().length === 0) openWindow(options.preloadPath);
  });
  app.on("window-all-closed", () => {
    app.quit();
  });
  app.on("will-quit", () => {
    lab.stop();
  });
}

/** Answers for the interface's own scheme from the fixed list of files, with the same policy as `serve`. */
export function servePage(files: ReadonlyMap<string, StaticFile>, address: string): Response {
  const url = new URL(address);
  const file = `${url.protocol}//${url.host}` === PAGE_ORIGIN ? files.get(url.pathname) : undefined;
  const headers = {
    "Content-Security-Policy": contentSecurityPolicy("'none'"),
    "X-Content-Type-Options": "nosniff",
    "Content-Type": file?.contentType ?? "text/plain; charset=utf-8",
  };
  return file === undefined
    ? new Response("There is no such page.", { status: 404, headers })
    : new Response(file.bytes, { headers });
}

function openWindow(preload: string): void {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 960,
    minHeight: 600,
    show: false,
    autoHideMenuBar: true,
    title: "Understudy",
    webPreferences: {
      preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
    },
  });
  window.once("ready-to-show", () => {
    window.show();
  });
  void window.loadURL(PAGE_URL);
}
