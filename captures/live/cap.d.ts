/** What we use of npm `cap` 0.2.1, which ships no types. */
declare module "cap" {
  interface Capture {
    /**
     * Opens an interface and answers the name of its link type. `buffer` receives each packet before
     * its event; the binding keeps no reference to it, so the caller must.
     */
    open(device: string, filter: string, ringBytes: number, buffer: Buffer): string;
    close(): boolean;
    on(event: "packet", listener: (length: number, truncated: boolean) => void): this;
  }
  const cap: { readonly Cap: new () => Capture };
  export default cap;
}
