import { onSubmit, post, tokenInAddress } from "./form.js";

onSubmit(document.querySelector("#setup"), async (values) => {
  const identity = await post("/setup", { ...values, token: tokenInAddress() });
  return `${identity.email} is the operator now. Sign in at /console.`;
});
