export function useTopbarItems() {
  // The host's top bar is not part of these tests.
}
