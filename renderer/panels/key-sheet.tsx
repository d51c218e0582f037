import { useEffect, useRef, type ReactElement } from "react";
import { KEY_SHEET } from "../model/keys.ts";

export function KeySheet({ onClose }: { readonly onClose: () => void }): ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="key-sheet" aria-label="Keys" onClose={onClose}>
      <h2>Keys</h2>
      <dl>
        {KEY_SHEET.map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              {keys.split("  ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
