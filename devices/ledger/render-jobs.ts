import { redeliveryReasons } from "./job.ts";
import type { JobTally } from "./job-tally.ts";
import { milliseconds, renderRows, withPermitted } from "./render-rows.ts";

const titles = [
  "queue",
  "jobs",
  "acked",
  "settled",
  "twice",
  "redelivered",
  "lost",
  "unmarked",
  "miscounted",
  "altered",
  "out of order",
  "strayed",
  "p50 ms",
  "p99 ms",
];

/** The report's table of queues, and a line for each with the reasons of its redeliveries. */
export function renderJobs(tallies: readonly JobTally[]): string {
  const reasons = tallies.flatMap(({ queue, redelivered }) => {
    const texts = redeliveryReasons.flatMap((reason) =>
      redelivered[reason] > 0 ? [`${redelivered[reason]} by ${words[reason]}`] : [],
    );
    return texts.length === 0 ? [] : [`${queue} redelivered: ${texts.join(", ")}`];
  });
  return [renderRows([titles, ...tallies.map(cells)]), ...reasons].join("\n");
}

const words: Readonly<Record<(typeof redeliveryReasons)[number], string>> = {
  rejection: "rejection",
  kill: "a kill of the gateway",
  disconnect: "a disconnect",
  timeout: "the settle timeout",
  sentAgain: "its producer, which sent it again",
  unexplained: "nothing that explains it",
};

function cells(tally: JobTally): string[] {
  const { settledTwiceExplained: explained, settledTwiceUnexplained: unexplained } = tally;
  const redelivered = Object.values(tally.redelivered).reduce((sum, count) => sum + count, 0);
  return [
    tally.queue,
    String(tally.jobs),
    String(tally.acknowledged),
    String(tally.settled),
    withPermitted(explained + unexplained, explained),
    withPermitted(redelivered, redelivered - tally.redelivered.unexplained),
    withPermitted(tally.lost, tally.lostPermitted),
    String(tally.unmarked),
    String(tally.miscounted),
    String(tally.altered),
    String(tally.outOfOrder),
    String(tally.strayed),
    milliseconds(tally.waitMsP50),
    milliseconds(tally.waitMsP99),
  ];
}
