/**
 * Drives a real Firefox, or a Chromium that really hides its tabs, for puppet.py: a command a line
 * on standard input, an answer a line on standard output, both JSON.
 *
 *     node puppet.mjs chrome|firefox EXECUTABLE PROFILE
 */

import { createInterface } from "node:readline";
import puppeteer from "../web/node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js";

const [browserName, executablePath, userDataDir] = process.argv.slice(2);
const options = {
  browser: browserName, executablePath, userDataDir,
  // With these a hidden tab is treated as one that is seen.
  ignoreDefaultArgs: ["--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"],
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run"],
};
const browser = await puppeteer.launch(browserName === "chrome"
  ? options : { browser: "firefox", executablePath, userDataDir });
const pages = [];
/** What the tabs complain about. */
const complaints = [];

const commands = {
  /** Opens a tab in front of the others; gives its number. */
  async open(url) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`));
    page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(url);
    return pages.push(page) - 1;
  },
  evaluate: (tab, script) => pages[tab].evaluate(script),
  show: (tab) => pages[tab].bringToFront(),
  complaints: async () => complaints,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line);
  const answer = await commands[name](...args).then(
    (value) => ({ value: value ?? null }), (error) => ({ error: error.message }));
  console.log(JSON.stringify(answer));
}
await browser.close();
