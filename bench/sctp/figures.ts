/**
 * Jain's fairness index of shares: 1 when all are equal, 1/n when one has everything (R. Jain, D. Chiu,
 * W. Hawe: A quantitative measure of fairness, DEC-TR-301, 1984).
 */
export function jainsIndex(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return (sum * sum) / (shares.length * squares);
}
