import { onSubmit, post, tokenInAddress } from "./form.js";

onSubmit(document.querySelector("#accept"), async ({ email, password }) => {
  const { access_token: token } = await post("/auth/sign-in", { email, password });
  const membership = await post("/invitations/accept", { token: tokenInAddress() }, token);
  return `You are ${membership.role} of ${membership.tenant.name} now.`;
});
