import { onSubmit, post, tokenInAddress } from "./form.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("#accept"));
const steps = [...form.querySelectorAll("fieldset")];
/** What the first step answered, where a second factor is asked for. */
let mfaToken = "";

/** Shows a step, empty; fields of the other are neither seen nor asked for. */
function show(name) {
  for (const step of steps) {
    step.hidden = step.disabled = step.dataset.step !== name;
  }
  form.reset();
  /** @type {HTMLInputElement} */ (form.querySelector("fieldset:enabled input")).focus();
}

async function signIn({ email, password, code }) {
  if (!mfaToken) return post("/auth/sign-in", { email, password });
  try {
    return await post("/auth/mfa", { mfa_token: mfaToken, code });
  } catch (error) {
    // A wrong code may be tried again; what has run out begins anew.
    if (error.code === "mfa_token_invalid") {
      mfaToken = "";
      show("password");
    }
    throw error;
  }
}

onSubmit(form, async (values) => {
  const answer = await signIn(values);
  if (answer.mfa_required) {
    mfaToken = answer.mfa_token;
    show("code");
    return { more: "You have a second factor. Enter the code that your app shows, or a recovery code." };
  }
  try {
    const membership = await post("/invitations/accept", { token: tokenInAddress() }, answer.access_token);
    return `You are ${membership.role} of ${membership.tenant.name} now.`;
  } catch (error) {
    // The next try may be another person's.
    if (mfaToken) show("password");
    mfaToken = "";
    throw error;
  } finally {
    // The session was for this alone.
    await post("/auth/sign-out", undefined, answer.access_token).catch(() => {});
  }
});
