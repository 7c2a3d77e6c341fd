import { get, list, post, put, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { day, money } from "../format.js";
import { useLoad } from "../load.js";
import { Confirm } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { Badge, Empty, Loaded, Page, Time } from "../parts/page.js";
import { linesOf } from "../parts/plan-lines.js";
import { attempt, toast } from "../parts/toasts.js";
import { to } from "../router.js";
import { s } from "../strings.js";
import { BillingDetails } from "./billing-details.js";

/** On which plan the tenant is, and the others. @param {{ at: import("../shell.js").At }} props */
export default function Plan({ at }) {
  const manages = at.can("billing:manage");
  const found = useLoad(async () => {
    const [plans, subscription] = await Promise.all([list("/plans"), get(at.api("/subscription"))]);
    return { plans, subscription };
  }, [at.tenant.id]);
  const [choosing, setChoosing] = useState(/** @type {any} */ (null));
  const portal = () => attempt(async () => location.assign((await post(at.api("/billing/portal"))).url));
  const choose = async (/** @type {any} */ plan, /** @type {string} */ when) => {
    try {
      await put(at.api("/subscription"), { plan: plan.key, when });
    } catch (problem) {
      if (problem.code !== "checkout_required") throw problem;
      const back = location.origin + to(at.slug, "plan");
      location.assign((await post(at.api("/billing/checkout"), { plan: plan.key, success_url: back, cancel_url: back })).url);
      return;
    }
    toast(when === "now" ? s.plan.changed(plan.title) : s.plan.planned(plan.title));
    await found.reload();
  };
  return html`<${Page} title=${s.screens.plan} of=${at.tenant.name} actions=${manages && found.data?.subscription.stripe_subscription_id && html`<button class="button" onClick=${portal}>${s.plan.portal}</button>`}>
    <${Loaded} of=${found}>${(/** @type {any} */ { plans, subscription }) => {
      const mine = plans.find((/** @type {any} */ plan) => plan.key === subscription.plan);
      const next = subscription.scheduled_change;
      return html`<div class="pair"><div class="card"><header><h2>${mine?.title ?? subscription.plan}</h2><${Badge} kind=${{ active: "good", trialing: "info" }[/** @type {string} */ (subscription.status)] ?? "warn"}>${s.plan.statuses[subscription.status] ?? subscription.status}<//></header>
          <dl class="facts"><dt>${s.plan.period}</dt><dd><${Time} at=${subscription.period_start} /> – <${Time} at=${subscription.period_end} /></dd>
            ${subscription.trial_end && html`<dt>${s.plan.trial}</dt><dd><${Time} at=${subscription.trial_end} near /></dd>`}
            ${next && html`<dt>${s.plan.next}</dt><dd>${s.plan.nextIs(next.plan, day(next.at))} ${manages && html`<button class="link" onClick=${() => attempt(async () => { await remove(at.api("/subscription/scheduled-change")); await found.reload(); }, s.plan.kept)}>${s.plan.keep}</button>`}</dd>`}
            <dt>${s.plan.version}</dt><dd>${subscription.version}${subscription.newest_version > subscription.version && html` <span class="soft">(${s.plan.newest(subscription.newest_version)})</span>`}</dd></dl></div>
        <${BillingDetails} at=${at} /></div>
        ${plans.length === 0 ? html`<div class="card"><${Empty} icon="plan" title=${s.plan.none} /></div>`
          : html`<div class="plans">${plans.map((/** @type {any} */ plan) => html`<${PlanCard} key=${plan.key} plan=${plan} current=${plan.key === subscription.plan} scheduled=${next?.plan === plan.key} manages=${manages} onChoose=${(/** @type {string} */ when) => setChoosing({ plan, when })} />`)}</div>`}
        ${choosing && html`<${Confirm} title=${s.plan.chooseTitle(choosing.plan.title)} text=${choosing.when === "now" ? s.plan.nowText : s.plan.laterText(day(subscription.period_end))} action=${choosing.when === "now" ? s.plan.now : s.plan.later}
          onClose=${() => setChoosing(null)} onConfirm=${() => choose(choosing.plan, choosing.when)} />`}`;
    }}<//>
  <//>`;
}

/** @param {{ plan: any, current: boolean, scheduled: boolean, manages: boolean, onChoose: (when: string) => void }} props */
function PlanCard({ plan, current, scheduled, manages, onChoose }) {
  return html`<section class=${`card plan ${current ? "current" : ""}`}><div class="row apart"><h2>${plan.title}</h2>${current && html`<${Badge} kind="good">${s.plan.current}<//>`}${scheduled && html`<${Badge} kind="info">${s.plan.next}<//>`}</div>
    <p><b class="value">${money(plan.fee_cents, plan.currency)}</b> <span class="soft">/ ${s.plan.intervals[plan.interval] ?? plan.interval}</span></p>
    <ul class="small">${linesOf(plan).map((line) => html`<li><${Icon} name="check" /><span>${line}</span></li>`)}</ul>
    ${manages && !current && html`<div class="actions"><button class="button" onClick=${() => onChoose("now")}>${s.plan.choose}</button>${!scheduled && html`<button class="link small" onClick=${() => onChoose("period_end")}>${s.plan.atEnd}</button>`}</div>`}
  </section>`;
}
