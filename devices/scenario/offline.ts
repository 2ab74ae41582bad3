import type { Place } from "../device.ts";
import { dispatcher } from "../kind/dispatcher.ts";
import { sleeper } from "../kind/sleeper.ts";
import { createRandom } from "../random.ts";
import type { Member, Scenario, Stage } from "./scenario.ts";

/** A dispatcher, an archive that takes everything, and a sleeper of each subscription. */
const devicesMin = 4;
const devicesPerDispatcher = 10;

/** Whoever sleeps gets all that was acknowledged meanwhile, in order, although the gateway may die at any moment. */
export const offline: Scenario = {
  name: "offline",
  summary: "devices sleep, messages wait for them, and --kills kills the gateway; nothing acknowledged may be missing",
  devicesMin,
  small: { devices: 12, seconds: 3 },
  protocol: "3.1.1",
  // Mailboxes of a gateway that is killed again and again may take their time; they may not lose anything.
  lateSeconds: 30,
  waiting: true,
  enduring: true,
  cast(devices, stage) {
    const dispatchers = Math.max(1, Math.floor(devices / devicesPerDispatcher));
    const place = (name: string): Place => ({ name, ...stage, random: createRandom(stage.seed, name) });
    const sleepersOf = Array.from({ length: dispatchers }, (): string[] => []);
    for (let number = 1; number < devices - dispatchers; number++) {
      sleepersOf[number % dispatchers]!.push(`sleeper-${number}`);
    }
    const archive = { name: "archive", behaviour: sleeper(place("archive"), { [`${stage.root}/#`]: 2 }) };
    return [archive, ...sleepersOf.flatMap((sleepers, index) => crew(`dispatcher-${index + 1}`, sleepers))];

    function crew(name: string, sleepers: readonly string[]): Member[] {
      return [
        ...sleepers.map((each, index) => ({
          name: each,
          behaviour: sleeper(place(each), subscriptions(name, each, index, stage)),
        })),
        { name, behaviour: dispatcher(place(name), sleepers) },
      ];
    }
  },
};

/** Odd ones take everything at QoS 2; even ones ask for QoS 1 here and there, so that QoS 2 is lowered for them. */
function subscriptions(dispatcher: string, name: string, index: number, { root }: Stage): Record<string, 1 | 2> {
  const lowered = index % 2 === 0;
  return {
    [`${root}/${dispatcher}/notice`]: lowered ? 1 : 2,
    [`${root}/${dispatcher}/tariff`]: index % 4 === 0 ? 1 : 2,
    [`${root}/+/order/${name}`]: lowered ? 1 : 2,
  };
}
