/**
 * Calls back from within the commit loop: what somebody's callback throws is thrown where nothing else breaks over it, and
 * not taken for a failure of the disk.
 */
export function callSafely(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
