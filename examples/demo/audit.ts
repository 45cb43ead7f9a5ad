/**
 * Goes through a ledger and says what is wrong with it. This must be able to fail, or the demo shows nothing: the tests damage a
 * ledger and see that it does.
 *
 * @module
 */

import { accounts, type Ledger } from "../ledger.ts";

/** What was looked at and what was found. */
export interface Audit {
  /** Payments that were looked at. */
  readonly checked: number;
  /** Payments that were acknowledged or counted, and are not there. */
  readonly missing: number;
  /** Payments whose checksum is wrong: half of them is something else. */
  readonly torn: number;
  /** Payments after which the total is not the total before plus the amount; and 1 more if the accounts do not add up to zero. */
  readonly wrongSums: number;
  /** The first payment with a fault. */
  readonly firstFault?: number;
}

/**
 * Checks payments one by one: the number, the checksum, the total. Then the balances: what one account has, another has paid.
 *
 * @param from number of the first payment to check; one that the ledger has overwritten cannot be
 * @param acknowledged number of the last payment that somebody was told of
 */
export function audit(ledger: Ledger, from: number = ledger.first, acknowledged = 0): Audit {
  const first = Math.max(from, ledger.first);
  let missing = 0, torn = 0, wrongSums = 0, firstFault: number | undefined;
  let before = first > ledger.first ? ledger.read(first - 1).total : first === 1 ? 0 : undefined;
  for (let number = first; number <= ledger.count; number++) {
    const payment = ledger.read(number);
    const isThere = payment.number === number;
    if (!isThere) missing++;
    else if (!payment.intact) torn++;
    else if (before !== undefined && payment.total !== before + payment.amount) wrongSums++;
    else {
      before = payment.total;
      continue;
    }
    before = undefined; // the sum after a fault says nothing more
    firstFault ??= number;
  }
  if (acknowledged > ledger.count) {
    missing += acknowledged - ledger.count;
    firstFault ??= ledger.count + 1;
  }
  let sum = 0;
  for (let account = 0; account < accounts; account++) sum += ledger.balance(account);
  if (sum !== 0) {
    wrongSums++;
    firstFault ??= ledger.count;
  }
  const checked = Math.max(0, ledger.count - first + 1);
  return { checked, missing, torn, wrongSums, ...(firstFault !== undefined && { firstFault }) };
}

/** Whether nothing is wrong. */
export function isSound({ missing, torn, wrongSums }: Audit): boolean {
  return missing === 0 && torn === 0 && wrongSums === 0;
}

/** What is wrong, in words. */
export function describeFaults({ checked, missing, torn, wrongSums, firstFault }: Audit): string {
  return `of ${checked} payments checked, ${missing} are missing, ${torn} torn and ${wrongSums} do not add up; ` +
    `the first is number ${firstFault}`;
}
