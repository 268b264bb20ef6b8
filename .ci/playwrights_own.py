"""Print where Playwright keeps the Chromium that `playwright install` fetched."""

from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
