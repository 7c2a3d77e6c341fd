// Starts the console: who is signed in, which screen the address names.

import { onStepUp } from "./api.js";
import { html, render, useEffect, useState } from "./dom.js";
import { ProblemNote } from "./parts/form.js";
import { Screen } from "./parts/screen.js";
import { Toasts } from "./parts/toasts.js";
import { catchLinks, currentRoute, navigate, to, toOperator, useRoute } from "./router.js";
import { loadMe, useMe } from "./session.js";
import { Shell } from "./shell.js";
import { askForStepUp, StepUp } from "./step-up.js";
import { SCREENS } from "./screens.js";
import "./theme.js";

/** Screens of somebody who is not signed in. */
const OUTSIDE = new Set(["sign-in", "sign-up", "forgot"]);

function App() {
  const route = useRoute();
  const me = useMe();
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const start = () => loadMe().then(() => setProblem(null), setProblem);
  useEffect(() => void start(), []);
  const isOutside = OUTSIDE.has(route.name) && !route.tenant;
  useEffect(() => {
    if (me === null && !isOutside) {
      const back = location.pathname.length > 9 ? `?to=${encodeURIComponent(location.pathname + location.search)}` : "";
      navigate(`/console/sign-in${back}`, { replace: true });
    }
    if (me && isOutside) navigate(wayBack() ?? homeOf(me), { replace: true });
  }, [me, isOutside]);
  if (me === undefined) return problem && html`<main class="outside"><${ProblemNote} problem=${problem} retry=${start} /></main>`;
  if (me === null) return isOutside && html`<${Screen} load=${SCREENS[route.name]} />`;
  return !isOutside && html`<${Shell} me=${me} route=${route} />`;
}

/** The tenant of whoever has but one, else the choice; the installation for whoever runs it. @param {import("./session.js").Me} me */
const homeOf = ({ operator, memberships: [only, ...others] }) => {
  if (operator) return toOperator("overview");
  return only && others.length === 0 ? to(only.tenant.slug, "records") : "/console";
};

/** Where to go after signing in: within the console only. */
function wayBack() {
  const address = new URLSearchParams(currentRoute().search).get("to");
  return address && /^\/console\/(?!\/)[^\\]*$/.test(address) ? address : null;
}

onStepUp(askForStepUp);
catchLinks();
render(html`<${App} /><${StepUp} /><${Toasts} />`, /** @type {Element} */ (document.querySelector("#app")));
