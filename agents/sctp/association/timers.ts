import { abort, userInitiated } from "./abort.ts";
import { asconfTimedOut } from "./asconf.ts";
import { repeatCookie } from "./cookie-echo.ts";
import type { AssociationCore, TimerName } from "./core.ts";
import { heartbeatDue } from "./heartbeat.ts";
import { mtuProbeDue } from "./path-mtu.ts";
import { probeTimedOut } from "./probe.ts";
import { reconfigurationTimedOut, resumeStreams } from "./reconfiguration.ts";
import { repeatShutdown } from "./shutdown.ts";
import { retransmissionDue } from "./time-outs.ts";

/** Does what a timer that has expired is for. */
export function timerExpired(core: AssociationCore, timer: TimerName, nowMs: number): void {
  if (timer === "sack") core.sack.makeDue();
  else if (timer === "t2-shutdown") repeatShutdown(core, nowMs);
  else if (timer === "t5-guard")
    abort(core, core.routeTo(core.primaryPath), userInitiated("shutdown takes too long"));
  else if (timer === "t1-cookie") repeatCookie(core, nowMs);
  else if (timer === "reconfiguration") reconfigurationTimedOut(core, nowMs);
  else if (timer === "probe") probeTimedOut(core, nowMs);
  else if (timer === "peer-reset") resumeStreams(core);
  else if (timer === "asconf") asconfTimedOut(core, nowMs);
  else if (timer === "window-probe") {
    core.probeAllowed = true;
    core.grantBurst(1);
  } else if (timer.startsWith("mtu ")) mtuProbeDue(core, core.path(timer.slice("mtu ".length)), nowMs);
  else if (timer.startsWith("t3 ")) retransmissionDue(core, core.path(timer.slice(3)), nowMs);
  else heartbeatDue(core, core.path(timer.slice("heartbeat ".length)), nowMs);
}
