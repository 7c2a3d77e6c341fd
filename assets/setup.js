import { onSubmit, post, tokenInAddress } from "./form.js";

onSubmit(document.querySelector("#setup"), async (values) => {
  const identity = await post("/setup", { ...values, token: tokenInAddress() });
  // Whoever has just chosen a password need not type it again: on to the first tenant.
  try {
    const { expires_in: seconds } = await post("/auth/sign-in?cookies=1", { email: values.email, password: values.password });
    localStorage.setItem("tenantry.access-until", String(Date.now() + (seconds - 15) * 1000));
    location.assign("/console/operator/overview");
  } catch {
    // They are the operator all the same.
  }
  return `${identity.email} is the operator now. Sign in at /console.`;
});
