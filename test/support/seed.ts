import fc from "fast-check";

/** Property tests draw from one seed, so that a run can be had again; FUZZ_SEED chooses another. */
fc.configureGlobal({ seed: Number(process.env["FUZZ_SEED"] ?? 9260) });
