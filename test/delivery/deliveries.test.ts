import { describe, expect, it } from "vitest";
import { Consumer } from "../../src/delivery/consumer.ts";
import { Deliveries } from "../../src/delivery/deliveries.ts";
import { Delivery } from "../../src/delivery/delivery.ts";
import type { Borrower } from "../../src/device/share.ts";
import { queueMessage } from "../support/queue-messages.ts";

const keeper = { settled: () => {}, rejected: () => {}, returned: () => {} };
const consumerOf = (id: string) => new Consumer({ id } as Borrower, { qos: 1 });

/** Deliveries of one queue; `begin` sends a message to a consumer. */
function deliveriesAt(at = 1000) {
  const deliveries = new Deliveries();
  const begin = (message = queueMessage(1), consumer = consumerOf("a")) => {
    const delivery = new Delivery(message, deliveries.jobOf(message), consumer, undefined, at, keeper);
    deliveries.began(delivery);
    return delivery;
  };
  return { deliveries, begin };
}

describe("the deliveries of a queue", () => {
  it("are under way from their beginning to their end, in their order", () => {
    const { deliveries, begin } = deliveriesAt();
    const all = [1, 2, 3, 4].map((sequence) => begin(queueMessage(sequence)));
    expect([...deliveries]).toEqual(all);
    for (const i of [1, 3, 0, 2]) deliveries.ended(all[i]!);
    expect([deliveries.underWay, [...deliveries]]).toEqual([0, []]);
  });

  it("may end while they are looked through", () => {
    const { deliveries, begin } = deliveriesAt();
    for (const sequence of [1, 2, 3]) begin(queueMessage(sequence));
    const seen: number[] = [];
    for (const delivery of deliveries) {
      seen.push(delivery.message.sequence);
      deliveries.ended(delivery);
    }
    expect([seen, deliveries.underWay]).toEqual([[1, 2, 3], 0]);
  });

  it("count for their consumer until they end, those that took too long too", () => {
    const { deliveries, begin } = deliveriesAt();
    const consumer = consumerOf("a");
    const late = begin(queueMessage(1), consumer);
    const other = begin(queueMessage(2), consumer);
    deliveries.overdue(late);
    deliveries.overdue(late);
    expect([deliveries.underWay, consumer.inDelivery]).toEqual([1, 2]);
    deliveries.ended(late);
    deliveries.ended(other);
    expect([deliveries.underWay, consumer.inDelivery]).toEqual([0, 0]);
  });

  it("know of a message how often it was delivered once it was given back, and who had it last", () => {
    const { deliveries, begin } = deliveriesAt();
    const message = queueMessage(1);
    expect(deliveries.jobOf(message)).toBeNull();
    for (const id of ["a", "b", "c"]) {
      const delivery = begin(message, consumerOf(id));
      deliveries.ended(delivery);
      deliveries.givenBack(delivery);
    }
    expect(deliveries.jobOf(message)).toMatchObject({
      deliveries: 3,
      delivery: null,
      last: { id: "c" },
      isSettled: false,
    });
    deliveries.forget(message);
    expect(deliveries.jobOf(message)).toBeNull();
  });

  it("do not count one that came to nothing", () => {
    const { deliveries, begin } = deliveriesAt();
    const message = queueMessage(1);
    deliveries.withdrawn(begin(message));
    expect([deliveries.underWay, deliveries.jobOf(message)]).toEqual([0, null]);
    deliveries.deliveredBefore(message);
    deliveries.withdrawn(begin(message));
    expect(deliveries.jobOf(message)).toMatchObject({ deliveries: 1, delivery: null });
  });

  it("are over where another one has the message, or it is settled", () => {
    const { deliveries, begin } = deliveriesAt();
    const message = queueMessage(1);
    const first = begin(message);
    expect(first.isOver).toBe(false);
    deliveries.overdue(first);
    deliveries.givenBack(first);
    const second = begin(message);
    expect([first.isOver, second.isOver]).toEqual([true, false]);
    deliveries.settled(first);
    expect([second.isOver, deliveries.jobOf(message)]).toEqual([true, null]);
  });

  it("become older by nothing when the clock jumps", () => {
    const { deliveries, begin } = deliveriesAt(1000);
    const delivery = begin();
    deliveries.clockJumped(5000);
    expect(delivery.at).toBe(6000);
  });
});
