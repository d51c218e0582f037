/** The half of an application that never sends anything. */
export abstract class Listener {
  readonly waitingBytes: number = 0;

  due(): undefined {
    return undefined;
  }

  accepted(): void {
    // It never offers anything.
  }

  refused(): void {
    // It never offers anything.
  }

  nextDeadlineMs(): undefined {
    return undefined;
  }
}
