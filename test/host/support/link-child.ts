import { End } from "./link-end.ts";

/** A process at one end of a link: listens at the port of its argument, and says so. */
const end = new End("standby");
await end.listen(Number(process.argv[2]), { silentAfterMs: 400 });
process.send?.("listening");
