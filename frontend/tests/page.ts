/* What a test needs that draws a part of the page. */

import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

afterEach(cleanup);

// Only a test that fails waits so long; a second is too short on a busy machine.
configure({ asyncUtilTimeout: 60_000 });

// jsdom has no modal dialogs; the browser tests have the real ones.
HTMLDialogElement.prototype.showModal = function () {
  this.setAttribute("open", "");
};
HTMLDialogElement.prototype.close = function () {
  this.removeAttribute("open");
};
