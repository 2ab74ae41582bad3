import { expect, it } from "vitest";
import { SendWindow } from "../../../devices/version5/send-window.ts";

it("a publisher keeps within the gateway's receive maximum, in order, also over a reconnection [MQTT-3.3.4-7]", () => {
  let isOnline = true;
  const sent: number[] = [];
  const window = new SendWindow(() => isOnline);
  window.max = 2;
  for (const number of [1, 2, 3, 4]) window.send(() => sent.push(number));
  expect(sent).toEqual([1, 2]);
  window.settled();
  expect(sent).toEqual([1, 2, 3]);
  isOnline = false;
  window.settled();
  window.settled();
  expect(sent).toEqual([1, 2, 3]);
  isOnline = true;
  window.fill();
  expect(sent).toEqual([1, 2, 3, 4]);
});
