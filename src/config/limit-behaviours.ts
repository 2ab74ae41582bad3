/** What can be done with a message for which there is no room. */
export const limitBehaviours = ["reject-newest", "remove-oldest", "remove-low-priority", "flow-control"] as const;
