export const registered: unknown[] = [];
export function buildbotSetupPlugin(callback: unknown) {
  registered.push(callback);
}
export function buildbotGetSettings(): never {
  throw new Error("There is no host in these tests.");
}
