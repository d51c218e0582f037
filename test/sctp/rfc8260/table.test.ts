import { describeRequirementTable } from "../../support/requirement-table.ts";

describeRequirementTable({
  document: "docs/sctp-extensions.md",
  heading: "## RFC 8260, every MUST and SHOULD",
  // Sections whose text has one of the words of requirement, and section 4, where they are written small.
  sections: [
    "1.2",
    "2",
    "2.1",
    "2.2.1",
    "2.2.2",
    "2.2.3",
    "2.3",
    "2.3.1",
    "2.3.2",
    "3",
    "3.6",
    "4.2",
    "4.3.1",
  ],
  leastRows: 45,
  folder: "sctp/rfc8260",
});
