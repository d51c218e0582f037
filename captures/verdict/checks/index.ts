import type { Checker } from "../checker.ts";
import { capturesAgree } from "./captures-agree.ts";
import { capturesComplete } from "./captures-complete.ts";
import { checksumsGood } from "./checksums-good.ts";
import { commitGate } from "./commit-gate.ts";
import { cumulativeTsn } from "./cumulative-tsn.ts";
import { leaseCoverage } from "./lease-coverage.ts";
import { lossesReported } from "./losses-reported.ts";
import { messagesDamaged } from "./messages-damaged.ts";
import { messagesDuplicated } from "./messages-duplicated.ts";
import { messagesLost } from "./messages-lost.ts";
import { messagesReordered } from "./messages-reordered.ts";
import { noAbort } from "./no-abort.ts";
import { noRestart } from "./no-restart.ts";
import { oldEpochSilent } from "./old-epoch-silent.ts";
import { oneAssociation } from "./one-association.ts";
import { oneOwner } from "./one-owner.ts";
import { outputCommit } from "./output-commit.ts";
import { requestsAnswered } from "./requests-answered.ts";
import { rightInstance } from "./right-instance.ts";
import { tagsUnchanged } from "./tags-unchanged.ts";
import { tsnIdentity } from "./tsn-identity.ts";

/** Every check, in the order of the table that a person reads. */
export const checkers: readonly Checker[] = [
  messagesLost,
  lossesReported,
  messagesDuplicated,
  messagesReordered,
  messagesDamaged,
  requestsAnswered,
  tagsUnchanged,
  noAbort,
  noRestart,
  oneAssociation,
  tsnIdentity,
  cumulativeTsn,
  outputCommit,
  commitGate,
  leaseCoverage,
  rightInstance,
  oldEpochSilent,
  oneOwner,
  checksumsGood,
  capturesComplete,
  capturesAgree,
];
