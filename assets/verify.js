import { onSubmit, post, tokenInAddress } from "./form.js";

onSubmit(document.querySelector("#verify"), async () => {
  await post("/auth/email/verify", { token: tokenInAddress() });
  return "Your address is confirmed.";
});
