import { useEffect, useState, type ReactElement } from "react";
import type { DeskLink } from "../../main/api/contract.ts";
import { useTheme, type ThemeChoice } from "../hooks/use-theme.ts";
import { Home } from "./home.tsx";
import { RunScreen } from "./run-screen.tsx";

const RUN_ROUTE = /^#\/run\/(.+)$/;

/** The run named in the address, so that a reload or a copied address shows the same run. */
function runIdOf(hash: string): string | undefined {
  const encoded = RUN_ROUTE.exec(hash)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    // A mistyped escape: the desk will say that it knows no such run.
    return encoded;
  }
}

function useHash(): string {
  const [hash, setHash] = useState(globalThis.location.hash);
  useEffect(() => {
    const onChange = (): void => {
      setHash(globalThis.location.hash);
    };
    globalThis.addEventListener("hashchange", onChange);
    return () => {
      globalThis.removeEventListener("hashchange", onChange);
    };
  }, []);
  return hash;
}

export function App({ link }: { readonly link: DeskLink }): ReactElement {
  const theme = useTheme();
  const runId = runIdOf(useHash());
  return (
    <div className="app" data-theme={theme.inForce}>
      <header className="app-bar">
        <a className="brand" href="#/">
          Understudy
        </a>
        {runId === undefined ? null : (
          <nav aria-label="Where you are">
            <a href="#/">Runs</a> <span aria-hidden="true">›</span> <span className="mono">{runId}</span>
          </nav>
        )}
        <span className="spacer" />
        <label className="theme">
          Theme{" "}
          <select
            value={theme.choice}
            onChange={(event) => {
              theme.choose(event.target.value as ThemeChoice);
            }}
          >
            <option value="system">system</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </label>
      </header>
      {runId === undefined ? (
        <Home link={link} />
      ) : (
        <RunScreen key={runId} link={link} runId={runId} theme={theme.inForce} />
      )}
    </div>
  );
}
