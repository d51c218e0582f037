import { useEffect, useState, useSyncExternalStore } from "react";

export type ThemeChoice = "system" | "light" | "dark";

const STORAGE_KEY = "understudy-theme";

function storedChoice(): ThemeChoice {
  const stored = globalThis.localStorage.getItem(STORAGE_KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

const darkQuery = (): MediaQueryList => globalThis.matchMedia("(prefers-color-scheme: dark)");

function subscribe(onChange: () => void): () => void {
  const query = darkQuery();
  query.addEventListener("change", onChange);
  return () => {
    query.removeEventListener("change", onChange);
  };
}

/** The reader's choice, and which of the two is in force: canvases repaint when that changes. */
export function useTheme(): {
  readonly choice: ThemeChoice;
  readonly inForce: "light" | "dark";
  readonly choose: (choice: ThemeChoice) => void;
} {
  const [choice, setChoice] = useState<ThemeChoice>(storedChoice);
  const systemDark = useSyncExternalStore(subscribe, () => darkQuery().matches);
  const inForce = choice === "system" ? (systemDark ? "dark" : "light") : choice;
  useEffect(() => {
    globalThis.localStorage.setItem(STORAGE_KEY, choice);
  }, [choice]);
  return { choice, inForce, choose: setChoice };
}
