import { onSubmit, post, tokenInAddress } from "./form.js";

onSubmit(document.querySelector("#reset"), async ({ new_password }) => {
  await post("/auth/password/reset", { token: tokenInAddress(), new_password });
  return "Your password is set. Sign in with it.";
});
