/**
 * What tests/browser/test_firefox.py does in the browser: `node journey.js FIREFOX ADDRESS FOLDER`, and
 * one step per line of standard input, as JSON. Each is answered by a line: `{"ok": true, "errors": [...]}`
 * or `{"failed": "..."}`; then a picture is in the folder. `errors`: what the page has said so far.
 *
 * Puppeteer talks WebDriver BiDi with the Firefox that is installed.
 */

import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

/** Milliseconds for anything to appear, on a machine that is busy with other tests. */
const SOON = 30_000 * Number(process.env.LIFECYCLE_PATIENCE ?? 5);

const [executablePath, address, folder] = process.argv.slice(2);

const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 900 });

/** @type {string[]} */
const errors = [];
page.on("pageerror", (error) => errors.push(`uncaught: ${error.message}`));
page.on("console", (message) => {
  if (message.type() === "error") errors.push(message.text());
});

const part = (selector) => page.waitForSelector(selector, { visible: true, timeout: SOON });

const STEPS = {
  async open({ route }) {
    // Only another fragment is no new page, so there is an empty one between.
    await page.goto("about:blank");
    await page.goto(`${address}#/lifecycle${route}`);
    await part("[data-test=live-state][data-mode=live]");
  },
  async see({ selector }) {
    await part(selector);
  },
  async click({ selector }) {
    await (await part(selector)).click();
  },
  async type({ selector, text }) {
    await (await part(selector)).type(text);
  },
  async press({ key }) {
    await page.keyboard.press(key);
  },
};

const answer = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { step, ...told } = JSON.parse(line);
  try {
    await STEPS[step](told);
    answer({ ok: true, errors });
  } catch (error) {
    await page.screenshot({ path: `${folder}/firefox.png` });
    answer({ failed: `${step} ${JSON.stringify(told)}: ${error}`, errors });
  }
}
await browser.close();
