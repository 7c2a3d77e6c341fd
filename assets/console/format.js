// Numbers, money and times as the reader's language writes them.

const language = navigator.language;

const whole = new Intl.NumberFormat(language);
const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
const dayAndTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const dayAlone = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const shortDay = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

/** @param {number | string} value decimal text is kept exact */
export const number = (value) => whole.format(/** @type {any} */ (value));
/** @param {number | string} value */
export const compact = (value) => (Math.abs(Number(value)) < 10_000 ? whole.format(/** @type {any} */ (value)) : short.format(Number(value)));
/** @param {number} value of 100 */
export const percent = (value) => percents.format(value / 100);

/** Minor units of a currency as money. @param {number | string} cents @param {string} currency */
export function money(cents, currency) {
  try {
    const format = new Intl.NumberFormat(language, { style: "currency", currency });
    const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
    return format.format(Number(cents) / 10 ** digits);
  } catch {
    return `${cents} ${currency}`;
  }
}

/** The same for prices below a minor unit, with all their digits. @param {string} cents @param {string} currency */
export function price(cents, currency) {
  const digits = new Intl.NumberFormat(language, { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const format = new Intl.NumberFormat(language, { style: "currency", currency, maximumFractionDigits: 10, minimumFractionDigits: digits });
  return format.format(Number(cents) / 10 ** digits);
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
/** @param {number | string} bytes */
export function size(bytes) {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(language, { style: "unit", unit: UNITS[unit], unitDisplay: "short", maximumFractionDigits: value < 10 && unit ? 1 : 0 }).format(value);
}

/** @param {string} text RFC 3339 */
export const time = (text) => dayAndTime.format(new Date(text));
/** @param {string | Date} day */
export const day = (day) => dayAlone.format(new Date(day));
/** @param {string | Date} day */
export const dayInYear = (day) => shortDay.format(new Date(day));
/** What a pointer over a time says. @param {string} text */
export const utc = (text) => `${new Date(text).toISOString().replace("T", " ").replace(/\.\d+Z$/, "")} UTC`;

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const STEPS = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];
/** "3 hours ago". @param {string} text */
export function ago(text) {
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  const step = STEPS.find(([, length]) => Math.abs(seconds) >= length);
  return step ? relative.format(Math.round(seconds / step[1]), step[0]) : relative.format(0, "second");
}
