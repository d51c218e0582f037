import { describeRequirementTable } from "../../support/requirement-table.ts";

const document = "docs/sctp-extensions.md";
const folder = "sctp/rfc3758";

describeRequirementTable({
  document,
  folder,
  heading: "## RFC 3758, every MUST and SHOULD",
  // Sections whose text has one of the words of requirement, and section 4.2, where one is written small.
  sections: ["2", "3.2", "3.3.1", "3.3.2", "3.3.3", "3.4", "3.5", "3.6", "4.1", "4.2", "4.3"],
  leastRows: 55,
});

describeRequirementTable({
  document,
  folder,
  heading: "## RFC 7496, every MUST and MAY that somebody notices",
  sections: ["3.1", "3.2", "4.3", "4.4", "4.5"],
  leastRows: 8,
});
