import { loadNativeIo } from "../../../agents/host/native-io.ts";
import type { NativeIo } from "../../../agents/host/native-io.ts";

const loaded = loadNativeIo();

/** Why the tests of the addon cannot run here; undefined where they can. */
export const noNative: string | undefined = loaded.ok ? undefined : loaded.reason;

export function nativeIo(): NativeIo {
  if (!loaded.ok) throw new Error(loaded.reason);
  return loaded.io;
}
