/* The timeline as a script of its own: see src/parts.ts. */

export { TimelinePage as View } from "./TimelinePage";
export const build = __BUILD__;
