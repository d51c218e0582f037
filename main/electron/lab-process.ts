import { dialog, MessageChannelMain, utilityProcess, type UtilityProcess, type WebFrameMain } from "electron";
import { PORT_MESSAGE } from "./names.ts";
import { isOwnPage } from "./lock-down.ts";

export interface LabProcessOptions {
  /** The bundle of `lab-service.ts`. */
  readonly servicePath: string;
  readonly runsDir: string;
}

/** The utility process that hosts the desk: started when a page first asks, and again after a crash. */
export class LabProcess {
  private readonly options: LabProcessOptions;
  private child: UtilityProcess | undefined;
  private stopping = false;

  constructor(options: LabProcessOptions) {
    this.options = options;
  }

  /** Gives the page its own channel to the desk. Anything but our page in the top frame gets nothing. */
  connect(frame: WebFrameMain | null): boolean {
    if (frame === null || frame.parent !== null || !isOwnPage(frame.url)) return false;
    const { port1, port2 } = new MessageChannelMain();
    this.running().postMessage("desk", [port1]);
    frame.postMessage(PORT_MESSAGE, null, [port2]);
    return true;
  }

  stop(): void {
    this.stopping = true;
    this.child?.kill();
  }

  private running(): UtilityProcess {
    if (this.child !== undefined) return this.child;
    const child = utilityProcess.fork(this.options.servicePath, [this.options.runsDir], {
      serviceName: "Understudy lab service",
      stdio: "inherit",
    });
    child.once("exit", (code) => {
      this.child = undefined;
      if (this.stopping) return;
      dialog.showErrorBox(
        "The lab service ended",
        `The process that talks to the lab ended with code ${code}. Reload the window (Ctrl+R) to start it again.`,
      );
    });
    this.child = child;
    return child;
  }
}
