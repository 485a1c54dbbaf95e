export const registered: unknown[] = [];
export function buildbotSetupPlugin(callback: unknown) {
  registered.push(callback);
}
