import type { UserProperty } from "../version5/message-properties.ts";
import type { WireProperties } from "../version5/read-publish.ts";
import type { Direction } from "./line-book.ts";

const originProperty = "waypost-origin";
const hopsProperty = "waypost-hops";
const isMark = ([name]: UserProperty) => name === originProperty || name === hopsProperty;

/**
 * What a message says besides what a bridge adds, and what is wrong with that: whose it was first and how many bridges
 * it has passed, each once. On what comes down a bridge may also add nothing.
 */
export function readBridgeMarks(
  direction: Direction,
  properties: WireProperties,
): { properties: WireProperties; fault: string | undefined } {
  const marks = properties.userProperties.filter(isMark);
  const rest = { ...properties, userProperties: properties.userProperties.filter((each) => !isMark(each)) };
  const names = marks.map(([name]) => name).sort();
  const hops = marks.find(([name]) => name === hopsProperty)?.[1];
  const isComplete = names.join() === `${hopsProperty},${originProperty}` && hops === "1";
  const isRight = isComplete || (direction === "down" && marks.length === 0);
  return { properties: rest, fault: isRight ? undefined : `marks of a bridge ${JSON.stringify(marks)}` };
}
