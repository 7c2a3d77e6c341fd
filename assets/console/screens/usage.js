import { get, list, patch } from "../api.js";
import { html, useState } from "../dom.js";
import { money } from "../format.js";
import { useLoad } from "../load.js";
import { Dialog } from "../parts/dialog.js";
import { Field, Form } from "../parts/form.js";
import { LimitFigure, SeatsFigure } from "../parts/limits.js";
import { Empty, Loaded, MeterBar, Page, Time } from "../parts/page.js";
import { toast } from "../parts/toasts.js";
import { s } from "../strings.js";
import { UsageChart } from "../parts/usage-chart.js";

/** The month that a limit is about, which need not be the period that is billed. @param {any} limit @returns {{ from: string, to: string } | null} */
function monthOf(limit) {
  if (limit.window !== "month" || !limit.resets_at) return null;
  const from = new Date(limit.resets_at);
  from.setUTCMonth(from.getUTCMonth() - 1);
  return { from: from.toISOString(), to: limit.resets_at };
}

/** What was used in the open period, against the limits and in money. @param {{ at: import("../shell.js").At }} props */
export default function Usage({ at }) {
  const [capping, setCapping] = useState(false);
  const found = useLoad(async () => {
    const [limits, meters, subscription] = await Promise.all([
      get(at.api("/limits")), list(at.api("/meters")), at.can("billing:read") ? get(at.api("/subscription")).catch(() => null) : null,
    ]);
    const period = { from: subscription?.period_start ?? new Date(Date.now() - 30 * 86_400_000).toISOString(), to: subscription?.period_end ?? new Date().toISOString() };
    const begin = [period.from, ...limits.items.map((/** @type {any} */ limit) => monthOf(limit)?.from ?? period.from)].sort()[0];
    const sums = await list(at.api(`/usage?window=day&from=${encodeURIComponent(begin)}`));
    return { limits, meters, subscription, sums, ...period };
  }, [at.tenant.id]);
  return html`<${Page} title=${s.screens.usage} of=${at.tenant.name} about=${found.data?.subscription && html`${s.usage.period} <${Time} at=${found.data.from} /> – <${Time} at=${found.data.to} />`}>
    <${Loaded} of=${found}>${(/** @type {any} */ data) => html`
      <div class="figures">
        <${Spend} at=${at} data=${data} onCap=${() => setCapping(true)} />
        <${SeatsFigure} seats=${data.limits.seats} />
        ${data.limits.items.map((/** @type {any} */ one) => html`<${LimitFigure} key=${one.meter + one.window} limit=${one} />`)}
      </div>
      <${Charts} data=${data} />
      ${capping && html`<${Cap} at=${at} spend=${data.limits.spend} onClose=${() => setCapping(false)} onDone=${found.reload} />`}`}<//>
  <//>`;
}

/** @param {{ at: import("../shell.js").At, data: any, onCap: () => void }} props */
function Spend({ at, data, onCap }) {
  const { currency, spent_cents: spent, cap_cents: cap } = data.limits.spend;
  const used = cap ? (100 * Number(spent)) / Number(cap) : 0;
  return html`<div class="card figure"><span class="soft">${s.usage.spend}</span><span class="value">${money(spent, currency)}${cap !== null && html`<span class="soft small"> / ${money(cap, currency)}</span>`}</span>
    ${cap !== null ? html`<${MeterBar} percent=${used} label=${s.usage.spend} />` : html`<span class="soft small">${s.usage.noCap}</span>`}
    ${at.can("billing:manage") && html`<span><button class="link small" onClick=${onCap}>${cap === null ? s.usage.setCap : s.usage.changeCap}</button></span>`}</div>`;
}

/** @param {{ data: any }} props */
function Charts({ data }) {
  const used = data.meters.filter((/** @type {any} */ meter) => data.sums.some((/** @type {any} */ sum) => sum.meter === meter.name && Number(sum.quantity) !== 0));
  if (used.length === 0) return html`<div class="card"><${Empty} icon="usage" title=${s.usage.none} text=${s.usage.noneText} /></div>`;
  return html`<div class="charts">${used.map((/** @type {any} */ meter) => {
    const limit = data.limits.items.find((/** @type {any} */ one) => one.meter === meter.name);
    const { from, to } = (limit && monthOf(limit)) ?? data;
    return html`<${UsageChart} key=${meter.name} meter=${meter} limit=${limit} from=${from} to=${to} sums=${data.sums.filter((/** @type {any} */ sum) => sum.meter === meter.name && Date.parse(sum.to) > Date.parse(from))} />`;
  })}</div>`;
}

/** @param {{ at: import("../shell.js").At, spend: any, onClose: () => void, onDone: () => void }} props */
function Cap({ at, spend, onClose, onDone }) {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency: spend.currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const submit = async (/** @type {Record<string, string>} */ { spend_cap_cents: text }) => {
    const amount = text.trim() === "" ? null : Math.round(Number(text.replace(",", ".")) * 10 ** digits);
    if (amount !== null && !(amount >= 0)) throw Object.assign(new Error(s.usage.badCap), { fields: [{ field: "spend_cap_cents", message: s.usage.badCap }] });
    await patch(at.api("/limits"), { spend_cap_cents: amount });
    toast(s.saved);
    onDone();
    onClose();
  };
  return html`<${Dialog} title=${s.usage.cap} onClose=${onClose}><${Form} onSubmit=${submit} submit=${s.save} onCancel=${onClose}>
    <p class="soft">${s.usage.capText}</p>
    <${Field} label=${s.usage.capIn(spend.currency)} name="spend_cap_cents" inputmode="decimal" value=${spend.cap_cents === null ? "" : (spend.cap_cents / 10 ** digits).toFixed(digits)} hint=${s.usage.capHint} autofocus />
  <//><//>`;
}
